"""What happens on an instance while we wait: the events of all its runs, and whether everything is there and at rest.

Starting runs is in `launch.py`; saying it to people is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from dagster import AssetCheckKey, AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, Definitions
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from buildkit_dagster.defs.left_out import LeftOut
from buildkit_dagster.naming import key_text

_INFRASTRUCTURE = ("infra", "image")
_PASSED = {
    AssetCheckExecutionRecordStatus.SUCCEEDED: True,
    AssetCheckExecutionRecordStatus.FAILED: False,
    AssetCheckExecutionRecordStatus.PLANNED: None,
}


@dataclass
class EventReader:
    """Reads every event of every run of an instance once, in batches."""

    instance: DagsterInstance
    _cursors: dict[str, str] = field(default_factory=dict)
    _closed: set[str] = field(default_factory=set)

    def read(self) -> Iterator[tuple[DagsterRun, EventLogEntry]]:
        """The events written since the last call, run by run, oldest run first."""
        for run in reversed(list(self.instance.get_runs())):
            if run.run_id in self._closed:
                continue
            page = self.instance.get_records_for_run(run.run_id, cursor=self._cursors.get(run.run_id))
            self._cursors[run.run_id] = page.cursor
            if run.is_finished and not page.records:
                self._closed.add(run.run_id)
            for record in page.records:
                yield run, record.event_log_entry


@dataclass(frozen=True)
class Check:
    """The latest result of one asset check; `passed` is None while it has none."""

    asset: str
    name: str
    passed: bool | None


@dataclass(frozen=True)
class Situation:
    """What is there and what is not, at one moment; keys are written a/b/c."""

    missing: tuple[str, ...]
    behind: tuple[str, ...]
    checks: tuple[Check, ...]
    unfinished: tuple[DagsterRun, ...]
    failed: tuple[DagsterRun, ...]

    @property
    def is_complete(self) -> bool:
        """Everything was materialized, every check passed, nothing runs."""
        return not self.missing and not self.unfinished and all(check.passed for check in self.checks)


def look(definitions: Definitions, instance: DagsterInstance, left_out: LeftOut) -> Situation:
    """The situation of all assets of the definitions but those left out."""
    # Runs first: a run that ends while we look has its results in what is read after it.
    runs = list(instance.get_runs())
    graph = definitions.resolve_asset_graph()
    wanted = graph.materializable_asset_keys - left_out.assets
    checks = {key for key in graph.asset_check_keys if not left_out.has(key)}
    times = materialization_times(instance, graph.materializable_asset_keys)
    missing = sorted(key_text(key.path) for key in wanted - times.keys())
    return Situation(
        missing=tuple(missing),
        behind=tuple(sorted(_behind(definitions, times))),
        checks=tuple(check for check in latest_checks(instance, checks) if _counts(check)),
        unfinished=tuple(run for run in runs if not run.is_finished),
        failed=tuple(run for run in runs if run.status in (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)),
    )


def materialization_times(instance: DagsterInstance, keys: AbstractSet[AssetKey]) -> dict[AssetKey, float]:
    """When each of `keys` was last materialized; keys that never were are absent."""
    entries = (record.asset_entry for record in instance.get_asset_records(list(keys)))
    return {entry.asset_key: entry.last_materialization.timestamp for entry in entries if entry.last_materialization}


def latest_checks(instance: DagsterInstance, keys: AbstractSet[AssetCheckKey]) -> tuple[Check, ...]:
    """The latest result of each check, sorted."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    found = (
        Check(key_text(key.asset_key.path), key.name, _PASSED[records[key].status] if key in records else None)
        for key in keys
    )
    return tuple(sorted(found, key=lambda check: (check.asset, check.name)))


def _counts(check: Check) -> bool:
    """Infrastructure is looked at by a job of its own, so most of its checks have no result: no reason to wait."""
    return check.passed is not None or not check.asset.startswith(tuple(f"{prefix}/" for prefix in _INFRASTRUCTURE))


def _behind(definitions: Definitions, times: Mapping[AssetKey, float]) -> Iterator[str]:
    """Models that are older than data they read."""
    graph = definitions.resolve_asset_graph()
    for key, time in times.items():
        if graph.get(key).automation_condition is None:
            continue
        parents = [parent for parent in graph.get(key).parent_keys if parent.path[0] not in _INFRASTRUCTURE]
        if any(times.get(parent, 0) > time for parent in parents):
            yield key_text(key.path)
