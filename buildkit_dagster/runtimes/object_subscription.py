"""A Pub/Sub subscription of what comes into a bucket of Cloud Storage, and that bucket's pages; with clients given.

To a sensor it is what an SQS queue is (`object_queue.py`). A version is the object's generation, in both.
https://cloud.google.com/storage/docs/pubsub-notifications
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from buildkit_dagster.runtimes.object_events import MalformedMessage, Message, ObjectEvent, read_message
from buildkit_dagster.runtimes.object_listing import ListPage, Page

#: Most messages of one request (Pub/Sub, "Quotas and limits": 1,000 in a pull, 512 KiB of acknowledgements).
_BATCH = 1000
#: Most seconds that a message can be put off for (Pub/Sub REST reference, `modifyAckDeadline`).
_LONGEST = 600
_CREATED = "OBJECT_FINALIZE"


@dataclass(frozen=True)
class ObjectSubscription:
    """One subscription, by its full name `projects/P/subscriptions/S`; `pubsub` is a client of the REST API."""

    pubsub: Any
    name: str

    def receive(self, hidden: int, most: int = _BATCH) -> list[Message]:
        """Up to so many messages, hidden for so many seconds."""
        # A pull that may wait does so for longer than a tick lasts.
        body = {"maxMessages": min(most, _BATCH), "returnImmediately": True}
        answer = self._subscriptions.pull(subscription=self.name, body=body).execute()
        messages = [_message(item) for item in answer.get("receivedMessages", ())]
        self._hide([message.receipt for message in messages], hidden)
        return messages

    def settle(self, receipts: Iterable[str]) -> None:
        """Acknowledge messages."""
        for batch in _batches(list(receipts)):
            self._subscriptions.acknowledge(subscription=self.name, body={"ackIds": batch}).execute()

    def put_off(self, messages: Iterable[Message]) -> None:
        """Hide messages for as long as their patience says, ten minutes at most."""
        by_time: dict[int, list[str]] = {}
        for message in messages:
            by_time.setdefault(message.patience, []).append(message.receipt)
        for seconds, receipts in by_time.items():
            self._hide(receipts, seconds)

    def _hide(self, receipts: Sequence[str], seconds: int) -> None:
        for batch in _batches(receipts):
            body = {"ackIds": batch, "ackDeadlineSeconds": min(seconds, _LONGEST)}
            self._subscriptions.modifyAckDeadline(subscription=self.name, body=body).execute()

    @property
    def _subscriptions(self) -> Any:
        return self.pubsub.projects().subscriptions()


def _message(item: dict[str, Any]) -> Message:
    message = item["message"]
    sent = datetime.fromisoformat(message["publishTime"]).timestamp()
    return read_message(
        item["ackId"], message.get("attributes", {}), item.get("deliveryAttempt", 1), sent, read=read_gcs
    )


def read_gcs(attributes: dict[str, str]) -> list[ObjectEvent]:
    """The object Cloud Storage's notification announces: none for what is no new version; raises `MalformedMessage`."""
    try:
        generation = attributes["objectGeneration"]
        event = ObjectEvent(attributes["bucketId"], attributes["objectId"], generation, generation)
        return [event] if attributes["eventType"] == _CREATED else []
    except KeyError as error:
        raise MalformedMessage(f"no notification of Cloud Storage: it has no attribute {error}") from error


def gcs_pages(storage: Any, bucket: str) -> ListPage:
    """Pages of a bucket of Cloud Storage."""

    def list_page(prefix: str, after: str) -> Page:
        listing = storage.list_blobs(bucket, prefix=prefix, start_offset=after or None, page_size=_BATCH)
        blobs = list(next(listing.pages, ()))
        # `start_offset` includes the key itself.
        events = [ObjectEvent(bucket, blob.name, str(blob.generation)) for blob in blobs if blob.name != after]
        return Page(tuple(events), bool(listing.next_page_token))

    return list_page


def _batches(receipts: Sequence[str]) -> list[list[str]]:
    return [list(receipts[first : first + _BATCH]) for first in range(0, len(receipts), _BATCH)]
