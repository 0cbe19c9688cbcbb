"""Objects of the lake: whose they are, and what a queue of their events asks for. Pure, no cloud and no Dagster.

S3 sends a notification at least once, in no order, with the key URL-quoted, and a test event first. Here messages
become objects, objects become requests, each object in exactly one, and every message gets a verdict. Receiving,
deleting and finding recorded runs is `defs/sensors.py`'s; loading is `runtimes/ingest.py`'s and its entrypoint's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

#: What `{partition}` stands for in a source path, by kind of partition.
PARTITIONS = {"month": r"\d{4}-(?:0[1-9]|1[0-2])"}

_PLACEHOLDER = "{partition}"


class MalformedMessage(ValueError):
    """A message that is no S3 notification; it stays in the queue until that moves it to the dead letters."""


@dataclass(frozen=True)
class KeyPattern:
    """Which keys of a bucket are a table's: those below a `path` that ends in a slash, or just the key `path`.

    With `partition`, its placeholder in the path stands for any one partition of that kind.
    """

    path: str
    partition: str | None = None

    @property
    def prefix(self) -> str:
        """What every matching key begins with, for listing."""
        return self.path.partition(_PLACEHOLDER)[0] if self.partition else self.path

    def matches(self, key: str) -> bool:
        return not key.endswith("/") and self._expression.match(key) is not None

    def partition_of(self, key: str) -> str | None:
        """The partition a matching key belongs to, None in an unpartitioned table."""
        found = self._expression.match(key) if self.partition else None
        return found["partition"] if found else None

    @property
    def _expression(self) -> re.Pattern[str]:
        end = "" if self.path.endswith("/") else r"\Z"
        if self.partition is None:
            return re.compile(re.escape(self.path) + end)
        before, _, after = self.path.partition(_PLACEHOLDER)
        return re.compile(f"{re.escape(before)}(?P<partition>{PARTITIONS[self.partition]}){re.escape(after)}{end}")


@dataclass(frozen=True)
class ObjectEvent:
    """One version of one object. `sequencer` orders the versions of a key and may be empty."""

    bucket: str
    key: str
    version: str
    sequencer: str = ""

    def identity(self, job: str) -> str:
        """16 hex digits for what one job owes this version of the object, however often it is announced."""
        return hashlib.sha256("\n".join((job, self.bucket, self.key, self.version)).encode()).hexdigest()[:16]

    def older_than(self, sequencer: str) -> bool:
        """Whether a version with `sequencer` came later; False where the bucket does not say."""
        width = max(len(self.sequencer), len(sequencer))
        return bool(self.sequencer and sequencer) and self.sequencer.rjust(width, "0") < sequencer.rjust(width, "0")


@dataclass(frozen=True)
class Message:
    """A message as received; `receipt` deletes it, `received` counts how often it was."""

    receipt: str
    body: str
    received: int = 1

    @property
    def patience(self) -> int:
        """Seconds to wait before looking at it again, longer each time: 20, 80, 320, … at most 12 hours, as SQS allows.

        A queue gives up on a message after some receives; waiting in growing steps makes a few of them last for hours.
        """
        return int(min(20 * 4 ** (self.received - 1), 43200))


@dataclass(frozen=True)
class Source:
    """The table of one ingest job, as the planner needs it.

    `partitions` are the known ones in Dagster's order; `ready` is whether the job has what it needs to run.
    """

    job: str
    bucket: str
    pattern: KeyPattern
    partitions: Sequence[str] = ()
    ready: bool = True

    def owns(self, event: ObjectEvent) -> bool:
        return event.bucket == self.bucket and self.pattern.matches(event.key)


@dataclass(frozen=True)
class Request:
    """One run: a job, the objects it answers for and, if partitioned, the first and last of its partitions."""

    job: str
    objects: tuple[ObjectEvent, ...]
    first: str | None = None
    last: str | None = None

    @property
    def run_key(self) -> str:
        """The same for the same objects, in whatever order they came."""
        return hashlib.sha256("\n".join(sorted(self.identities)).encode()).hexdigest()[:24]

    @property
    def identities(self) -> dict[str, ObjectEvent]:
        """What the run's record must carry, so that a later message about one of the objects finds it."""
        return {event.identity(self.job): event for event in self.objects}


@dataclass
class Plan:
    """The verdict on a batch of messages.

    `delete` are receipts whose work is recorded or is none of ours, `later` the messages of jobs that cannot run yet.
    """

    requests: list[Request] = field(default_factory=list)
    new_partitions: dict[str, list[str]] = field(default_factory=dict)
    delete: list[str] = field(default_factory=list)
    later: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cursor: dict[str, str] = field(default_factory=dict)


