"""All definitions of a platform, put together: the one place that knows every part.

Each kind of asset is made in its own module; configuration is loaded by `definitions.py` and the command line.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster import AssetsDefinition, Definitions, in_process_executor

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import automation_sensors, with_automation
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.image import image_assets
from buildkit_dagster.defs.infra import infra_assets
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.defs.jobs import FORKING_EXECUTOR, platform_jobs
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.defs.terraform.loops import refuse_loops


def build_definitions(platform: Platform, process: ProcessEnvironment) -> Definitions:
    """The definitions of `platform`; reads local files only, raises BuildkitError when one of them is wrong."""
    assets = _assets(platform, process)
    refuse_loops(assets)
    keys = {key for asset in assets for key in asset.keys}
    sensors = object_sensors(platform, process)
    # Dagster takes the jobs of a sensor as definitions too, and refuses the same one twice.
    of_sensors = {job.name for sensor in sensors for job in sensor.jobs}
    return Definitions(
        assets=assets,
        jobs=[job for job in platform_jobs(platform, keys) if job.name not in of_sensors],
        schedules=schedules(platform),
        sensors=[*sensors, *automation_sensors(platform)],
        # Runs the sensors ask for: in the emulator they are short, and a worker of its own costs more than the step.
        executor=in_process_executor if platform.config.cloud == "emulator" else FORKING_EXECUTOR,
    )


def _assets(platform: Platform, process: ProcessEnvironment) -> Sequence[AssetsDefinition]:
    models = [
        asset
        for project in platform.dbt_projects
        for asset in with_automation(dbt_assets_of(platform, project, process))
    ]
    return [
        *infra_assets(platform, process),
        *image_assets(platform, process),
        *ingest_assets(platform, process),
        *models,
    ]
