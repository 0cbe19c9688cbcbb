"""Results of checks told together are recorded as Dagster would have recorded them one by one."""

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    MaterializeResult,
    materialize,
    multi_asset,
    multi_asset_check,
)

from buildkit_dagster.defs.evaluations import evaluated

MADE, NEVER_MADE = AssetKey(["infra", "made"]), AssetKey(["infra", "never-made"])
CHECKS = [AssetCheckSpec("drift", asset=MADE, blocking=True), AssetCheckSpec("drift", asset=NEVER_MADE)]


@multi_asset(specs=[AssetSpec(MADE), AssetSpec(NEVER_MADE)], can_subset=True)
def units() -> Iterator[Any]:
    yield MaterializeResult(asset_key=MADE)


def results() -> Iterator[AssetCheckResult]:
    yield AssetCheckResult(
        asset_key=MADE, check_name="drift", passed=False, description="gone", metadata={"drifted": 1}
    )
    yield AssetCheckResult(asset_key=NEVER_MADE, check_name="drift", passed=False, severity=AssetCheckSeverity.WARN)


@multi_asset_check(name="one_by_one", specs=CHECKS, can_subset=True)
def one_by_one() -> Iterator[Any]:
    yield from results()


@multi_asset_check(name="together", specs=CHECKS, can_subset=True)
def together(context: AssetCheckExecutionContext) -> Iterator[Any]:
    yield from evaluated(context, results())


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        assert materialize([units], instance=made).success
        yield made


def run_of(checks: Any, instance: DagsterInstance) -> ExecuteInProcessResult:
    job = Definitions([units], asset_checks=[checks]).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection=set(), asset_check_selection=set(checks.check_keys))
    return job.execute_in_process(instance=instance, raise_on_error=False)


def test_results_told_together_are_those_told_one_by_one(instance: DagsterInstance) -> None:
    plain, ours = run_of(one_by_one, instance), run_of(together, instance)
    assert ours.get_asset_check_evaluations() == plain.get_asset_check_evaluations()
    made, never_made = ours.get_asset_check_evaluations()
    assert made.target_materialization_data is not None
    assert never_made.target_materialization_data is None


def test_a_blocking_check_that_fails_ends_the_run_either_way(instance: DagsterInstance) -> None:
    errors = {
        name: [event.step_failure_data.error.message for event in run.all_events if event.is_step_failure]
        for name, run in (("plain", run_of(one_by_one, instance)), ("ours", run_of(together, instance)))
    }
    assert "1 blocking asset check failed" in errors["ours"][0]
    assert errors["ours"] == errors["plain"]
