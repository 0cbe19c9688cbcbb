"""All definitions of a platform, put together: the one place that knows every part.

Each kind of asset is made in its own module; configuration is loaded by `definitions.py` and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from dagster import AssetChecksDefinition, AssetsDefinition, Definitions, SensorDefinition, in_process_executor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import DbtProject, Platform
from buildkit_dagster.defs.automation import automation_sensor, project_selection, with_automation
from buildkit_dagster.defs.checks import DRIFT
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.image import image_assets
from buildkit_dagster.defs.infra import gatekeeper_for, infra_assets, infra_checks, terraform_stacks
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.defs.jobs import FORKING_EXECUTOR, platform_jobs
from buildkit_dagster.defs.locks import lock_checks, lock_sensor, release_job
from buildkit_dagster.defs.planning import plan_job
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.defs.terraform.loops import refuse_loops


def build_definitions(platform: Platform, process: ProcessEnvironment) -> Definitions:
    """The definitions of `platform`; reads local files only, raises BuildkitError when one of them is wrong."""
    projects = {project.name: _models(platform, project, process) for project in platform.dbt_projects}
    stacks = terraform_stacks(platform)
    checks = infra_checks(platform, process, stacks)
    locks = lock_checks(platform, process, stacks)
    assets = [
        *infra_assets(platform, process, stacks),
        *image_assets(platform, process),
        *ingest_assets(platform, process),
        *(asset for models in projects.values() for asset in models),
    ]
    refuse_loops(assets)
    sensors = object_sensors(platform, process)
    return Definitions(
        assets=assets,
        asset_checks=[*checks, *locks],
        jobs=[
            *_jobs(platform, assets, [*checks, *locks], projects, sensors),
            plan_job(assets, partial(gatekeeper_for, platform, process)),
            release_job(platform, process, stacks),
        ],
        schedules=schedules(platform, has_drift=any(key.name == DRIFT for each in checks for key in each.check_keys)),
        sensors=[
            *sensors,
            lock_sensor(platform, process, stacks),
            *(automation_sensor(platform, project, projects[project.name]) for project in platform.dbt_projects),
        ],
        # Runs the sensors ask for: in the emulator they are short, and a worker of its own costs more than the step.
        executor=in_process_executor if platform.config.cloud == "emulator" else FORKING_EXECUTOR,
    )


def _models(platform: Platform, project: DbtProject, process: ProcessEnvironment) -> list[AssetsDefinition]:
    return with_automation(dbt_assets_of(platform, project, process))


def _jobs(
    platform: Platform,
    assets: Sequence[AssetsDefinition],
    checks: Sequence[AssetChecksDefinition],
    projects: Mapping[str, Sequence[AssetsDefinition]],
    sensors: Sequence[SensorDefinition],
) -> list[UnresolvedAssetJobDefinition]:
    """The jobs that no sensor brings: Dagster takes a sensor's jobs as definitions too, and refuses one twice."""
    selections = {project.name: project_selection(project, projects[project.name]) for project in platform.dbt_projects}
    keys = {key for asset in assets for key in asset.keys}
    of_sensors = {job.name for sensor in sensors for job in sensor.jobs}
    check_keys = [key for each in checks for key in each.check_keys]
    return [job for job in platform_jobs(platform, keys, selections, check_keys) if job.name not in of_sensors]
