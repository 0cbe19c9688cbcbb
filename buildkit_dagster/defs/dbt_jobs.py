"""The jobs that build a part of a dbt project on a schedule of its own.

The job that builds all of it is in `jobs.py`, the schedules are in `schedules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster import AssetsDefinition, AssetSelection, in_process_executor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster_dbt import DbtManifestAssetSelection

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.dbt_translator import ProjectTranslator
from buildkit_dagster.defs.jobs import asset_job
from buildkit_dagster.defs.left_out import LeftOut
from buildkit_dagster.errors import NothingScheduled
from buildkit_dagster.naming import dbt_schedule_name
from buildkit_dagster.runtimes.dbt import manifest_path, read_manifest


def scheduled_jobs(
    platform: Platform, project: DbtProject, assets: Sequence[AssetsDefinition], left_out: LeftOut
) -> list[UnresolvedAssetJobDefinition]:
    """A job for each of the project's schedules that builds a part of it; raises `NothingScheduled`."""
    return [
        asset_job(
            dbt_schedule_name(project.name, each.name),
            _selected(platform, project, assets, left_out, each.name, each.select),
            f"Build {each.select} of the dbt project {project.name}.",
            in_process_executor,
        )
        for each in project.schedules
        if each.select
    ]


def _selected(
    platform: Platform,
    project: DbtProject,
    assets: Sequence[AssetsDefinition],
    left_out: LeftOut,
    schedule: str,
    select: str,
) -> AssetSelection:
    if not manifest_path(platform, project).is_file():
        # Its models are not known yet: the whole project is one asset.
        return AssetSelection.assets(*assets)
    selection = DbtManifestAssetSelection.build(
        manifest=read_manifest(platform, project),
        dagster_dbt_translator=ProjectTranslator(platform, project),
        select=select,
    )
    keys = selection.resolve(assets)
    if not keys:
        raise NothingScheduled(project.name, schedule, select)
    return left_out.taken_from(selection, keys)
