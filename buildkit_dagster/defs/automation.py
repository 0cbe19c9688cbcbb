"""Data follows data: dbt models are requested when the tables and models they read have changed.

Nothing here reacts to infrastructure or images, and nothing reacts to a run that left data as it was. New objects in
a bucket are in `sensors.py`, clocks in `schedules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
)

from buildkit_dagster.config.models import Platform

#: Keys that are not data.
_NOT_DATA_PREFIXES = ("infra", "image")
_NOT_DATA = AssetSelection.key_prefixes(*([prefix] for prefix in _NOT_DATA_PREFIXES))
_SECONDS = {"emulator": 5, "aws": 30}


def follow_data(tables: Iterable[AssetKey]) -> AutomationCondition:
    """The condition of every model of a project that reads `tables`.

    True when the content of something the model reads has changed since the model was last built or requested, and
    all of the project's tables are there and none is being loaded: files that arrive together make one build.
    """
    changed = AutomationCondition.any_deps_match(
        (
            AutomationCondition.newly_updated()
            & AutomationCondition.data_version_changed()
            & ~AutomationCondition.executed_with_root_target()
        )
        | AutomationCondition.will_be_requested()
    ).ignore(_NOT_DATA)
    condition = (
        changed.since_last_handled()
        & ~AutomationCondition.any_deps_missing().ignore(_NOT_DATA)
        & ~AutomationCondition.any_deps_in_progress().ignore(_NOT_DATA)
        & ~AutomationCondition.in_progress()
    )
    for table in sorted(tables):
        # Both: "no partition is unsettled" is also true of a table that has no partition yet.
        condition &= AutomationCondition.asset_matches(table, ~_unsettled())
        condition &= ~AutomationCondition.asset_matches(table, _unsettled())
    return condition.with_label("data changed")


def _unsettled() -> AutomationCondition:
    return AutomationCondition.missing() | AutomationCondition.in_progress()


def with_automation(assets: Iterable[AssetsDefinition]) -> list[AssetsDefinition]:
    """The assets of one dbt project, each following what it reads; the project's tables are read from their deps."""
    assets = list(assets)
    models = {spec.key for asset in assets for spec in asset.specs}
    upstream = {dep.asset_key for asset in assets for spec in asset.specs for dep in spec.deps}
    condition = follow_data(key for key in upstream - models if key.path[0] not in _NOT_DATA_PREFIXES)
    return [
        asset.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=condition)) for asset in assets
    ]


def automation_sensors(platform: Platform) -> list[AutomationConditionSensorDefinition]:
    """One running sensor per dbt project, over its models."""
    return [
        AutomationConditionSensorDefinition(
            f"{project.name.replace('-', '_')}_automation",
            target=AssetSelection.key_prefixes(project.name),
            default_status=DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=_SECONDS[platform.config.cloud],
        )
        for project in platform.dbt_projects
    ]
