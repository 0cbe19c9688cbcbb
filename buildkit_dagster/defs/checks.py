"""The latest results of asset checks as the instance has them.

A check that is being looked at, or whose last look failed, keeps the result it had: what counts is what was last seen.
What follows from results is decided in `start.py`, `drift.py` and `watch.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    MetadataValue,
)
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
)

#: The checks of infrastructure that `drift.py` defines.
DRIFT, ORPHANS = "drift", "orphans"
#: The check of `locks.py`.
LOCK = "lock"
#: The check of `backlog.py`.
EVENTS = "events"
#: The check of `connections.py`.
CONNECTION = "connection"
#: Those `policy.py` defines.
POLICY = "policy"
#: Those `tag_truth.py` defines.
TAGS = "tags"


@dataclass(frozen=True)
class Result:
    """What a check said last, and when."""

    check: AssetCheckKey
    passed: bool
    severity: AssetCheckSeverity
    description: str
    at: datetime

    @property
    def blocks(self) -> bool:
        """Whether jobs that rest on the asset must not start."""
        return not self.passed and self.severity is AssetCheckSeverity.ERROR


def last_results(instance: DagsterInstance, keys: Iterable[AssetCheckKey]) -> dict[AssetCheckKey, Result]:
    """The last result of each check that ever had one: one query, and one more for each check that is being looked at
    or whose last look failed."""
    storage = instance.event_log_storage
    records = storage.get_latest_asset_check_execution_by_key(list(keys))
    found = {}
    for key, record in records.items():
        if record.status not in COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES:
            earlier = storage.get_asset_check_execution_history(
                key, limit=1, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
            )
            if not earlier:
                continue
            record = earlier[0]
        found[key] = _result(key, record)
    return found


def put_right(instance: DagsterInstance, keys: Iterable[AssetKey], run: str) -> None:
    """These units were just applied: drift and tags that differed, where some were reported, are right again. One write
    for each such result."""
    results = last_results(instance, [AssetCheckKey(key, name) for key in keys for name in (DRIFT, TAGS)])
    for key, result in results.items():
        if not result.passed:
            instance.report_runless_asset_event(
                AssetCheckEvaluation(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=True,
                    description="The unit was applied since this was found.",
                    metadata={"run": MetadataValue.dagster_run(run)},
                )
            )


def _result(key: AssetCheckKey, record: AssetCheckExecutionRecord) -> Result:
    evaluation = record.evaluation
    assert isinstance(evaluation, AssetCheckEvaluation), key
    moment = record.event.timestamp if record.event else record.create_timestamp
    return Result(
        key,
        evaluation.passed,
        evaluation.severity,
        evaluation.description or "",
        datetime.fromtimestamp(moment, UTC),
    )
