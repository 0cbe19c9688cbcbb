"""What it costs to load definitions: 500 units and 100 jobs of ours, and bare Dagster assets with as many specs.

Each is loaded in a process of its own, `python -m benchmarks.definitions CONTENDER FOLDER`, which prints its seconds
and everything that left the process meanwhile: no child may be started and nothing be connected.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
UNITS, JOBS, PER_ROOT = 500, 100, 100
_PER_TENANT = 20

_PLATFORM = """\
name: fleet
defaults:
  region: us-east-1
  tags: {project: fleet, owner: platform@example.com, department: data, cost_center: DATA-1,
         data_sensitivity: internal, purpose: analytics}
  github: {organization: example-org, repository: fleet}
  buckets: {raw: {}}
  images: {platform: {}}
environments:
  dev:
    cloud: emulator
    account: "123456789012"
    github: {apply_environment: dev}
    warehouse: {type: duckdb, path: .buildkit/dev/warehouse.duckdb}
"""
_RAW = "name: raw\ntype: s3_csv\nbucket: raw\ntags: {source_system: till, owner: connector@example.com}\n"
_WAREHOUSE = "name: warehouse\ntype: warehouse\ndataset: till\n"
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
target_connector_path: connectors/warehouse.yaml
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


def write_fleet(folder: Path) -> Path:
    """A platform with 100 ingest jobs, and a module for roots beside it."""
    _write(folder / "config/platform.yaml", _PLATFORM)
    _write(folder / "config/codebuild-config.yml", "codebuild: []\n")
    _write(folder / "config/connectors/raw.yaml", _RAW)
    _write(folder / "config/connectors/warehouse.yaml", _WAREHOUSE)
    for number in range(JOBS):
        name, tenant = f"table{number:03}", f"tenant{number // _PER_TENANT}"
        _write(folder / f"config/assets/till/v1.0/{name}.yaml", _ASSET.format(name=name))
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

    from buildkit_dagster.config.environment import read_environment
    from buildkit_dagster.config.load import load_platform
    from buildkit_dagster.defs.build import build_definitions

    platform = build_definitions(load_platform(folder, "dev"), read_environment())
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


def load_bare(_: Path) -> Any:
    """The same number of everything in bare Dagster: a `multi_asset` for every 100 units, one of them with two
    checks for each unit, and an asset, a job and a schedule for every job."""
    from dagster import AssetSelection, AssetSpec, Definitions, ScheduleDefinition, define_asset_job

    stacks = [[["infra", f"s{number}", f"u{unit}"] for unit in range(PER_ROOT)] for number in range(UNITS // PER_ROOT)]
    units = [_bare([AssetSpec(key) for key in keys], checks=number == 0) for number, keys in enumerate(stacks)]
    names = [f"table{number}" for number in range(JOBS)]
    tables = [_bare([AssetSpec(["till", name], deps=[["infra", "s0", "u0"]])]) for name in names]
    jobs = [define_asset_job(f"job_{name}", AssetSelection.assets(["till", name])) for name in names]
    schedules = [ScheduleDefinition(job=job, cron_schedule="0 */12 * * *") for job in jobs]
    return Definitions(assets=[*units, *tables], jobs=jobs, schedules=schedules)


def _bare(specs: list[Any], checks: bool = False) -> Any:
    from dagster import AssetCheckSpec, multi_asset

    names = ("drift", "policy") if checks else ()
    check_specs = [AssetCheckSpec(name, asset=spec.key) for spec in specs for name in names]

    @multi_asset(name="_".join(specs[0].key.path), specs=specs, check_specs=check_specs, can_subset=True)
    def nothing():  # type: ignore[no-untyped-def]
        yield from ()

    return nothing


def main(contender: str, folder: Path) -> None:
    """Load in this process and print what it took as JSON."""
    import dagster  # noqa: F401 - both contenders need it, and it starts a program of the system by itself

    left: list[str] = []
    sys.addaudithook(lambda event, about: left.append(f"{event} {about[:2]}") if event in _LEAVING else None)
    loader: Callable[[Path], Any] = load_ours if contender == "ours" else load_bare
    began = time.perf_counter()
    if contender == "ours":
        import buildkit_dagster.defs.build  # noqa: F401 - counted apart
    imported = time.perf_counter()
    repository = loader(folder).get_repository_def()
    loaded = time.perf_counter()
    keys = repository.asset_graph.get_all_asset_keys()
    figures = {
        "imports": imported - began,
        "seconds": loaded - imported,
        "units": sum(key.path[0] == "infra" for key in keys),
        "jobs": sum(key.path[0] == "till" for key in keys),
        "left": left,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
