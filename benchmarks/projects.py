"""What 200 dbt projects in one file cost: to validate, against PyYAML's C parse of it; to load, against bare Dagster.

Each contender runs in a process of its own, `python -m benchmarks.projects CONTENDER FOLDER`, which prints its
processor seconds. The projects are of other repositories and not built yet.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.platforms import platform_text

PROJECTS = 200
CONTENDERS = ("parse", "validate", "ours", "bare")
_ENTRY = """\
  - name: p{number:03}
    active: true
    org: example-org
    repo: models-{number:03}
    engine: duckdb
    commands: [dbt deps, dbt build, dbt docs generate]
    schedule: "cron(0 3 * * ? *)"
    timeout: 180
    compute_type: BUILD_GENERAL1_MEDIUM
    slack-notification: {{active: true, channel: "#data-alerts", secret_name: slack-token}}
    environment_variables: {{LOG_LEVEL: INFO, REGION: eu}}
"""


def write_projects(folder: Path) -> None:
    (folder / "config").mkdir(parents=True)
    (folder / "config/platform.yaml").write_text(platform_text("fleet"))
    entries = "".join(_ENTRY.format(number=number) for number in range(PROJECTS))
    (folder / "config/codebuild-config.yml").write_text(f"codebuild:\n{entries}")


def parse(folder: Path) -> None:
    import yaml

    yaml.load((folder / "config/codebuild-config.yml").read_text(), Loader=yaml.CSafeLoader)


def validate(folder: Path) -> None:
    from buildkit_dagster.config.draft import project_entries
    from buildkit_dagster.config.yaml import read_document

    _, problems = project_entries(read_document(folder / "config/codebuild-config.yml"))
    assert not problems, problems


def ours(folder: Path) -> Any:
    from buildkit_dagster.config.environment import read_environment
    from buildkit_dagster.config.load import load_platform
    from buildkit_dagster.defs.build import build_definitions

    return build_definitions(load_platform(folder, "dev"), read_environment()).get_repository_def()


def bare(_: Path) -> Any:
    """As many assets, checks, jobs, schedules and sensors that say nothing."""
    import dagster as dg

    def multi(name: str, specs: list[Any], checks: list[Any]) -> Any:
        @dg.multi_asset(name=name, specs=specs, check_specs=checks, can_subset=True)
        def nothing(_context: dg.AssetExecutionContext) -> Iterator[Any]:
            yield from ()

        return nothing

    units = [dg.AssetSpec(["infra", "dbt", f"u{number}"]) for number in range(2 * PROJECTS + 10)]
    checks = [dg.AssetCheckSpec("drift", asset=unit.key) for unit in units]
    names = [f"p{number:03}" for number in range(PROJECTS)]
    builds = [multi(name, [dg.AssetSpec([name, "build"], deps=[units[0].key])], []) for name in names]
    jobs = [dg.define_asset_job(f"j_{name}", dg.AssetSelection.key_prefixes(name)) for name in names]
    schedules = [dg.ScheduleDefinition(job=job, cron_schedule="0 3 * * *") for job in jobs]
    sensors = [
        dg.AutomationConditionSensorDefinition(f"s_{name}", target=dg.AssetSelection.key_prefixes(name))
        for name in names
    ]
    assets = [multi("units", units, checks), *builds]
    return dg.Definitions(assets=assets, jobs=jobs, schedules=schedules, sensors=sensors).get_repository_def()


def main(contender: str, folder: Path) -> None:
    action = {"parse": parse, "validate": validate, "ours": ours, "bare": bare}[contender]
    if contender in ("parse", "validate"):
        action(folder)  # once before it counts: imports, and what is made once a process
    else:
        # Imports are counted by `definitions.py`; `build.py` brings what is about dbt only where there is a project.
        import buildkit_dagster.defs.build
        import buildkit_dagster.defs.dbt_project  # noqa: F401
    began = time.process_time()
    action(folder)
    sys.stdout.write(json.dumps({"seconds": time.process_time() - began}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
