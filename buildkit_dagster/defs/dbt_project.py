"""What one dbt project brings to the definitions: models, report, jobs and the sensor by which it follows its data.

Each part is made in its own module. `build.py` imports this one only where a platform has a project: dbt takes longer
to import than everything else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagster import AssetsDefinition, AssetSelection, AssetSpec, SensorDefinition
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.automation import automation_sensor, project_selection, with_automation
from buildkit_dagster.defs.dbt_elementary import elementary_specs
from buildkit_dagster.defs.dbt_jobs import scheduled_jobs
from buildkit_dagster.defs.left_out import LeftOut


@dataclass(frozen=True)
class ProjectDefinitions:
    """The parts of a project; `selection` is all that is built and tested in this environment, `jobs` build less."""

    models: Sequence[AssetsDefinition]
    selection: AssetSelection
    reports: Sequence[AssetSpec]
    jobs: Sequence[UnresolvedAssetJobDefinition]
    sensor: SensorDefinition


def project_definitions(
    platform: Platform, project: DbtProject, assets: Sequence[AssetsDefinition], left_out: LeftOut
) -> ProjectDefinitions:
    """The definitions of `project`, whose models are `assets`; raises `NothingScheduled`."""
    models = with_automation([left_out.marked(asset) for asset in assets], left_out.assets)
    keys = {key for asset in models for key in asset.keys}
    return ProjectDefinitions(
        models=models,
        selection=left_out.taken_from(project_selection(project, models), keys),
        reports=elementary_specs(project, models),
        jobs=scheduled_jobs(platform, project, models, left_out),
        sensor=automation_sensor(platform, project, models),
    )
