"""What it costs to load definitions: 500 units and 100 jobs of ours, against bare Dagster (`by_hand.py`).

Ours is loaded "cold", where no root was ever read, and "warm", as every run and step loads it after the first. Each is
loaded in a process of its own, `python -m benchmarks.definitions CONTENDER FOLDER`, which prints its processor seconds
(there is nothing to wait for) and everything that left the process meanwhile: no child may be started and nothing be
connected.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.platforms import platform_text

#: Events of Python's audit hooks that mean: something was started or connected.
_LEAVING = {
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.system",
    "socket.connect",
    "socket.getaddrinfo",
}
#: Ours without and with what an earlier load has noted.
OURS = ("cold", "warm")
UNITS, JOBS, PER_ROOT = 500, 100, 100
_PER_TENANT = 20

_RAW = "name: raw\ntype: s3\nbucket: raw\ntags: {source_system: till, owner: connector@example.com}\n"
_WAREHOUSE = "name: {tenant}\ntype: warehouse\ndataset: {tenant}_till\n"
_ASSET = """\
name: till_{name}
version: "1.0"
source_type: till
object: {name}
team: {{owner: sales@example.com}}
schema:
  - {{name: id, type: bigint, required: true}}
  - {{name: amount, type: double}}
"""
_JOB = """\
tenant_id: {tenant}
source_connector_path: connectors/raw.yaml
target_connector_path: connectors/{tenant}.yaml
asset_path: assets/till/v1.0/{name}.yaml
schedule: rate(12 hours)
infrastructure:
  runtime: {{type: aws_ecs_fargate, cpu: 256, memory: 512}}
"""
_MODULE = """
module "{name}" {{
  source    = "../../modules/service"
  name      = "{name}"
  retention = {retention}
}}
"""
_PROVIDER = 'provider "aws" {\n  region = "us-east-1"\n}\n'


def write_fleet(folder: Path, jobs: int = JOBS) -> Path:
    """A platform with ingest jobs, and a module for roots beside it."""
    _write(folder / "config/platform.yaml", platform_text("fleet"))
    _write(folder / "config/codebuild-config.yml", "codebuild: []\n")
    _write(folder / "config/connectors/raw.yaml", _RAW)
    for number in range(jobs):
        name, tenant = f"table{number:03}", f"tenant{number // _PER_TENANT}"
        _write(folder / f"config/assets/till/v1.0/{name}.yaml", _ASSET.format(name=name))
        _write(folder / f"config/connectors/{tenant}.yaml", _WAREHOUSE.format(tenant=tenant))
        _write(folder / f"config/jobs/{tenant}/{name}.yaml", _JOB.format(name=name, tenant=tenant))
    module = Path(__file__).parent / "modules" / "service" / "main.tf"
    _write(folder / "terraform/modules/service/main.tf", module.read_text())
    return folder


def write_roots(folder: Path, units: int) -> list[Path]:
    """Roots of the user's own, of 100 units at most."""
    roots = []
    for number, first in enumerate(range(0, units, PER_ROOT)):
        roots.append(folder / f"terraform/roots/fleet{number}")
        _write(roots[-1] / "main.tf", _root(number, min(PER_ROOT, units - first)))
    return roots


def _root(number: int, units: int) -> str:
    """A root as people write it: of five units, four use what another one made."""
    calls = []
    for index in range(units):
        retention = f"length(module.svc{number}{index - 1:02}.role_arn)" if index % 5 else "14"
        calls.append(_MODULE.format(name=f"svc{number}{index:02}", retention=retention))
    return _PROVIDER + "".join(calls)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def load_ours(folder: Path) -> Any:
    """The platform's definitions, with the user's own roots beside them, up to 500 units in all."""
    from dagster import Definitions

    os.environ.update(BUILDKIT_PROJECT=str(folder), BUILDKIT_ENV="dev")
    from buildkit_dagster.definitions import defs as platform

    own = {key for asset in platform.assets or () for key in getattr(asset, "keys", ()) if key.path[0] == "infra"}
    roots = [_assets_of_root(root) for root in write_roots(folder, UNITS - len(own))]
    return Definitions.merge(platform, Definitions(assets=roots))


def _assets_of_root(folder: Path) -> Any:
    from dagster import AssetExecutionContext

    from buildkit_dagster import TerraformCliResource, TerraformStack, terraform_assets

    @terraform_assets(stack=TerraformStack(folder))
    def converge(context: AssetExecutionContext) -> Iterator[Any]:
        yield from TerraformCliResource().cli(["apply"], context=context).stream()

    return converge


def load(contender: str, folder: Path) -> Any:
    """The definitions of a contender."""
    if contender in OURS:
        return load_ours(folder)
    from benchmarks.by_hand import bare, written

    return (written if contender == "written" else bare)(UNITS, JOBS, PER_ROOT)


def main(contender: str, folder: Path) -> None:
    """Load in this process and print what it took as JSON."""
    import dagster  # noqa: F401 - all contenders need it, and it starts a program of the system by itself

    import benchmarks.by_hand  # noqa: F401 - nothing of a contender's own

    left: list[str] = []
    sys.addaudithook(lambda event, about: left.append(f"{event} {about[:2]}") if event in _LEAVING else None)
    if contender == "cold":
        for work in folder.glob("terraform/roots/*/.buildkit"):
            shutil.rmtree(work)
    began = time.process_time()
    if contender in OURS:
        import buildkit_dagster.defs.build  # noqa: F401 - counted apart
    imported = time.process_time()
    repository = load(contender, folder).get_repository_def()
    graph = repository.asset_graph
    loaded = time.process_time()
    figures = {
        "imports": imported - began,
        "seconds": loaded - imported,
        "left": left,
        "graph": size_of(repository, graph),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def size_of(repository: Any, graph: Any) -> dict[str, int]:
    """How much of everything there is, so that contenders can be seen to be of one size."""
    keys = graph.get_all_asset_keys()
    return {
        "units": sum(key.path[0] == "infra" for key in keys),
        "assets": len(keys),
        "edges": sum(len(graph.get(key).parent_keys) for key in keys),
        "checks": len(graph.asset_check_keys),
        "ops": len({graph.get(key).assets_def.op.name for key in keys}),
        "schedules": len(repository.schedule_defs),
        "jobs": len(repository.get_all_jobs()),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
