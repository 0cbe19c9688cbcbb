"""Whether a job may start: not on infrastructure that a check has found out of order.

What counts is the last result of every check on the units a job rests on, in whatever run it was written: Dagster's own
blocking checks reach within one run only. Ops refuse here; sensors and automation ask the same and wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dagster import AssetCheckKey, AssetExecutionContext, AssetKey, DagsterInstance
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

from buildkit_dagster.defs.checks import LOCK, Result, last_results
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.terraform.assets import UNIT_METADATA
from buildkit_dagster.errors import InfrastructureOutOfOrder
from buildkit_dagster.naming import key_text

#: How far back the beginning of a failure is looked for.
_HISTORY = 200


@told_plainly()
def refuse_to_start(context: AssetExecutionContext, keys: Iterable[AssetKey] | None = None) -> None:
    """Fail naming every check that stops these assets, by default the op's selected ones.

    Call it first in an op whose assets depend on those of `@terraform_assets`.
    """
    wanted = sorted(keys or context.selected_asset_keys)
    results = out_of_order(context.instance, _graph(context), wanted)
    if results:
        raise InfrastructureOutOfOrder(
            [key_text(key.path) for key in wanted],
            [_told(result, failing_since(context.instance, result)) for result in results],
        )


def out_of_order(instance: DagsterInstance, graph: BaseAssetGraph, keys: Iterable[AssetKey]) -> tuple[Result, ...]:
    """The failed checks that stop these assets, sorted; one query where all is well. A held lock stops nothing but
    Terraform: what is there is as it was."""
    units = _units_below(graph, keys)
    checks = {check for check in graph.get_check_keys_for_assets(units) if check.name != LOCK}
    results = last_results(instance, checks) if checks else {}
    return tuple(results[check] for check in sorted(results) if results[check].blocks)


def waiting_text(results: Sequence[Result]) -> str:
    """Why nothing is requested."""
    return "waits for infrastructure that is out of order: " + "; ".join(_name(result.check) for result in results)


def failing_since(instance: DagsterInstance, result: Result) -> datetime:
    """When the check failed first since it last passed."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        result.check, limit=_HISTORY, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    )
    since = result.at
    for record in records:
        if record.evaluation is None or record.evaluation.passed:
            break
        since = datetime.fromtimestamp(record.create_timestamp, since.tzinfo)
    return min(since, result.at)


def _told(result: Result, since: datetime) -> str:
    return f"{_name(result.check)} has failed since {since:%Y-%m-%d %H:%M} UTC. {result.description}".rstrip()


def _name(check: AssetCheckKey) -> str:
    return f"check {check.name} of {key_text(check.asset_key.path)}"


def _units_below(graph: BaseAssetGraph, keys: Iterable[AssetKey]) -> set[AssetKey]:
    """Every unit these assets rest on, directly or not."""
    found = {ancestor for key in keys if graph.has(key) for ancestor in graph.get_ancestor_asset_keys(key)}
    return {key for key in found if UNIT_METADATA in graph.get(key).metadata}


def _graph(context: AssetExecutionContext) -> BaseAssetGraph:
    """The whole graph; in a run outside of any repository, as a test makes them, that of the run's job."""
    step = context.op_execution_context.get_step_execution_context()
    repository = step._execution_data.repository_def
    return repository.asset_graph if repository is not None else context.job_def.asset_layer.asset_graph
