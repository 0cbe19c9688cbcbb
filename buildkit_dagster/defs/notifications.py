"""The sensor that tells people how runs ended: one sensor for all runs, which reads them in batches.

Dagster's own run status sensors take five runs a tick; a thousand runs that end in a minute would be told about in the
middle of the night. What a run says is read in `run_facts.py`, what of it is news and how it is sent in `notify/`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dagster import (
    AssetsDefinition,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunsFilter,
    RunStatusChangeRecordsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.event_api import RunStatusChangeEventType
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import WILL_RETRY_TAG

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.defs.run_facts import Owners, facts_of, outcomes_of, owners_of
from buildkit_dagster.notify.channels import channels_of
from buildkit_dagster.notify.facts import Outcome, RunFacts, weighed
from buildkit_dagster.notify.message import Message, Writer
from buildkit_dagster.notify.news import Known, News, judge
from buildkit_dagster.notify.outbox import Channel, Queue, Report, deliver

SENSOR = "notifications"

_ENDS: tuple[RunStatusChangeEventType, ...] = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
)


@dataclass(frozen=True)
class TickLimits:
    """What one tick takes on. Dagster gives a tick 60 seconds and forgets what a longer one did: `reading` and
    `sending` are the seconds it allows itself, `runs` how many ends are looked up at once."""

    runs: int = 200
    reading: float = 20.0
    sending: float = 20.0


@dataclass
class State:
    """What the sensor remembers from tick to tick, as its cursor.

    A database may show an event after others with higher ids, so each tick looks again at what the one before it
    looked at: `after` is where that began, `seen` are the ids known since.
    """

    after: int
    seen: list[int] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(
            {
                "after": self.after,
                "seen": self.seen,
                "known": {subject: known.to_data() for subject, known in self.known.items()},
                "queues": {name: queue.to_data() for name, queue in self.queues.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> State:
        data = json.loads(text)
        return cls(
            data["after"],
            data["seen"],
            {subject: Known.from_data(known) for subject, known in data["known"].items()},
            {name: Queue.from_data(queue) for name, queue in data["queues"].items()},
        )


@dataclass(frozen=True)
class Teller:
    """A dbt project, or the platform: what it tells and to whom; channels are named `<teller>/<channel>`."""

    name: str
    settings: Notifying
    writer: Writer
    channels: Sequence[Channel]
    pagers: Sequence[Channel]

    def tell(self, run: RunFacts, outcomes: Sequence[Outcome], state: State) -> None:
        """Put what is news into the queues, and remember it."""
        news = [self._judged(outcome, state, run.ended) for outcome in outcomes]
        succeeded = any(one.succeeded for one in outcomes) and not any(one.failed for one in outcomes)
        message = self._message(run, news, succeeded)
        self._queue(state, self.channels, [message] if message else [], run.ended)
        self._queue(state, self.pagers, self.writer.pages(run, news), run.ended)

    def _judged(self, outcome: Outcome, state: State, now: datetime) -> News:
        settings = self.settings
        subject = f"{self.name}/{outcome.subject}"
        failed = weighed(outcome.failed, settings.critical_tables, settings.not_critical_tables)
        known, news = judge(state.known.get(subject, Known()), replace(outcome, failed=failed), settings.events, now)
        if known.items:
            state.known[subject] = known
        else:
            state.known.pop(subject, None)
        return news

    def _message(self, run: RunFacts, news: Sequence[News], succeeded: bool) -> Message | None:
        events = self.settings.events
        told = news if "recovered" in events else [replace(one, recovered=False) for one in news]
        message = self.writer.write(run, told)
        if message is None and succeeded and "build-success" in events:
            return self.writer.success(run, sum(one.built for one in news))
        return message

    def _queue(self, state: State, channels: Iterable[Channel], messages: Sequence[Message], now: datetime) -> None:
        for channel in channels if messages else ():
            name = f"{self.name}/{channel.name}"
            state.queues[name] = state.queues.get(name, Queue()).with_messages(messages, now.timestamp())


def notification_sensors(
    platform: Platform,
    process: ProcessEnvironment,
    models: Mapping[str, Sequence[AssetsDefinition]],
    assets: Iterable[AssetsDefinition],
    limits: TickLimits = TickLimits(),
) -> list[SensorDefinition]:
    """The sensor of a platform that tells anybody anything, in a list; of one that does not, none.

    `models` are the assets of each dbt project, `assets` all there are.
    """
    tellers = tellers_of(platform, process)
    if not any((*teller.channels, *teller.pagers) for teller in tellers.values()):
        return []
    owners = owners_of(platform.dbt_projects, models, assets)
    return [_sensor(platform, tellers, owners, limits)]


def tellers_of(platform: Platform, process: ProcessEnvironment) -> dict[str | None, Teller]:
    """Each dbt project by its name, and the platform itself by None."""
    client = aws_for(platform, process).client
    config = platform.config
    entries: dict[str | None, tuple[str, Notifying]] = {None: (platform.name, config.notifications)}
    entries |= {project.name: (project.name, project) for project in platform.dbt_projects}
    return {
        key: Teller(
            # No project can be called this.
            name="(platform)" if key is None else name,
            settings=settings,
            writer=Writer(name, platform.environment, settings.zone),
            channels=(made := channels_of(settings, client))[0],
            pagers=made[1],
        )
        for key, (name, settings) in entries.items()
    }


def _sensor(
    platform: Platform, tellers: Mapping[str | None, Teller], owners: Owners, limits: TickLimits
) -> SensorDefinition:
    channels = {
        f"{teller.name}/{channel.name}": channel
        for teller in tellers.values()
        for channel in (*teller.channels, *teller.pagers)
    }

    @sensor(
        name=SENSOR,
        description="Tells people how runs ended: what failed, and when it is well again.",
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )
    def notifications(context: SensorEvaluationContext) -> SensorResult:
        instance = context.instance
        if not context.cursor:
            state = State(after=newest_end(instance))
            return SensorResult(cursor=state.to_json(), skip_reason=SkipReason("from now on, ends of runs are told"))

        def tell(record: RunRecord) -> None:
            run = facts_of(record, platform.config.ui_url)
            for owner, outcomes in outcomes_of(instance, record, owners).items():
                if owner in tellers:
                    tellers[owner].tell(run, outcomes, state)

        state = State.from_json(context.cursor)
        read = read_ends(instance, state, limits, tell)
        state.queues, report = deliver(state.queues, channels, time.time, limits.sending)
        for problem in report.problems:
            context.log.error(problem)
        return SensorResult(cursor=state.to_json(), skip_reason=SkipReason(_said(read, report, state)))

    return notifications


def newest_end(instance: DagsterInstance) -> int:
    """The id of the newest event that ended a run, -1 where there is none."""
    pages = [instance.fetch_run_status_changes(kind, limit=1).records for kind in _ENDS]
    return max((records[0].storage_id for records in pages if records), default=-1)


def read_ends(instance: DagsterInstance, state: State, limits: TickLimits, tell: Callable[[RunRecord], None]) -> int:
    """Hand each run that ended since the last tick to `tell`, oldest first, as far as time allows; returns how many."""
    until = time.monotonic() + limits.reading
    known, position, read = set(state.seen), state.after, 0
    before = max(state.seen, default=state.after)
    while time.monotonic() < until:
        ends = _ends_after(instance, position, limits.runs)
        if not ends:
            break
        records = _records(instance, [run for id, run in ends if id not in known])
        for id, run in ends:
            if id not in known and run in records and _is_told(records[run]):
                tell(records[run])
                read += 1
            known.add(id)
            position = id
            if time.monotonic() > until:
                break
    state.after, state.seen = before, sorted(id for id in known if id > before)
    return read


def _ends_after(instance: DagsterInstance, position: int, limit: int) -> list[tuple[int, str]]:
    """Ids of the next events that ended runs, with the runs', in order; none is left out between them."""
    pages = [
        instance.fetch_run_status_changes(
            RunStatusChangeRecordsFilter(event_type=kind, after_storage_id=position), limit=limit, ascending=True
        ).records
        for kind in _ENDS
    ]
    horizon = min((records[-1].storage_id for records in pages if len(records) == limit), default=None)
    found = [(record.storage_id, record.run_id) for records in pages for record in records]
    return sorted(end for end in found if horizon is None or end[0] <= horizon)


def _records(instance: DagsterInstance, runs: Sequence[str]) -> dict[str, RunRecord]:
    found = instance.get_run_records(RunsFilter(run_ids=list(runs))) if runs else ()
    return {record.dagster_run.run_id: record for record in found}


def _is_told(record: RunRecord) -> bool:
    """Whoever cancels a run knows; of a run that Dagster tries again, the last try is told."""
    run = record.dagster_run
    ended = run.status in (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE)
    return ended and run.tags.get(WILL_RETRY_TAG) != "true"


def _said(read: int, report: Report, state: State) -> str:
    waiting = sum(len(queue.waiting) for queue in state.queues.values())
    return "; ".join([f"{read} runs read, {report.sent} messages sent, {waiting} waiting", *report.problems])
