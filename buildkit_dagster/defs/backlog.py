"""The check `events` of each bucket with a queue: how many events wait, since when, and how many were given up.

It only ever warns, and stops no job: jobs are what works a backlog off. What too much is, is decided in
`runtimes/backlog.py`; working it off is `sensors.py`'s, sending given-up events back `dead_letters.py`'s.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import json
import time
from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    multi_asset_check,
    sensor,
)
from dagster._core.scheduler.instigation import InstigatorType, SensorInstigatorData

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.checks import EVENTS
from buildkit_dagster.defs.dead_letters import queue_buckets, queues_of
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.object_sensor import oldest_unsettled
from buildkit_dagster.defs.sensors import sensor_name
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.naming import infra_key
from buildkit_dagster.runtimes.backlog import Waiting

_EVERY_SECONDS = 60
#: A verdict that stays is written again after so long, with new figures.
_AGAIN_SECONDS = 6 * 3600


def backlog_checks(platform: Platform, process: ProcessEnvironment) -> list[AssetChecksDefinition]:
    """One op for all buckets; none where no bucket has a queue."""
    keys = {AssetKey(infra_key("lake", bucket)): bucket for bucket in queue_buckets(platform)}
    if not keys:
        return []
    description = "Events of new objects are worked off, and none was given up."

    @multi_asset_check(
        name="events",
        specs=[AssetCheckSpec(EVENTS, asset=key, description=description) for key in keys],
        can_subset=True,
    )
    def events(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        for key in sorted({each.asset_key for each in context.op_execution_context.selected_asset_check_keys}):
            with told_plainly():
                counted = _count(platform, process, context.instance, keys[key], None)
            yield AssetCheckResult(asset_key=key, check_name=EVENTS, **_verdict(platform, keys[key], counted))

    return [events]


def backlog_sensors(platform: Platform, process: ProcessEnvironment) -> list[SensorDefinition]:
    """One for all buckets, none where no bucket has a queue. It counts every minute; a result is written when the
    verdict changes, and every six hours."""
    buckets = queue_buckets(platform)
    if not buckets:
        return []

    @sensor(
        name="events_backlog",
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_EVERY_SECONDS,
        description="Counts the events that wait and those that were given up.",
    )
    def events_backlog(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        before: dict[str, Any] = json.loads(context.cursor or "{}")
        cursor, written, unread = dict(before), [], []
        for bucket in buckets:
            noted = before.get(bucket, {})
            try:
                counted = _count(platform, process, context.instance, bucket, noted.get("since"))
            except BuildkitError as error:
                unread.append(str(error))
                continue
            cursor[bucket], result = _noted(platform, bucket, counted, noted)
            written += result
        if len(unread) == len(buckets):
            return SkipReason("; ".join(unread))
        for each in unread:
            context.log.warning(each)
        return SensorResult(asset_events=written, cursor=json.dumps(cursor))

    return [events_backlog]


def _count(
    platform: Platform, process: ProcessEnvironment, instance: DagsterInstance, bucket: str, since: float | None
) -> Waiting:
    """What the queues hold now.

    SQS tells the age of the oldest message nowhere but in CloudWatch: here it is that of the oldest one the bucket's
    own sensor received and could not settle, else how long this sensor has seen the queue never empty (`since`).
    """
    with told_as_ours():
        queues = queues_of(platform, process, bucket)
        waiting, dead = queues.events.count(), queues.dead.count()
    if not waiting:
        return Waiting(0, 0.0, dead)
    oldest = oldest_unsettled(_cursor_of(instance, sensor_name(bucket))) or since
    return Waiting(waiting, time.time() - oldest if oldest else 0.0, dead)


def _noted(
    platform: Platform, bucket: str, counted: Waiting, before: dict[str, Any]
) -> tuple[dict[str, Any], list[AssetCheckEvaluation]]:
    """What to remember of a bucket, and the result to write, if it is time for one."""
    now, verdict = time.time(), list(counted.beyond(platform.config.buckets[bucket].backlog))
    since = (before.get("since") or now) if counted.waiting else None
    if before.get("verdict") == verdict and now - before["written"] < _AGAIN_SECONDS:
        return {**before, "since": since}, []
    key = AssetKey(infra_key("lake", bucket))
    result = AssetCheckEvaluation(asset_key=key, check_name=EVENTS, **_verdict(platform, bucket, counted))
    return {"verdict": verdict, "written": now, "since": since}, [result]


def _verdict(platform: Platform, bucket: str, counted: Waiting) -> dict[str, Any]:
    told = counted.told(platform.config.buckets[bucket].backlog, bucket)
    metadata = {"waiting": counted.waiting, "seconds_of_the_oldest": round(counted.age), "given_up": counted.dead}
    severity = AssetCheckSeverity.WARN
    return {"passed": not told, "severity": severity, "description": told or None, "metadata": metadata}


def _cursor_of(instance: DagsterInstance, name: str) -> str | None:
    """The cursor of the sensor of that name that ticked last; Dagster keeps those of other code locations too."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    found = [
        state.instigator_data
        for state in states
        if state.origin.instigator_name == name and isinstance(state.instigator_data, SensorInstigatorData)
    ]
    last = max(found, key=lambda data: data.last_tick_timestamp or 0.0, default=None)
    return last.cursor if last else None
