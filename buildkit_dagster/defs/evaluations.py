"""Results of the many checks of one op, as Dagster records them.

Given an `AssetCheckResult`, Dagster asks its storage which materialization the check was about, check by check; for a
hundred units that is a third of what their checks cost. Here it is asked once for all. What checks say is decided in
`drift.py` and `verdicts.py`, what they said last is in `checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    DagsterInstance,
    Output,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from buildkit_dagster.defs.sqlite import held_open

#: What an op yields for each of its checks: that it was carried out, then what it says.
Evaluated = Output[None] | AssetCheckEvaluation


def evaluated(context: AssetCheckExecutionContext, results: Iterable[AssetCheckResult]) -> Iterator[Evaluated]:
    """Results that name their asset and check, recorded as if they had been yielded themselves."""
    specs = {spec.key: spec for spec in context.check_specs}
    targets = _latest_materializations(context.instance, {key.asset_key for key in specs})
    with held_open(context.instance, context.run.run_id):
        for result in results:
            evaluation = _evaluation(result, specs, targets)
            yield Output(None, output_name=specs[evaluation.asset_check_key].get_python_identifier())
            yield evaluation


def _evaluation(
    result: AssetCheckResult, specs: Mapping[AssetCheckKey, AssetCheckSpec], targets: Mapping[AssetKey, Target]
) -> AssetCheckEvaluation:
    assert result.asset_key is not None
    assert result.check_name is not None
    return AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        target_materialization_data=targets.get(result.asset_key),
        severity=result.severity,
        description=result.description,
        blocking=specs[AssetCheckKey(result.asset_key, result.check_name)].blocking,
    )


def _latest_materializations(instance: DagsterInstance, keys: Iterable[AssetKey]) -> dict[AssetKey, Target]:
    entries = (record.asset_entry for record in instance.get_asset_records(list(keys)))
    return {
        entry.asset_key: Target(storage_id=last.storage_id, run_id=last.run_id, timestamp=last.timestamp)
        for entry in entries
        if (last := entry.last_materialization_record) is not None
    }
