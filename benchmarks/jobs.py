"""What 1,000 ingest jobs cost: to validate, against PyYAML's C parse of the same files; to load, against the same graph
in bare Dagster; to render all stacks, against `json` writing the same bytes.

Each contender runs in a process of its own, `python -m benchmarks.jobs CONTENDER FOLDER`, which prints its processor
seconds. Rendering ends with the text of each root in memory, as the disk is the same for both.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

JOBS = 1000
CONTENDERS = ("parse", "validate", "load", "written", "bare", "render", "json")


def write_jobs(folder: Path) -> None:
    from benchmarks.definitions import write_fleet

    write_fleet(folder, JOBS)


def parse(folder: Path) -> Callable[[], Any]:
    import yaml

    files = [file for file in folder.rglob("config/**/*") if file.suffix in (".yaml", ".yml")]
    return lambda: [yaml.load(file.read_text(), Loader=yaml.CSafeLoader) for file in files]


def validate(folder: Path) -> Callable[[], Any]:
    from buildkit_dagster.config.validate import examine

    def work() -> None:
        problems = examine(folder).problems
        assert not problems, problems

    return work


def load(folder: Path) -> Callable[[], Any]:
    import buildkit_dagster.defs.build as ours
    from buildkit_dagster.config.environment import read_environment
    from buildkit_dagster.config.load import load_platform

    def work() -> Any:
        return ours.build_definitions(load_platform(folder, "dev"), read_environment()).get_repository_def()

    return work


def written(_: Path) -> Callable[[], Any]:
    from benchmarks import by_hand

    units = sum(by_hand.own_units(JOBS).values())
    return lambda: by_hand.written(units, JOBS, units).get_repository_def()


def bare(_: Path) -> Callable[[], Any]:
    from benchmarks import by_hand

    return lambda: by_hand.bare(JOBS, JOBS, 100).get_repository_def()


def render(folder: Path) -> Callable[[], Any]:
    from buildkit_dagster.config.load import load_platform

    platform = load_platform(folder, "dev")
    return lambda: [_text(body) for body in _bodies(platform)]


def write_json(folder: Path) -> Callable[[], Any]:
    from buildkit_dagster.config.load import load_platform

    bodies = _bodies(load_platform(folder, "dev"))
    return lambda: [_text(body) for body in bodies]


def _bodies(platform: Any) -> list[dict[str, Any]]:
    """The root of every stack as Terraform reads it."""
    from buildkit_dagster.stacks.build import platform_roots
    from buildkit_dagster.terraform.stack import TerraformStack

    roots = platform_roots(platform, defaultdict(lambda: "0" * 16))
    return [TerraformStack.rendered(root, platform.work).body() for root in roots]


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, sort_keys=True)


_WORK: Mapping[str, Callable[[Path], Callable[[], Any]]] = {
    "parse": parse,
    "validate": validate,
    "load": load,
    "written": written,
    "bare": bare,
    "render": render,
    "json": write_json,
}
#: These are done once before it counts: what is made once a process is not what is compared.
_WARM = ("parse", "validate", "render", "json")


def main(contender: str, folder: Path) -> None:
    work = _WORK[contender](folder)
    if contender in _WARM:
        work()
    # What there is by now is not counted, neither is the collector's looking at it.
    gc.freeze()
    began = time.process_time()
    work()
    sys.stdout.write(json.dumps({"seconds": time.process_time() - began}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
