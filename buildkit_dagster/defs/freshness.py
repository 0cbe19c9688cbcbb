"""Whether last models of dbt projects, and tables, are as young as their `freshness` says: Dagster's own checks.

A table's own check `freshness` says how old its rows are, yet only when its job runs (`ingest_checks.py`); the one made
here notices that the job does not run. A sensor asks for a check when its table would become stale. Not Dagster's
`FreshnessPolicy`: what it finds is no check, so it stops no job and nobody is told. The freshness of sources is dbt's,
in `dbt_checks.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from dagster import (
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetsDefinition,
    DefaultSensorStatus,
    SensorDefinition,
    build_last_update_freshness_checks,
    build_sensor_for_freshness_checks,
)
from dagster_shared.utils.warnings import SupersessionWarning

from buildkit_dagster.config.models import Platform
from buildkit_dagster.naming import table_key

_SENSOR = "freshness"


def freshness_checks(
    platform: Platform, projects: Mapping[str, Sequence[AssetsDefinition]]
) -> list[AssetChecksDefinition]:
    """A check per last model of each project with `freshness`; `projects` is name -> models."""
    with _without_advice():
        return [
            check
            for project in platform.dbt_projects
            if project.freshness
            for check in build_last_update_freshness_checks(
                assets=last_models(projects[project.name]),
                lower_bound_delta=timedelta(hours=project.freshness.hours),
                severity=AssetCheckSeverity(project.freshness.severity.upper()),
            )
        ]


def table_freshness_checks(platform: Platform) -> list[AssetChecksDefinition]:
    """A check per table whose asset says how old its newest load may be: whether it was loaded at all in that time."""
    wanted = [(job.asset, job.asset.data_quality.freshness) for job in platform.ingest_jobs]
    with _without_advice():
        return [
            check
            for asset, freshness in wanted
            if freshness
            for check in build_last_update_freshness_checks(
                assets=[AssetKey(table_key(asset.source_type, asset.object))],
                lower_bound_delta=timedelta(hours=freshness.hours),
                severity=AssetCheckSeverity(freshness.severity.upper()),
            )
        ]


def last_models(models: Iterable[AssetsDefinition]) -> list[AssetKey]:
    """A project's assets that nothing else of the project reads."""
    specs = [spec for asset in models for spec in asset.specs]
    read = {dep.asset_key for spec in specs for dep in spec.deps}
    return [spec.key for spec in specs if spec.key not in read]


def freshness_sensors(checks: Sequence[AssetChecksDefinition]) -> list[SensorDefinition]:
    """One running sensor over all of them; none where there is no check."""
    if not checks:
        return []
    running = DefaultSensorStatus.RUNNING
    with _without_advice():
        return [build_sensor_for_freshness_checks(freshness_checks=checks, name=_SENSOR, default_status=running)]


@contextmanager
def _without_advice() -> Iterator[None]:
    """Dagster recommends the policy wherever these functions are called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SupersessionWarning)
        yield
