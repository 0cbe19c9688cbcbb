"""Keys to tables, notifications to requests: every object in exactly one run, whatever the queue does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from buildkit_dagster.config.file_source import FileSource
from buildkit_dagster.runtimes.object_events import Message, ObjectEvent, read_message, read_s3
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.objects import Plan, Planner, Source, unbroken_ranges

FLIGHTS = Source("flights", "raw", KeyPattern("flights/{partition}.csv", "month"))
PLANES = Source("planes", "raw", KeyPattern("planes/"))


def notification(key: str, version: str = "v1", sequencer: str = "", **described: Any) -> str:
    item = {"key": key, "size": 1, "eTag": "e", "versionId": version, "sequencer": sequencer, **described}
    record = {"eventName": "ObjectCreated:Put", "eventTime": "t", "s3": {"bucket": {"name": "raw"}, "object": item}}
    return json.dumps({"Records": [record]})


def messages(*bodies: str) -> list[Message]:
    return [read_message(f"receipt-{number}", body, read=read_s3) for number, body in enumerate(bodies)]


def decide(
    received: Sequence[Message], sources: Sequence[Source], recorded: Collection[str] = (), **options: Any
) -> tuple[Plan, set[str]]:
    planner = Planner(sources, **options)
    settled = planner.take(received, recorded)
    return planner.plan(), settled


def plan_messages(
    received: Sequence[Message], sources: Sequence[Source], recorded: Collection[str] = (), **options: Any
) -> Plan:
    return decide(received, sources, recorded, **options)[0]


def around(*known: str) -> Callable[[Collection[str]], Sequence[str]]:
    """As an instance answers that has these partitions."""
    return lambda asked: known if set(asked) & set(known) else ()


def one_event(body: str) -> ObjectEvent:
    [event] = read_s3(body)
    return event


@pytest.mark.parametrize(
    ("path", "partition", "key", "matches"),
    [
        ("planes/", None, "planes/a/b.csv", True),
        ("planes/", None, "planes/", False),
        ("planes/planes.csv", None, "planes/planes.csv", True),
        ("planes/planes.csv", None, "planes/planes.csv.bak", False),
        ("flights/{partition}.csv", "month", "flights/2013-01.csv", True),
        ("flights/{partition}.csv", "month", "flights/2013-13.csv", False),
        ("flights/{partition}.csv", "month", "flights/2013-01.csv.gz", False),
        ("flights/{partition}/", "month", "flights/2013-01/part-1.csv", True),
    ],
)
def test_a_key_is_a_tables_only_by_its_whole_path(path: str, partition: str | None, key: str, matches: bool) -> None:
    assert KeyPattern(path, partition).matches(key) is matches


def test_a_quoted_key_is_read_as_it_was_written() -> None:
    assert one_event(notification("planes/a+b%28c%29%2Bd.csv")).key == "planes/a b(c)+d.csv"


def test_a_version_is_told_from_another_without_a_version_id() -> None:
    bodies = [notification("planes/p", "", "0A"), notification("planes/p", "", "0B"), notification("planes/p", "")]
    versions = [one_event(body).version for body in bodies]
    assert versions == ["0A", "0B", "e@t"]


def test_the_test_event_and_unknown_keys_are_deleted_and_malformed_messages_stay() -> None:
    test_event = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"})
    removed = notification("planes/p").replace("ObjectCreated:Put", "ObjectRemoved:Delete")
    received = messages(test_event, notification("other/x.csv"), removed, "{", "[]", '{"Records": [{}]}', "null")
    plan, settled = decide(received, [FLIGHTS, PLANES])
    assert plan.requests == []
    assert settled == {"receipt-0", "receipt-1", "receipt-2"}
    assert "s3://raw/other/x.csv" in plan.notes[0]
    assert sum("stays in the queue" in note for note in plan.notes) == 4


def test_a_ticks_months_share_a_run_wherever_they_follow_each_other() -> None:
    source = Source("flights", "raw", FLIGHTS.pattern, partitions=around("2013-01", "2013-02", "2013-03", "2013-04"))
    months = ("2013-05", "2013-04", "2013-01", "2013-02")
    plan = plan_messages(messages(*(notification(f"flights/{month}.csv") for month in months)), [source], recorded=())
    assert [(request.first, request.last) for request in plan.requests] == [
        ("2013-01", "2013-02"),
        ("2013-04", "2013-05"),
    ]
    assert plan.new_partitions == {"flights": ["2013-05"]}


def test_known_partitions_are_read_only_when_one_of_those_that_came_is_known() -> None:
    asked: list[set[str]] = []

    def partitions(names: Collection[str]) -> Sequence[str]:
        asked.append(set(names))
        return around("2013-01", "2013-02")(names)

    planner = Planner([replace(FLIGHTS, partitions=partitions)])
    for months in (("2013-04", "2013-03"), ("2013-03", "2013-05"), ("2013-02",), ("2013-01", "2013-06")):
        planner.take(messages(*(notification(f"flights/{month}.csv", month) for month in months)), ())
    assert asked == [{"2013-03", "2013-04"}, {"2013-05"}, {"2013-02"}]
    plan = planner.plan()
    assert [(request.first, request.last) for request in plan.requests] == [("2013-01", "2013-06")]
    assert plan.new_partitions == {"flights": ["2013-03", "2013-04", "2013-05", "2013-06"]}


def test_a_message_is_deleted_only_when_its_run_is_recorded() -> None:
    received = messages(notification("planes/p"))
    first, settled = decide(received, [PLANES])
    assert settled == set()
    again, settled = decide(received, [PLANES], recorded=first.requests[0].identities)
    assert (again.requests, settled) == ([], {"receipt-0"})


def test_two_jobs_that_read_the_same_object_each_get_a_run() -> None:
    twin = Source("seats", "raw", PLANES.pattern)
    received = messages(notification("planes/p"))
    both = plan_messages(received, [PLANES, twin], recorded=())
    half, settled = decide(received, [PLANES, twin], recorded=both.requests[0].identities)
    assert [request.job for request in both.requests] == ["planes", "seats"]
    assert ([request.job for request in half.requests], settled) == (["seats"], set())


def test_an_object_of_a_job_that_cannot_run_yet_waits_ever_longer() -> None:
    [message] = plan_messages(messages(notification("planes/p")), [replace(PLANES, ready=False)], recorded=()).later
    waits = [replace(message, received=count).patience for count in (1, 2, 3, 9)]
    assert waits == [20, 80, 320, 43200]


def test_a_version_that_comes_after_a_newer_one_needs_no_run() -> None:
    newer = plan_messages(messages(notification("planes/p", "v2", "00B0")), [PLANES], recorded=())
    late, settled = decide(messages(notification("planes/p", "v1", "0A")), [PLANES], cursor=newer.cursor)
    assert (late.requests, settled) == ([], {"receipt-0"})
    newest = plan_messages(messages(notification("planes/p", "v3", "00C0")), [PLANES], recorded=(), cursor=newer.cursor)
    assert len(newest.requests) == 1


def test_the_cursor_stays_small() -> None:
    plan = plan_messages(
        messages(*(notification(f"planes/{n}", sequencer="1") for n in range(50))), [PLANES], remember=10
    )
    assert len(plan.cursor) == 10


@settings(max_examples=150)
@given(st.data())
def test_every_version_is_recorded_once_or_still_queued_through_duplicates_disorder_and_crashes(
    data: st.DataObject,
) -> None:
    """A queue that redelivers at will, and a daemon that loses a tick's result now and then."""
    keys = [f"flights/2013-0{month}.csv" for month in range(1, 5)] + ["planes/a", "planes/b"]
    announced = [(key, f"v{number}") for key in keys for number in (1, 2, 2)]
    queue = {f"r{number}": notification(*version) for number, version in enumerate(announced)}
    source = Source("flights", "raw", FLIGHTS.pattern)
    recorded: list[str] = []
    known: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(data.draw(st.integers(0, 40))):
        chosen = data.draw(st.lists(st.sampled_from(sorted(queue)), max_size=6)) if queue else []
        plan, settled = decide(
            [read_message(receipt, queue[receipt], read=read_s3) for receipt in chosen],
            [source, PLANES],
            recorded,
            cursor=cursor,
        )
        for receipt in settled:
            queue.pop(receipt, None)
        if data.draw(st.booleans(), label="the tick's result is kept"):
            cursor = plan.cursor
            known += plan.new_partitions.get("flights", ())
            source = replace(source, partitions=around(*known))
            recorded += [identity for request in plan.requests for identity in request.identities]
    queued = {(event.key, event.version) for body in queue.values() for event in read_s3(body)}
    gone = [one_event(notification(*version)) for version in set(announced) - queued]
    assert len(recorded) == len(set(recorded))
    assert {event.identity("planes" if event.key.startswith("planes") else "flights") for event in gone} <= set(
        recorded
    )


