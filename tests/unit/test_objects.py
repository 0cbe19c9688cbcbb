"""Keys to tables, notifications to requests: every object in exactly one run, whatever the queue does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildkit_dagster.runtimes.objects import KeyPattern, Message, Source, plan_messages, read_message, unbroken_ranges

FLIGHTS = Source("flights", "raw", KeyPattern("flights/{partition}.csv", "month"))
PLANES = Source("planes", "raw", KeyPattern("planes/"))


def notification(key: str, version: str = "v1", sequencer: str = "", **described: Any) -> str:
    item = {"key": key, "size": 1, "eTag": "e", "versionId": version, "sequencer": sequencer, **described}
    record = {"eventName": "ObjectCreated:Put", "eventTime": "t", "s3": {"bucket": {"name": "raw"}, "object": item}}
    return json.dumps({"Records": [record]})


def messages(*bodies: str) -> list[Message]:
    return [Message(f"receipt-{number}", body) for number, body in enumerate(bodies)]


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
    [event] = read_message(notification("planes/a+b%28c%29%2Bd.csv"))
    assert event.key == "planes/a b(c)+d.csv"


def test_a_version_is_told_from_another_without_a_version_id() -> None:
    bodies = [notification("planes/p", "", "0A"), notification("planes/p", "", "0B"), notification("planes/p", "")]
    versions = [read_message(body)[0].version for body in bodies]
    assert versions == ["0A", "0B", "e@t"]


def test_the_test_event_and_unknown_keys_are_deleted_and_malformed_messages_stay() -> None:
    test_event = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"})
    removed = notification("planes/p").replace("ObjectCreated:Put", "ObjectRemoved:Delete")
    received = messages(test_event, notification("other/x.csv"), removed, "{", "[]", '{"Records": [{}]}', "null")
    plan = plan_messages(received, [FLIGHTS, PLANES], recorded=())
    assert plan.requests == []
    assert plan.delete == ["receipt-0", "receipt-1", "receipt-2"]
    assert "s3://raw/other/x.csv" in plan.notes[0]
    assert sum("stays in the queue" in note for note in plan.notes) == 4


def test_a_ticks_months_share_a_run_wherever_they_follow_each_other() -> None:
    source = Source("flights", "raw", FLIGHTS.pattern, partitions=("2013-01", "2013-02", "2013-03", "2013-04"))
    months = ("2013-05", "2013-04", "2013-01", "2013-02")
    plan = plan_messages(messages(*(notification(f"flights/{month}.csv") for month in months)), [source], recorded=())
    assert [(request.first, request.last) for request in plan.requests] == [
        ("2013-01", "2013-02"),
        ("2013-04", "2013-05"),
    ]
    assert plan.new_partitions == {"flights": ["2013-05"]}


def test_a_message_is_deleted_only_when_its_run_is_recorded() -> None:
    received = messages(notification("planes/p"))
    first = plan_messages(received, [PLANES], recorded=())
    assert first.delete == []
    again = plan_messages(received, [PLANES], recorded=first.requests[0].identities)
    assert (again.requests, again.delete) == ([], ["receipt-0"])


def test_two_jobs_that_read_the_same_object_each_get_a_run() -> None:
    twin = Source("seats", "raw", PLANES.pattern)
    received = messages(notification("planes/p"))
    both = plan_messages(received, [PLANES, twin], recorded=())
    half = plan_messages(received, [PLANES, twin], recorded=both.requests[0].identities)
    assert [request.job for request in both.requests] == ["planes", "seats"]
    assert ([request.job for request in half.requests], half.delete) == (["seats"], [])


def test_an_object_of_a_job_that_cannot_run_yet_waits_ever_longer() -> None:
    [message] = plan_messages(messages(notification("planes/p")), [replace(PLANES, ready=False)], recorded=()).later
    waits = [replace(message, received=count).patience for count in (1, 2, 3, 9)]
    assert waits == [20, 80, 320, 43200]


def test_a_version_that_comes_after_a_newer_one_needs_no_run() -> None:
    newer = plan_messages(messages(notification("planes/p", "v2", "00B0")), [PLANES], recorded=())
    late = plan_messages(messages(notification("planes/p", "v1", "0A")), [PLANES], recorded=(), cursor=newer.cursor)
    assert (late.requests, late.delete) == ([], ["receipt-0"])
    newest = plan_messages(messages(notification("planes/p", "v3", "00C0")), [PLANES], recorded=(), cursor=newer.cursor)
    assert len(newest.requests) == 1


def test_the_cursor_stays_small() -> None:
    plan = plan_messages(
        messages(*(notification(f"planes/{n}", sequencer="1") for n in range(50))), [PLANES], (), None, remember=10
    )
    assert len(plan.cursor) == 10


@settings(max_examples=150, deadline=None)
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
    cursor: dict[str, str] = {}
    for _ in range(data.draw(st.integers(0, 40))):
        chosen = data.draw(st.lists(st.sampled_from(sorted(queue)), max_size=6)) if queue else []
        plan = plan_messages(
            [Message(receipt, queue[receipt]) for receipt in chosen], [source, PLANES], recorded, cursor
        )
        for receipt in plan.delete:
            queue.pop(receipt, None)
        if data.draw(st.booleans(), label="the tick's result is kept"):
            cursor = plan.cursor
            source = replace(source, partitions=(*source.partitions, *plan.new_partitions.get("flights", ())))
            recorded += [identity for request in plan.requests for identity in request.identities]
    queued = {(event.key, event.version) for body in queue.values() for event in read_message(body)}
    gone = [read_message(notification(*version))[0] for version in set(announced) - queued]
    assert len(recorded) == len(set(recorded))
    assert {event.identity("planes" if event.key.startswith("planes") else "flights") for event in gone} <= set(
        recorded
    )


def test_ranges_are_cut_where_an_unwanted_key_lies_between() -> None:
    assert unbroken_ranges("abcdef", set("abdf")) == [["a", "b"], ["d"], ["f"]]
