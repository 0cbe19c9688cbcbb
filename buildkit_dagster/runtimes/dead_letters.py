"""The queue of events that were given up: what is in it and why, sending it back, deleting it.

A message that announces objects goes back as it is: sent first, then deleted, so that a crash between leaves it in both
queues, and the sensor runs each object once all the same. One that announces none would only come back here: it stays
until it is dropped. `StartMessageMoveTask` would move both kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from buildkit_dagster.runtimes.object_queue import BATCH, ObjectQueue, batches, message_of

#: Seconds a letter is hidden while it is read: no other reader sends it back meanwhile.
_HIDDEN = 60


@dataclass(frozen=True)
class DeadLetter:
    """One given-up message: the keys of its objects, or the `problem` why it announces none; nothing else of it."""

    id: str
    keys: tuple[str, ...]
    problem: str
    sent: datetime
    received: int

    @property
    def can_go_back(self) -> bool:
        return not self.problem

    def __str__(self) -> str:
        what = ", ".join(self.keys) or self.problem or "it announces nothing"
        return f"{self.id}: sent {self.sent:%Y-%m-%d %H:%M} UTC, {'' if self.can_go_back else 'cannot go back: '}{what}"

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "keys": list(self.keys),
            "problem": self.problem or None,
            "sent": self.sent.isoformat(),
            "received": self.received,
        }


def list_letters(dead: ObjectQueue) -> list[DeadLetter]:
    """Every letter that can be seen; they are shown to others again at once."""
    found: dict[str, tuple[str, DeadLetter]] = {}
    for item in _all(dead):
        found[item["MessageId"]] = (item["ReceiptHandle"], _letter(item))
    dead.show((receipt, 0) for receipt, _ in found.values())
    return [letter for _, letter in found.values()]


def replay(dead: ObjectQueue, queue: ObjectQueue, hidden: int = _HIDDEN) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Send back what announces objects; what went, and what stayed. A replay that died can be repeated after `hidden`
    seconds."""
    went, stayed = [], []
    kept: list[str] = []
    for items in batches(_all(dead, hidden)):
        letters = [(item, _letter(item)) for item in items]
        going = [(item, letter) for item, letter in letters if letter.can_go_back]
        sent = _send(queue, [item for item, _ in going])
        dead.settle(item["ReceiptHandle"] for item, _ in going if item["MessageId"] in sent)
        went += [letter for item, letter in going if item["MessageId"] in sent]
        stay = [(item, letter) for item, letter in letters if item["MessageId"] not in sent]
        stayed += [letter for _, letter in stay]
        kept += [item["ReceiptHandle"] for item, _ in stay]
    dead.show((receipt, 0) for receipt in kept)
    return went, stayed


def drop(dead: ObjectQueue, ids: Collection[str] | None) -> list[DeadLetter]:
    """Delete these letters, all with None; which were there."""
    gone, kept = [], []
    for items in batches(_all(dead)):
        chosen = [item for item in items if ids is None or item["MessageId"] in ids]
        dead.settle(item["ReceiptHandle"] for item in chosen)
        gone += [_letter(item) for item in chosen]
        kept += [item["ReceiptHandle"] for item in items if item not in chosen]
    dead.show((receipt, 0) for receipt in kept)
    return gone


def _all(dead: ObjectQueue, hidden: int = _HIDDEN) -> Iterator[dict[str, Any]]:
    """Every message that is not hidden, each once: what was received stays hidden meanwhile."""
    seen: set[str] = set()
    while items := [item for item in dead.receive_raw(hidden, wait=1) if item["MessageId"] not in seen]:
        seen |= {item["MessageId"] for item in items}
        yield from items


def _send(queue: ObjectQueue, items: list[dict[str, Any]]) -> set[str]:
    """Send these messages; the ids of those that arrived."""
    if not items:
        return set()
    assert len(items) <= BATCH
    entries = [{"Id": str(number), "MessageBody": item["Body"]} for number, item in enumerate(items)]
    answer = queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    return {items[int(each["Id"])]["MessageId"] for each in answer.get("Successful", ())}


def _letter(item: dict[str, Any]) -> DeadLetter:
    message = message_of(item)
    keys = tuple(f"s3://{event.bucket}/{event.key}" for event in message.events)
    sent = datetime.fromtimestamp(message.sent, UTC)
    return DeadLetter(item["MessageId"], keys, message.problem, sent, message.received)
