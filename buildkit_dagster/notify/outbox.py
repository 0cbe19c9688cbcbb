"""What waits to be delivered, channel by channel, and what becomes of it: sent, tried again later, given up.

A channel that is down is left alone for a while and holds up no other. What one is like is in `channels.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.notify.message import Message, folded

#: Seconds before another try, doubled from failure to failure.
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3600.0
#: After so many seconds a message is old news, and dropped.
_KEPT = 24 * 3600.0
#: More waiting messages than this become few in a channel people read, as many at a time as fit into one.
_MANY, _FOLDED = 10, 25
#: Seconds between two messages for people: Slack takes one a second in a channel.
_PACE = 1.0
#: A service for machines is sent so many at once.
_AT_ONCE = 8
#: Seconds that a round may be late in hearing an answer.
_LATE = 5.0


class Channel(Protocol):
    """Somebody to tell. `people` read it: there, many messages at once are folded; raises BuildkitError."""

    @property
    def name(self) -> str: ...

    @property
    def people(self) -> bool: ...

    def send(self, message: Message) -> None: ...


@dataclass(frozen=True)
class Waiting:
    message: Message
    since: float


@dataclass(frozen=True)
class Queue:
    """What waits for one channel. After `failures` in a row nothing is tried before `resume` (seconds since 1970)."""

    waiting: tuple[Waiting, ...] = ()
    failures: int = 0
    resume: float = 0.0

    def with_messages(self, messages: Iterable[Message], now: float) -> Queue:
        return replace(self, waiting=(*self.waiting, *(Waiting(message, now) for message in messages)))

    def held_up(self, now: float) -> Queue:
        pause = min(_FIRST_WAIT * 2**self.failures, _LONGEST_WAIT)
        return replace(self, failures=self.failures + 1, resume=now + pause)

    def to_data(self) -> dict[str, Any]:
        waiting = [{"message": one.message.to_data(), "since": one.since} for one in self.waiting]
        return {"waiting": waiting, "failures": self.failures, "resume": self.resume}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Queue:
        waiting = tuple(Waiting(Message(**one["message"]), one["since"]) for one in data["waiting"])
        return cls(waiting, data["failures"], data["resume"])


@dataclass
class Report:
    """What came of one round: how much was sent, and what is wrong with whom."""

    sent: int = 0
    problems: list[str] = field(default_factory=list)


def deliver(
    queues: Mapping[str, Queue],
    channels: Mapping[str, Channel],
    clock: Callable[[], float],
    seconds: float,
    pace: float = _PACE,
) -> tuple[dict[str, Queue], Report]:
    """Send what is due, every channel in a thread of its own; after `seconds` the rest waits for the next round."""
    now = clock()
    due = {name: queue for name, queue in queues.items() if name in channels and queue.waiting and queue.resume <= now}
    pool = ThreadPoolExecutor(max_workers=max(1, min(16, len(due))))
    rounds = {name: _Round(name, queue, channels[name]) for name, queue in due.items()}
    running = {name: pool.submit(one.carry_out, clock, now + seconds, pace) for name, one in rounds.items()}
    wait(running.values(), timeout=seconds + _LATE)
    pool.shutdown(wait=False, cancel_futures=True)
    report, after = Report(), {name: queue for name, queue in queues.items() if name in channels}
    for name, one in rounds.items():
        after[name], future = one.queue, running[name]
        report.sent += one.sent
        report.problems += one.problems
        if future.done() and not future.cancelled():
            future.result()
        else:
            after[name] = after[name].held_up(now)
            report.problems.append(f"{name}: no answer within {seconds:.0f} s")
    return {name: queue for name, queue in after.items() if queue.waiting or queue.failures}, report


@dataclass
class _Round:
    """One channel's. It may hang in a call: what it has sent by then has left the queue, and is not sent again."""

    name: str
    queue: Queue
    channel: Channel
    sent: int = 0
    problems: list[str] = field(default_factory=list)

    def carry_out(self, clock: Callable[[], float], until: float, pace: float) -> None:
        """Send until nothing waits, something fails or time is up."""
        self.queue, dropped = _without_old(self.queue, clock())
        if dropped:
            self.problems.append(f"{self.name}: {dropped} messages could not be delivered for a day and were dropped")
        while self.queue.waiting and clock() < until:
            waiting = self.queue.waiting
            batch = _batch(waiting, self.channel.people)
            failed = _failed(self.channel, batch)
            # What failed goes to the end: one message a service does not like must not keep back the others.
            left = (*waiting[len(batch) :], *(one for one, _ in failed))
            self.sent += len(batch) - len(failed)
            if failed:
                self.problems.append(f"{self.name}: {failed[0][1]}")
                self.queue = replace(self.queue, waiting=left).held_up(clock())
                return
            self.queue = replace(self.queue, waiting=left, failures=0, resume=0.0)
            if left and self.channel.people:
                time.sleep(pace)


def _failed(channel: Channel, batch: Sequence[Waiting]) -> list[tuple[Waiting, str]]:
    """What could not be sent, and why."""
    if channel.people:
        reason = _attempt(channel, folded([one.message for one in batch]))
        return [(one, reason) for one in batch] if reason else []
    with ThreadPoolExecutor(max_workers=len(batch)) as pool:
        reasons = pool.map(lambda one: _attempt(channel, one.message), batch)
    return [(one, reason) for one, reason in zip(batch, reasons, strict=True) if reason]


def _attempt(channel: Channel, message: Message) -> str:
    try:
        channel.send(message)
    except BuildkitError as error:
        return str(error)
    return ""


def _batch(waiting: Sequence[Waiting], people: bool) -> Sequence[Waiting]:
    if people:
        return waiting[: _FOLDED if len(waiting) > _MANY else 1]
    # An incident's end must not overtake its beginning: of one key, one at a time.
    keys = [one.message.key for one in waiting[:_AT_ONCE]]
    first_twice = next((index for index, key in enumerate(keys) if key in keys[:index]), len(keys))
    return waiting[:first_twice]


def _without_old(queue: Queue, now: float) -> tuple[Queue, int]:
    kept = tuple(one for one in queue.waiting if now - one.since < _KEPT)
    return replace(queue, waiting=kept), len(queue.waiting) - len(kept)
