"""Data follows data: dbt models are requested when the tables and models they read have changed.

Nothing here reacts to infrastructure or images, and nothing reacts to a run that left data as it was. New objects in
a bucket are in `sensors.py`, clocks in `schedules.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    BetaWarning,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.automation_tick_evaluation_context import AutomationTickEvaluationContext
from dagster._daemon.asset_daemon import (
    asset_daemon_cursor_from_instigator_serialized_cursor,
    asset_daemon_cursor_to_instigator_serialized_cursor,
)
from dagster_shared.record import replace

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.start import out_of_order, waiting_text
from buildkit_dagster.naming import identifier

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


def with_automation(
    assets: Iterable[AssetsDefinition], left_out: AbstractSet[AssetKey] = frozenset()
) -> list[AssetsDefinition]:
    """The assets of one dbt project, each following what it reads, and each test what it tests; nothing waits for
    tables that are `left_out`, but for models that read them."""
    assets = list(assets)
    models = {spec.key for asset in assets for spec in asset.specs}
    upstream = {dep.asset_key for asset in assets for spec in asset.specs for dep in spec.deps}
    condition = follow_data(key for key in upstream - models - left_out if key.path[0] not in _NOT_DATA_PREFIXES)
    return [
        _with_checks(asset, condition).map_asset_specs(
            lambda spec: spec.replace_attributes(automation_condition=condition)
        )
        for asset in assets
    ]


def _with_checks(asset: AssetsDefinition, condition: AutomationCondition) -> AssetsDefinition:
    """The checks follow as the models do, so that a table's tests run in the build of what reads it.

    All of them: where a request names one check, Dagster runs no check that it does not name.
    """
    specs = {
        output: replace(spec, automation_condition=condition)
        for output, spec in asset.node_check_specs_by_output_name.items()
    }
    return AssetsDefinition.dagster_internal_init(
        **{**asset.get_attributes_dict(), "check_specs_by_output_name": specs}
    )


def source_checks(assets: Iterable[AssetsDefinition]) -> set[AssetCheckKey]:
    """Checks that are run by these assets and are about others: dbt's tests of sources."""
    return {check.key for asset in assets for check in asset.check_specs if check.asset_key not in asset.keys}


def automation_sensor(
    platform: Platform, project: DbtProject, assets: Iterable[AssetsDefinition]
) -> AutomationConditionSensorDefinition:
    """The running sensor over a dbt project's models and its tests of sources."""
    return _WaitingSensor(
        identifier(project.name, "automation"),
        target=project_selection(project, assets),
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_SECONDS[platform.config.cloud],
    )


class _WaitingSensor(AutomationConditionSensorDefinition):
    """An automation sensor whose ticks are put off while a check stops what it would request.

    A tick that is put off leaves the cursor as it is, so the first one after it sees all that happened meanwhile. To
    ask the instance, it is evaluated in the code server instead of the daemon; Dagster's limit of 500 assets and checks
    for that is not kept, as it is about the time a tick takes, and a project is one selection.
    """

    def __init__(self, name: str, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BetaWarning)  # about `use_user_code_server`
            super().__init__(name, **{**options, "use_user_code_server": True})
        self._evaluation_fn = lambda context: [self._tick(context)]

    def _tick(self, context: SensorEvaluationContext) -> SensorResult | SkipReason:
        assert context.repository_def is not None, "a tick is evaluated in its repository"
        graph = context.repository_def.asset_graph
        stopping = out_of_order(context.instance, graph, self.asset_selection.resolve(graph))
        return SkipReason(waiting_text(stopping)) if stopping else self._evaluated(context, graph)

    def _evaluated(self, context: SensorEvaluationContext, graph: AssetGraph) -> SensorResult:
        """As Dagster evaluates such a sensor, `_evaluate` beside its definition."""
        cursor = asset_daemon_cursor_from_instigator_serialized_cursor(context.cursor, graph)
        evaluation = AutomationTickEvaluationContext(
            evaluation_id=cursor.evaluation_id,
            instance=context.instance,
            asset_graph=graph,
            cursor=cursor,
            materialize_run_tags=self.run_tags,
            observe_run_tags={},
            auto_observe_asset_keys=set(),
            asset_selection=self.asset_selection,
            asset_job_keys=self.asset_job_keys,
            emit_backfills=self.emit_backfills,
            default_condition=None,
            logger=context.log,
        )
        requests, moved, evaluations = evaluation.evaluate()
        return SensorResult(
            run_requests=requests,
            cursor=asset_daemon_cursor_to_instigator_serialized_cursor(moved),
            automation_condition_evaluations=evaluations,
        )


def project_selection(project: DbtProject, assets: Iterable[AssetsDefinition]) -> AssetSelection:
    """All that `dbt build` builds and tests."""
    own, of_sources = AssetSelection.key_prefixes(project.name), source_checks(assets)
    return own | AssetSelection.checks(*of_sources) if of_sources else own  # each half is looked up in the whole graph
