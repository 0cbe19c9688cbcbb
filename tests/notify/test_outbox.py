"""What waits for a channel: sent once, tried again later and later, given up after a day, in nobody else's way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildkit_dagster.errors import DeliveryFailed
from buildkit_dagster.notify import outbox
from buildkit_dagster.notify.message import Message
from buildkit_dagster.notify.outbox import Queue, Report, deliver
from buildkit_dagster.notify.services import Service, webhook
from tests.receiver import Receiver, receiver


def message(number: int, key: str = "") -> Message:
    return Message("build-failure", 2, f"message {number}", "text", key or f"key-{number}")


@dataclass
class Desk:
    """A channel that notes what it gets and refuses titles it was told to."""

    people: bool = False
    name: str = "desk"
    refuses: set[str] = field(default_factory=set)
    got: list[str] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if message.title in self.refuses:
            raise DeliveryFailed("no")
        self.got.append(message.title)


@dataclass
class Round:
    """Rounds of delivery at times of our choice; what waits goes through JSON, as in the sensor's cursor."""

    channels: dict[str, object]
    queues: dict[str, Queue] = field(default_factory=dict)

    def at(self, now: float, *messages: Message) -> Report:
        for name in self.channels if messages else ():
            self.queues[name] = self.queues.get(name, Queue()).with_messages(messages, now)
        queues = {name: Queue.from_data(queue.to_data()) for name, queue in self.queues.items()}
        self.queues, report = deliver(queues, self.channels, lambda: now, 5, pace=0)  # type: ignore[arg-type]
        return report


def test_a_server_that_was_down_gets_what_it_missed_once_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with receiver(tmp_path, monkeypatch) as post:
        down = Service("webhook", False, lambda message: (webhook(post.url, message), []))
        well = Desk()
        rounds = Round({"down": down, "well": well})
        post.answers["127.0.0.1"] = (503, "later")
        assert "error=503" in rounds.at(0, message(1), message(2)).problems[0]
        assert well.got == ["message 1", "message 2"]
        post.answers.clear()
        assert rounds.at(29).sent == 0
        rounds.at(31)
        assert titles(post) == ["message 1", "message 2"]
        rounds.at(1000)
        assert titles(post) == ["message 1", "message 2"]
        assert rounds.queues == {}


def titles(post: Receiver) -> list[str]:
    return sorted(request.body["title"] for request in post.requests)


def test_the_pauses_of_a_dead_channel_grow_to_an_hour_and_its_messages_end_after_a_day():
    desk = Desk(refuses={"message 1"})
    rounds = Round({"desk": desk})
    rounds.at(0, message(1))
    pauses, now = [], 0.0
    while rounds.queues["desk"].waiting:
        pauses.append(rounds.queues["desk"].resume - now)
        now = rounds.queues["desk"].resume
        report = rounds.at(now)
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == 3600
    assert 86_400 <= now < 90_000
    assert "dropped" in report.problems[0]


def test_one_message_that_is_refused_does_not_keep_back_the_others():
    desk = Desk(people=True, refuses={"message 1"})
    rounds = Round({"desk": desk})
    rounds.at(0, message(1), message(2), message(3))
    rounds.at(40)
    assert desk.got == ["message 2", "message 3"]


def test_many_messages_at_once_are_few_for_people_and_each_its_own_for_machines():
    person, machine = Desk(people=True), Desk()
    Round({"person": person, "machine": machine}).at(0, *(message(number) for number in range(60)))
    assert person.got[:2] == ["25 messages at once", "25 messages at once"]
    assert len(person.got) == 12
    assert sorted(machine.got) == sorted(f"message {number}" for number in range(60))


def test_a_channel_that_hangs_is_not_sent_again_what_it_has_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox, "_LATE", 0.1)
    answers = threading.Event()

    class Hanging(Desk):
        def send(self, message: Message) -> None:
            super().send(message)
            if message.title == "message 3":
                answers.wait()

    desk = Hanging(people=True)
    queues = {"desk": Queue().with_messages(map(message, range(1, 6)), time.time())}
    try:
        queues, report = deliver(queues, {"desk": desk}, time.time, 5, pace=0)
    finally:
        answers.set()
    assert (report.sent, report.problems) == (2, ["desk: no answer within 5 s"])
    while queues:
        queues, _ = deliver(queues, {"desk": desk}, lambda: time.time() + 60, 5, pace=0)
    # Nobody knows whether the one in flight has arrived.
    assert Counter(desk.got) == {"message 3": 2} | {f"message {number}": 1 for number in (1, 2, 4, 5)}


def test_the_end_of_an_incident_never_overtakes_its_beginning():
    desk = Desk()
    Round({"desk": desk}).at(0, *(message(number, key="shop/prod") for number in range(20)))
    assert desk.got == [f"message {number}" for number in range(20)]


def test_a_channel_that_is_configured_no_more_is_forgotten():
    rounds = Round({"desk": Desk(refuses={"message 1"})})
    rounds.at(0, message(1))
    rounds.channels = {}
    rounds.at(40)
    assert rounds.queues == {}
