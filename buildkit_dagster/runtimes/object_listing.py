"""New objects of a bucket that tells nobody of them: list on from where reading stopped, and go round through the rest.

Nothing here looks at a clock. Each listed object is asked for by its identity, so one of the same second as another,
one with an old date and one that was replaced are met like any other, and a key that is gone is still a place to list
from.
What the objects ask for is decided in `objects.py`; the sensor is `defs/object_polling.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.runtimes.object_events import Message, ObjectEvent
from buildkit_dagster.runtimes.objects import Planner

#: Objects decided on at a time, so that the planner is not overfilled by much.
_CHUNK = 20


@dataclass(frozen=True)
class Place:
    """How far a prefix was read: all up to the key `head` is recorded; the round goes on behind `sweep`."""

    head: str = ""
    sweep: str = ""


@dataclass(frozen=True)
class Page:
    """Objects in the order of their keys; `more` of them may follow."""

    events: tuple[ObjectEvent, ...]
    more: bool


#: The page of a prefix behind a key.
ListPage = Callable[[str, str], Page]


@dataclass(frozen=True)
class PollLimits:
    """What one tick takes on: pages of a thousand keys at each end, new objects, and runs."""

    pages: int = 5
    objects: int = 1000
    requests: int = 50


class Poll:
    """One tick. `recorded` says which identities have a run."""

    def __init__(
        self,
        planner: Planner,
        list_page: ListPage,
        recorded: Callable[[Iterable[str]], Collection[str]],
        limits: PollLimits = PollLimits(),
    ) -> None:
        self._planner, self._list_page, self._recorded, self._limits = planner, list_page, recorded, limits
        self._new = 0
        self._settled: set[str] = set()

    def read(self, prefix: str, place: Place, *, everywhere: bool) -> Place:
        """Read on at both places of a prefix; returns where to go on once the tick's runs are recorded.

        The round is for a tick in which nothing more follows at the head.
        """
        seen, more = self._read_on(prefix, place.head)
        sweep, goes_on = place.sweep, False
        if everywhere and not more:
            passed, goes_on = self._read_on(prefix, place.sweep)
            sweep = passed[-1] if passed else place.sweep
        unsettled = next((number for number, key in enumerate(seen) if key not in self._settled), len(seen))
        return Place(seen[unsettled - 1] if unsettled else place.head, sweep if goes_on else "")

    def _read_on(self, prefix: str, after: str) -> tuple[list[str], bool]:
        """The keys that were decided on behind `after`, and whether there are more."""
        passed: list[str] = []
        for _ in range(self._limits.pages):
            page = self._list_page(prefix, passed[-1] if passed else after)
            passed += self._take(page.events)
            if self._full:
                return passed, True
            if not page.more:
                return passed, False
        return passed, True

    def _take(self, events: tuple[ObjectEvent, ...]) -> list[str]:
        messages = [Message(event.key, (event,)) for event in events]
        known, passed = self._recorded(self._planner.identities(messages)), []
        for first in range(0, len(messages), _CHUNK):
            if self._full:
                break
            chunk = messages[first : first + _CHUNK]
            keys = [message.receipt for message in chunk]
            self._settled = self._settled.difference(keys) | self._planner.take(chunk, known)
            self._new += len(self._planner.identities(chunk) - set(known))
            passed += keys
        return passed

    @property
    def _full(self) -> bool:
        return self._new >= self._limits.objects or self._planner.requests >= self._limits.requests


def s3_pages(s3: Any, bucket: str) -> ListPage:
    """Pages of an S3 bucket. A version is content and time: S3 lists no version ids beside the newest objects."""

    def list_page(prefix: str, after: str) -> Page:
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after)
        events = [
            ObjectEvent(bucket, item["Key"], f"{item['ETag']}@{item['LastModified'].isoformat()}")
            for item in answer.get("Contents", ())
        ]
        return Page(tuple(events), answer["IsTruncated"])

    return list_page
