"""Listing what is new: each object in one request that counts, whatever its key, whenever it came, whatever is lost."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildkit_dagster.runtimes.object_events import ObjectEvent
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.object_listing import Page, Place, Poll, PollLimits
from buildkit_dagster.runtimes.objects import Planner, Source

SOURCE = Source("planes", "raw", KeyPattern("p/"))
LIMITS = PollLimits(pages=2, objects=3, requests=5)


class Bucket:
    """Keys and versions, listed two to a page, and a record of what was run; `tick` is the daemon's."""

    def __init__(self, *, everywhere: bool) -> None:
        self.objects: dict[str, int] = {}
        self.recorded: Counter[str] = Counter()
        self.place, self.everywhere, self.pages = Place(), everywhere, 0

    def list_page(self, prefix: str, after: str) -> Page:
        self.pages += 1
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        first = bisect_right(keys, after)
        events = [ObjectEvent("raw", key, str(self.objects[key])) for key in keys[first : first + 2]]
        return Page(tuple(events), first + 2 < len(keys))

    def tick(self, *, kept: bool = True) -> None:
        planner, before = Planner([SOURCE]), self.pages
        known: Callable[[Iterable[str]], set[str]] = lambda asked: set(asked) & self.recorded.keys()  # noqa: E731
        place = Poll(planner, self.list_page, known, LIMITS).read("p/", self.place, everywhere=self.everywhere)
        plan = planner.plan()
        assert self.pages - before <= 2 * LIMITS.pages
        if kept:
            self.place = place
            self.recorded.update(identity for request in plan.requests for identity in request.identities)

    def owed(self) -> set[str]:
        return {ObjectEvent("raw", key, str(version)).identity("planes") for key, version in self.objects.items()}


@settings(max_examples=150)
@given(st.data())
def test_every_object_is_run_once_wherever_its_key_is(data: st.DataObject) -> None:
    bucket = Bucket(everywhere=True)
    for _ in range(data.draw(st.integers(0, 12))):
        for key in data.draw(st.lists(st.sampled_from("abcdefghij"), max_size=4)):
            bucket.objects[f"p/{key}"] = bucket.objects.get(f"p/{key}", 0) + 1
        for key in data.draw(st.lists(st.sampled_from(sorted(bucket.objects)), max_size=1)) if bucket.objects else []:
            del bucket.objects[key]
        bucket.tick(kept=data.draw(st.booleans()))
    for _ in range(30):
        bucket.tick()
    assert bucket.owed() <= bucket.recorded.keys()
    assert set(bucket.recorded.values()) <= {1}


@settings(max_examples=100)
@given(st.data())
def test_keys_that_grow_are_each_run_once_and_nothing_before_them_is_listed_again(data: st.DataObject) -> None:
    bucket, number = Bucket(everywhere=False), 0
    for _ in range(data.draw(st.integers(0, 12))):
        for _ in range(data.draw(st.integers(0, 5))):
            bucket.objects[f"p/{number:04}"], number = 1, number + 1
        bucket.tick(kept=data.draw(st.booleans()))
    for _ in range(30):
        bucket.tick()
    assert bucket.recorded.keys() == bucket.owed()
    assert set(bucket.recorded.values()) <= {1}
    before = bucket.pages
    bucket.tick()
    assert bucket.pages == before + 1


@pytest.mark.parametrize("everywhere", [True, False])
def test_an_object_that_is_not_recorded_holds_the_place(everywhere: bool) -> None:
    bucket = Bucket(everywhere=everywhere)
    bucket.objects = {"p/a": 1, "p/b": 1}
    bucket.tick(kept=False)
    assert bucket.place == Place()
    bucket.tick()
    assert bucket.place.head == ""
    bucket.tick()
    assert bucket.place.head == "p/b"