def read_message(body: str) -> list[ObjectEvent]:
    """The objects a message announces: none for S3's test event and for removals; raises `MalformedMessage`."""
    try:
        content = json.loads(body)
        if content.get("Event") == "s3:TestEvent":
            return []
        created = [record for record in content["Records"] if record["eventName"].startswith("ObjectCreated")]
        return [_event(record) for record in created]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMessage(f"{type(error).__name__}: {error}") from error


def _event(record: Mapping[str, Any]) -> ObjectEvent:
    described = record["s3"]["object"]
    sequencer = described.get("sequencer", "")
    version = described.get("versionId") or sequencer or f"{described['eTag']}@{record['eventTime']}"
    return ObjectEvent(record["s3"]["bucket"]["name"], unquote_plus(described["key"]), version, sequencer)


def plan_messages(
    messages: Iterable[Message],
    sources: Sequence[Source],
    recorded: Collection[str],
    cursor: Mapping[str, str] | None = None,
    remember: int = 500,
) -> Plan:
    """Decide on every message.

    `recorded` holds the identities of objects whose run the instance has; only their messages are deleted, so a crash
    between request and record loses nothing. `cursor` maps a key's hash to the newest sequencer requested for it, the
    last `remember` keys: a version that comes late, after a newer one was requested, needs no run of its own.
    """
    plan = Plan(cursor=dict(cursor or {}))
    wanted: dict[str, dict[str, ObjectEvent]] = {source.job: {} for source in sources}
    for message in messages:
        try:
            events = read_message(message.body)
        except MalformedMessage as error:
            plan.notes.append(f"a message that is no S3 notification stays in the queue ({error})")
            continue
        owed = [(source, event) for event in events for source in _owed(event, sources, recorded, plan)]
        for source, event in owed:
            if source.ready:
                wanted[source.job][event.identity(source.job)] = event
        if not owed:
            plan.delete.append(message.receipt)
        elif not all(source.ready for source, _ in owed):
            plan.later.append(message)
    for source in sources:
        _request(source, list(wanted[source.job].values()), plan)
    plan.cursor = dict(list(plan.cursor.items())[-remember:])
    return plan


def _owed(event: ObjectEvent, sources: Sequence[Source], recorded: Collection[str], plan: Plan) -> list[Source]:
    """The tables that still need a run for this object."""
    owners = [source for source in sources if source.owns(event)]
    if not owners:
        plan.notes.append(f"no ingest job reads s3://{event.bucket}/{event.key}: its message is deleted")
    open_owners = [source for source in owners if event.identity(source.job) not in recorded]
    if open_owners and event.older_than(plan.cursor.get(_key_hash(event), "")):
        plan.notes.append(f"an older version of s3://{event.bucket}/{event.key} came late: a newer one was requested")
        return []
    return open_owners


def _request(source: Source, events: list[ObjectEvent], plan: Plan) -> None:
    """Add the requests for one table's objects: one run, or one for each unbroken range of partitions."""
    if not events:
        return
    for event in sorted(events, key=lambda event: event.sequencer):
        _remember(event, plan.cursor)
    if source.pattern.partition is None:
        plan.requests.append(Request(source.job, tuple(events)))
        return
    touched = {event: source.pattern.partition_of(event.key) or "" for event in events}
    fresh = sorted(set(touched.values()) - set(source.partitions))
    if fresh:
        plan.new_partitions[source.job] = fresh
    for keys in unbroken_ranges([*source.partitions, *fresh], set(touched.values())):
        members = tuple(event for event in events if touched[event] in keys)
        plan.requests.append(Request(source.job, members, keys[0], keys[-1]))


def _remember(event: ObjectEvent, cursor: dict[str, str]) -> None:
    """Note the newest sequencer of a key, last in the mapping."""
    newest = cursor.pop(_key_hash(event), "")
    if event.sequencer:
        cursor[_key_hash(event)] = newest if event.older_than(newest) else event.sequencer


def _key_hash(event: ObjectEvent) -> str:
    return hashlib.sha256(f"{event.bucket}\n{event.key}".encode()).hexdigest()[:12]


def unbroken_ranges(ordered: Sequence[str], wanted: Collection[str]) -> list[list[str]]:
    """`wanted` in the order of `ordered`, cut wherever a member of `ordered` that is not wanted lies between."""
    ranges: list[list[str]] = [[]]
    for key in ordered:
        if key in wanted:
            ranges[-1].append(key)
        elif ranges[-1]:
            ranges.append([])
    return [keys for keys in ranges if keys]


def read_identities(messages: Iterable[Message], sources: Sequence[Source]) -> set[str]:
    """The identities of everything the messages announce to the tables: what to look up as recorded."""
    found = set()
    for message in messages:
        with contextlib.suppress(MalformedMessage):
            for event in read_message(message.body):
                found |= {event.identity(source.job) for source in sources if source.owns(event)}
    return found
