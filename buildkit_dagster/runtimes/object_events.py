"""Objects that came into a bucket, and the messages that say so. Pure.

S3 sends a notification at least once, in no order, with the key URL-quoted, and a test event first. Here messages
become objects; what they ask for is decided in `objects.py`, receiving and deleting are `object_queue.py`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote_plus

_Body = TypeVar("_Body")


class MalformedMessage(ValueError):
    """A message that announces no object; it stays in the queue until that moves it to the dead letters."""


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
    """What was received: the objects it announces, or the `problem` why it announces none.

    `receipt` settles it, `received` counts how often it came, `sent` is when it was sent, in seconds since 1970.
    """

    receipt: str
    events: tuple[ObjectEvent, ...] = ()
    problem: str = ""
    received: int = 1
    sent: float = 0.0

    @property
    def patience(self) -> int:
        """Seconds to wait before looking at it again, longer each time: 20, 80, 320, … at most 12 hours, as SQS allows.

        A queue gives up on a message after some receives; waiting in growing steps makes a few of them last for hours.
        """
        return int(min(20 * 4 ** (self.received - 1), 43200))


def read_message(
    receipt: str, body: _Body, received: int = 1, sent: float = 0.0, *, read: Callable[[_Body], list[ObjectEvent]]
) -> Message:
    """A message as it is to be judged; whatever its body is, this raises nothing."""
    try:
        return Message(receipt, tuple(read(body)), "", received, sent)
    except MalformedMessage as error:
        return Message(receipt, (), str(error), received, sent)


def read_s3(body: str) -> list[ObjectEvent]:
    """The objects S3's notification announces: none for its test event and for removals; raises `MalformedMessage`."""
    try:
        content = json.loads(body)
        if content.get("Event") == "s3:TestEvent":
            return []
        created = [record for record in content["Records"] if record["eventName"].startswith("ObjectCreated")]
        return [_of_s3(record) for record in created]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMessage(f"no S3 notification: {_told(error)}") from error


def _of_s3(record: Mapping[str, Any]) -> ObjectEvent:
    described = record["s3"]["object"]
    sequencer = described.get("sequencer", "")
    version = described.get("versionId") or sequencer or f"{described['eTag']}@{record['eventTime']}"
    return ObjectEvent(record["s3"]["bucket"]["name"], unquote_plus(described["key"]), version, sequencer)


def _told(error: Exception) -> str:
    """What is wrong with a message, without a word of what is in it."""
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    return f"it has no {error}" if isinstance(error, KeyError) else "its parts are of other types"
