"""What every sensor on objects has in common: it waits for infrastructure that is out of order, and tells errors.

How one hears of objects is in `sensors.py` (SQS), `object_polling.py` (listing) and `google_sensors.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dagster import (
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from buildkit_dagster.defs.object_jobs import ObjectJob, sources_of, stopping
from buildkit_dagster.defs.object_requests import recorded, sensor_result
from buildkit_dagster.defs.start import waiting_text
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.runtimes.object_events import Message
from buildkit_dagster.runtimes.objects import Planner

Tick = Callable[[SensorEvaluationContext], SensorResult | SkipReason]


class EventQueue(Protocol):
    """What tells of objects, at least once each: an SQS queue, or a Pub/Sub subscription."""

    def receive(self, hidden: int, most: int) -> list[Message]: ...

    def settle(self, receipts: Iterable[str]) -> None: ...

    def put_off(self, messages: Iterable[Message]) -> None: ...


@dataclass(frozen=True)
class TickLimits:
    """What one tick takes on: Dagster gives a tick 60 seconds, and its run requests are submitted one by one.

    `messages` are those that are not settled, `received` all, also those that have their run already. At most
    so many messages are looked up `at_once`, by which `requests` may be overshot.
    After `hidden` seconds a message is back, and its run is then recorded: a tick begins when the one before has ended.
    """

    messages: int = 1000
    received: int = 5000
    requests: int = 50
    at_once: int = 500
    seconds: float = 20.0
    hidden: int = 30


def object_sensor(name: str, description: str, jobs: Sequence[ObjectJob], every: int, tick: Tick) -> SensorDefinition:
    """A sensor that looks `every` so many seconds."""

    @sensor(
        name=name,
        description=description,
        jobs=[job.definition for job in jobs],
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=every,
    )
    def objects(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        stopped = stopping(context, jobs)
        if stopped:
            # Nothing is received: a message that comes and goes would end among the dead letters.
            return SkipReason(waiting_text(stopped))
        try:
            return tick(context)
        except BuildkitError as error:
            return SkipReason(str(error))

    return objects


def answer(
    context: SensorEvaluationContext, jobs: Sequence[ObjectJob], queue: EventQueue, limits: TickLimits
) -> SensorResult:
    """One tick: receive what there is, up to the limits, settle what is recorded, ask for runs of the rest."""
    before = json.loads(context.cursor or "{}")
    planner = Planner(sources_of(context.instance, jobs), before.get("newest"))
    unsettled = _receive(context, planner, queue, limits)
    plan = planner.plan()
    for note in plan.notes:
        context.log.warning(note)
    queue.put_off(plan.later)
    oldest = min((message.sent for message in unsettled), default=None)
    return sensor_result(plan, jobs, json.dumps({"newest": plan.cursor, "oldest": oldest}))


def oldest_unsettled(cursor: str | None) -> float | None:
    """When the oldest message was sent that the last tick received and could not settle, in seconds since 1970."""
    found = json.loads(cursor or "{}").get("oldest")
    return float(found) if found else None


def _receive(
    context: SensorEvaluationContext, planner: Planner, queue: EventQueue, limits: TickLimits
) -> list[Message]:
    """The messages that are not settled; the others are, as they come: so long a tick may be only as a whole."""
    deadline, unsettled, taken = time.monotonic() + min(limits.seconds, limits.hidden), list[Message](), 0
    while planner.requests < limits.requests and time.monotonic() < deadline:
        # As many as fill the room for runs, if as many share one as before; at first each may ask for its own.
        runs = (limits.requests - planner.requests) * max(1, taken // max(1, planner.requests))
        room = min(runs, limits.at_once, limits.messages - len(unsettled), limits.received - taken)
        messages = queue.receive(limits.hidden, room) if room > 0 else []
        if not messages:
            break
        settled = planner.take(messages, recorded(context.instance, planner.identities(messages)))
        queue.settle(settled)
        unsettled += [message for message in messages if message.receipt not in settled]
        taken += len(messages)
    return unsettled