def test_ranges_are_cut_where_an_unwanted_key_lies_between() -> None:
    places = {name: place for place, name in enumerate("abcdef")}
    assert unbroken_ranges(places, set("abdf")) == [["a", "b"], ["d"], ["f"]]


@settings(max_examples=100)
@given(st.lists(st.integers(0, 12), unique=True), st.lists(st.integers(0, 12), min_size=1))
def test_the_planner_knows_at_each_moment_how_many_runs_it_would_ask_for(known: list[int], came: list[int]) -> None:
    source = replace(FLIGHTS, partitions=around(*(f"20{year:02}-01" for year in known)))
    planner = Planner([source])
    for year in came:
        planner.take(messages(notification(f"flights/20{year:02}-01.csv")), ())
    assert planner.requests == len(planner.plan().requests)


@pytest.mark.parametrize(
    ("path", "partition", "key", "found"),
    [
        ("f/{partition}.csv", "year", "f/2013.csv", "2013"),
        ("f/{partition}.csv", "day", "f/2013-01-31.csv", "2013-01-31"),
        ("f/{partition}/", "hour", "f/2013-01-31T23/a.csv", "2013-01-31T23"),
        ("f/{partition}/", "hour", "f/2013-01-31T24/a.csv", None),
        ("f/year={year}/month={month}/", "month", "f/year=2013/month=07/a.csv", "2013-07"),
        ("f/{day}.{month}.{year}.csv", "day", "f/31.01.2013.csv", "2013-01-31"),
        ("f/{year}/{year}{month}.csv", "month", "f/2013/201307.csv", "2013-07"),
        ("f/{year}/{year}{month}.csv", "month", "f/2013/201407.csv", None),
        ("f/", "key", "f/a/b.csv", "a/b.csv"),
        ("f/", "key", "f/100%.....csv", "100%25%2E%2E%2E..csv"),
    ],
)
def test_a_partition_is_named_by_the_time_or_the_rest_of_the_key(
    path: str, partition: Any, key: str, found: str | None
) -> None:
    pattern = KeyPattern.of(FileSource(path=path, partition=partition))
    assert pattern.partition_of(key) == found
    assert pattern.matches(key) is (found is not None)
    assert key.startswith(pattern.prefix)


def test_a_suffix_leaves_out_what_does_not_end_so() -> None:
    pattern = KeyPattern.of(FileSource(path="planes/", suffix=".csv"))
    assert [pattern.matches(key) for key in ("planes/a.csv", "planes/a.csv.tmp", "other/a.csv")] == [True, False, False]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"path": "f/{partition}.csv"}, "needs `partition: month` or another span of time"),
        ({"path": "f/{partition}/", "partition": "key"}, "needs `partition: month` or another span of time"),
        ({"path": "f/{year}/", "partition": "month"}, "or each of {year} {month}"),
        ({"path": "f/{year}/{month}/{day}/", "partition": "month"}, "or each of {year} {month}"),
        ({"path": "f/{partition}/{partition}/", "partition": "day"}, "once, as in"),
        ({"path": "f.csv", "partition": "key"}, "end the path in `/`"),
        ({"path": "f", "suffix": ".csv"}, "end the path in `/`"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(written: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        FileSource(**written)
