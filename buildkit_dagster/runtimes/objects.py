"""What announced objects ask for: requests of runs, each object in exactly one, and a verdict on every message. Pure.

Messages and events are `object_events.py`'s, keys and partitions `object_keys.py`'s. Receiving, deleting and finding
recorded runs is done in `defs/`; loading is `runtimes/ingest.py`'s and its entrypoint's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from buildkit_dagster.runtimes.object_events import Message, ObjectEvent
from buildkit_dagster.runtimes.object_keys import KeyPattern


@dataclass(frozen=True)
class Source:
    """What one job reads, as the planner needs it.

    `partitions` gives the known ones in Dagster's order, or nothing when none of those it is asked for is known: there
    may be very many. `ready` is whether the job has what it needs to run.
    """

    job: str
    bucket: str
    pattern: KeyPattern
    partitions: Callable[[Collection[str]], Sequence[str]] = lambda _: ()
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
    """The verdict on messages; `later` are those of jobs that cannot run yet."""

    requests: list[Request] = field(default_factory=list)
    new_partitions: dict[str, list[str]] = field(default_factory=dict)
    later: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cursor: dict[str, str] = field(default_factory=dict)


class Planner:
    """Decides on messages as they come, each looked at once.

    `cursor` maps a key's hash to the newest sequencer requested for it, the last `remember` keys: a version that comes
    late, after a newer one was requested, needs no run of its own.
    """

    def __init__(self, sources: Sequence[Source], cursor: Mapping[str, str] | None = None, remember: int = 500) -> None:
        self._wanted = {source.job: _Wanted(source) for source in sources}
        self._before = dict(cursor or {})
        self._remember = remember
        self._plan = Plan()

    @property
    def requests(self) -> int:
        """How many runs would be asked for."""
        return sum(wanted.runs for wanted in self._wanted.values())

    def identities(self, messages: Iterable[Message]) -> set[str]:
        """The identities of everything the messages announce to the jobs: what to look up as recorded."""
        events = [event for message in messages for event in message.events]
        return {event.identity(source.job) for event in events for source in self._owners(event)}

    def take(self, messages: Iterable[Message], recorded: Collection[str]) -> set[str]:
        """Decide on these messages too; returns the receipts of those whose work is recorded or is none of ours.

        `recorded` holds the identities of objects whose run the instance has; only their messages are settled, so a
        crash between request and record loses nothing.
        """
        settled: set[str] = set()
        wanted: dict[str, list[ObjectEvent]] = {}
        for message in messages:
            if message.problem:
                self._plan.notes.append(f"a message stays in the queue, which is {message.problem}")
                continue
            owed = [(source, event) for event in message.events for source in self._owed(event, recorded)]
            for source, event in owed:
                if source.ready:
                    wanted.setdefault(source.job, []).append(event)
            if not owed:
                settled.add(message.receipt)
            elif not all(source.ready for source, _ in owed):
                self._plan.later.append(message)
        for job, events in wanted.items():
            self._wanted[job].add(events)
        return settled

    def plan(self) -> Plan:
        """The verdict on all that was taken."""
        plan, cursor = self._plan, dict(self._before)
        for wanted in self._wanted.values():
            for event in sorted(wanted.events.values(), key=lambda event: event.sequencer):
                _note_newest(event, cursor)
            plan.requests += wanted.requests()
            if wanted.fresh:
                plan.new_partitions[wanted.source.job] = sorted(wanted.fresh)
        plan.cursor = dict(list(cursor.items())[-self._remember :])
        return plan

    def _owners(self, event: ObjectEvent) -> list[Source]:
        return [wanted.source for wanted in self._wanted.values() if wanted.source.owns(event)]

    def _owed(self, event: ObjectEvent, recorded: Collection[str]) -> list[Source]:
        """The jobs that still need a run for this object."""
        owners = self._owners(event)
        if not owners:
            self._plan.notes.append(f"no job reads s3://{event.bucket}/{event.key}: nothing is done about it")
        open_owners = [source for source in owners if event.identity(source.job) not in recorded]
        if open_owners and event.older_than(self._before.get(_key_hash(event), "")):
            self._plan.notes.append(
                f"an older version of s3://{event.bucket}/{event.key} came late: a newer one was requested"
            )
            return []
        return open_owners


class _Wanted:
    """The objects one job owes a run; how many runs that makes: one, or one for each unbroken range of partitions."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: dict[str, ObjectEvent] = {}
        self.fresh: set[str] = set()
        self._known: dict[str, int] = {}
        self._touched: set[int] = set()
        self._ranges = 0

    @property
    def runs(self) -> int:
        if self.source.pattern.partition is None:
            return min(1, len(self.events))
        # New partitions follow each other at the end, behind all known ones.
        joined = bool(self.fresh) and len(self._known) - 1 in self._touched
        return self._ranges + bool(self.fresh) - joined

    def add(self, events: Sequence[ObjectEvent]) -> None:
        self.events |= {event.identity(self.source.job): event for event in events}
        if self.source.pattern.partition is None:
            return
        names = {self._partition(event) for event in events} - self.fresh
        if not self._known:
            self._known = {name: place for place, name in enumerate(self.source.partitions(names))}
        for name in names:
            self._touch(name)

    def _touch(self, name: str) -> None:
        place = self._known.get(name)
        if place is None:
            self.fresh.add(name)
            return
        if place in self._touched:
            return
        self._ranges += 1 - (place - 1 in self._touched) - (place + 1 in self._touched)
        self._touched.add(place)

    def requests(self) -> list[Request]:
        events = tuple(self.events.values())
        if self.source.pattern.partition is None:
            return [Request(self.source.job, events)] if events else []
        ordered = {name: place for place, name in enumerate([*self._known, *sorted(self.fresh)])}
        members: dict[str, list[ObjectEvent]] = {}
        for event in events:
            members.setdefault(self._partition(event), []).append(event)
        return [
            Request(self.source.job, tuple(event for name in names for event in members[name]), names[0], names[-1])
            for names in unbroken_ranges(ordered, members)
        ]

    def _partition(self, event: ObjectEvent) -> str:
        return self.source.pattern.partition_of(event.key) or ""


def unbroken_ranges(places: Mapping[str, int], wanted: Iterable[str]) -> list[list[str]]:
    """`wanted` in the order of their places, cut wherever one that is not wanted lies between."""
    ranges: list[list[str]] = []
    for name in sorted(wanted, key=lambda name: places[name]):
        if ranges and places[ranges[-1][-1]] + 1 == places[name]:
            ranges[-1].append(name)
        else:
            ranges.append([name])
    return ranges


def _note_newest(event: ObjectEvent, cursor: dict[str, str]) -> None:
    """Note the newest sequencer of a key, last in the mapping."""
    newest = cursor.pop(_key_hash(event), "")
    if event.sequencer:
        cursor[_key_hash(event)] = newest if event.older_than(newest) else event.sequencer


def _key_hash(event: ObjectEvent) -> str:
    return hashlib.sha256(f"{event.bucket}\n{event.key}".encode()).hexdigest()[:12]
