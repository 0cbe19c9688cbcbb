"""All definitions of a platform, put together: the one place that knows every part.

Each kind of asset is made in its own module; configuration is loaded by `definitions.py` and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dagster import AssetChecksDefinition, AssetsDefinition, Definitions, SensorDefinition, in_process_executor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.backlog import backlog_checks, backlog_sensors
from buildkit_dagster.defs.checks import DRIFT
from buildkit_dagster.defs.connections import connection_checks
from buildkit_dagster.defs.costs import cost_assets, cost_jobs, cost_schedules
from buildkit_dagster.defs.dead_letters import replay_jobs
from buildkit_dagster.defs.freshness import freshness_checks, freshness_sensors, table_freshness_checks
from buildkit_dagster.defs.google_sensors import google_sensors
from buildkit_dagster.defs.image import image_assets
from buildkit_dagster.defs.infra import gatekeeper_of, infra_assets, infra_checks, terraform_of, terraform_stacks
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.defs.jobs import FORKING_EXECUTOR, dbt_job, looked_at, platform_jobs
from buildkit_dagster.defs.left_out import LeftOut, left_out_of
from buildkit_dagster.defs.locks import terraform_lock_checks, terraform_lock_sensor, terraform_release_job
from buildkit_dagster.defs.notifications import notification_sensors
from buildkit_dagster.defs.object_jobs import Build
from buildkit_dagster.defs.object_polling import polling_sensors
from buildkit_dagster.defs.planning import plan_job
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.defs.terraform.loops import refuse_loops
from buildkit_dagster.terraform.stack import TerraformStack

if TYPE_CHECKING:
    from buildkit_dagster.defs.dbt_project import ProjectDefinitions


def build_definitions(platform: Platform, process: ProcessEnvironment) -> Definitions:
    """The definitions of `platform`; reads local files only, raises BuildkitError when one of them is wrong."""
    stacks, terraform = terraform_stacks(platform), terraform_of(platform, aws_for(platform, process))
    made, models = _own_assets(platform, process, stacks), _dbt_models(platform, process)
    left_out = left_out_of(platform.environment, [*made, *(asset for each in models.values() for asset in each)])
    projects = _dbt_projects(platform, models, left_out)
    freshness = [*freshness_checks(platform, models), *table_freshness_checks(platform)]
    checks = [
        *infra_checks(platform, process, stacks),
        terraform_lock_checks(made, terraform),
        connection_checks(platform, process, stacks),
        *backlog_checks(platform, process),
        *freshness,
    ]
    assets = [
        *(left_out.marked(asset) for asset in made),
        *(asset for project in projects.values() for asset in project.models),
    ]
    refuse_loops(assets)
    reports = [spec for project in projects.values() for spec in project.reports]
    builds = _builds(projects, checks)
    sensors = [
        *object_sensors(platform, process, builds),
        *polling_sensors(platform, process, builds),
        *google_sensors(platform, process),
    ]
    return Definitions(
        assets=[*assets, *reports],
        asset_checks=checks,
        jobs=[
            *_jobs(platform, assets, checks, projects, sensors, left_out),
            *(job for project in projects.values() for job in project.jobs),
            plan_job(left_out.others(assets), partial(gatekeeper_of, platform, process)),
            terraform_release_job(made, terraform),
            *cost_jobs(platform),
            *replay_jobs(platform, process),
        ],
        schedules=[
            *schedules(
                platform,
                has_drift=any(key.name == DRIFT for each in checks for key in each.check_keys),
                left_out=left_out.assets,
            ),
            *cost_schedules(platform),
        ],
        sensors=[
            *sensors,
            terraform_lock_sensor(made, terraform),
            *backlog_sensors(platform, process),
            *(project.sensor for project in projects.values()),
            *freshness_sensors(freshness),
            *notification_sensors(platform, process, models, assets),
        ],
        # Runs the sensors ask for: in the emulator they are short, and a worker of its own costs more than the step.
        executor=in_process_executor if platform.config.cloud == "emulator" else FORKING_EXECUTOR,
    )


def _own_assets(
    platform: Platform, process: ProcessEnvironment, stacks: Sequence[TerraformStack]
) -> list[AssetsDefinition]:
    """All assets but dbt's."""
    return [
        *infra_assets(platform, process, stacks),
        *image_assets(platform, process),
        *ingest_assets(platform, process),
        *cost_assets(platform, process),
    ]


def _dbt_models(platform: Platform, process: ProcessEnvironment) -> dict[str, list[AssetsDefinition]]:
    if not platform.dbt_projects:
        return {}
    from buildkit_dagster.defs.dbt import dbt_assets_of  # dbt is most of what there is to import

    return {project.name: dbt_assets_of(platform, project, process) for project in platform.dbt_projects}


def _dbt_projects(
    platform: Platform, models: Mapping[str, Sequence[AssetsDefinition]], left_out: LeftOut
) -> dict[str, ProjectDefinitions]:
    if not platform.dbt_projects:
        return {}
    from buildkit_dagster.defs.dbt_project import project_definitions

    return {
        project.name: project_definitions(platform, project, models[project.name], left_out)
        for project in platform.dbt_projects
    }


def _builds(projects: Mapping[str, ProjectDefinitions], checks: Sequence[AssetChecksDefinition]) -> dict[str, Build]:
    """The job of each project, which objects may start."""
    looking = looked_at(key for each in checks for key in each.check_keys)
    return {
        name: Build(
            dbt_job(name, project.selection - looking), tuple(key for each in project.models for key in each.keys)
        )
        for name, project in projects.items()
    }


def _jobs(
    platform: Platform,
    assets: Sequence[AssetsDefinition],
    checks: Sequence[AssetChecksDefinition],
    projects: Mapping[str, ProjectDefinitions],
    sensors: Sequence[SensorDefinition],
    left_out: LeftOut,
) -> list[UnresolvedAssetJobDefinition]:
    """The jobs that no sensor brings: Dagster takes a sensor's jobs as definitions too, and refuses one twice."""
    selections = {name: project.selection for name, project in projects.items()}
    keys = {key for asset in assets for key in asset.keys}
    of_sensors = {job.name for sensor in sensors for job in sensor.jobs}
    check_keys = [key for each in checks for key in each.check_keys]
    jobs = platform_jobs(platform, keys, selections, check_keys, left_out)
    return [job for job in jobs if job.name not in of_sensors]
