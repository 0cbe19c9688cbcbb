"""The SQS queue of a bucket's events: receive, settle, put off, count; with a client that the caller made.

What messages say is `object_events.py`'s, what they ask for `objects.py`'s; what was given up is `dead_letters.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from buildkit_dagster.runtimes.object_events import Message, read_message, read_s3

#: Most messages in one request (SQS, "Amazon SQS message quotas": 10 in a batch).
BATCH = 10
_Item = TypeVar("_Item")
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


@dataclass(frozen=True)
class ObjectQueue:
    """One queue; what is received is hidden for `hidden` seconds, and comes back then unless it was settled."""

    sqs: Any
    url: str

    def receive(self, hidden: int, most: int = BATCH) -> list[Message]:
        """Up to so many messages; none does not say that the queue is empty, only that nothing was found."""
        messages: list[Message] = []
        while len(messages) < most:
            found = self.receive_raw(hidden, most=min(BATCH, most - len(messages)))
            if not found:
                break
            messages += [message_of(item) for item in found]
        return messages

    def receive_raw(self, hidden: int, wait: int = 0, most: int = BATCH) -> list[dict[str, Any]]:
        """One request, as SQS tells it. With a second to `wait` it asks all its servers: none then is none."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=hidden,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return list(answer.get("Messages", ()))

    def settle(self, receipts: Iterable[str]) -> None:
        """Delete messages; one that cannot be deleted comes back."""
        for batch in batches(receipts):
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def put_off(self, messages: Iterable[Message]) -> None:
        """Hide messages for as long as their patience says."""
        self.show((message.receipt, message.patience) for message in messages)

    def show(self, receipts: Iterable[tuple[str, int]]) -> None:
        """Show messages again after so many seconds."""
        for batch in batches(receipts):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, (receipt, seconds) in enumerate(batch)
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def count(self) -> int:
        """Messages in it, about, those that are hidden too."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(_COUNTS))["Attributes"]
        return sum(int(found[name]) for name in _COUNTS)


def queue_named(sqs: Any, name: str) -> ObjectQueue | None:
    """The queue of this name, None where there is none."""
    try:
        return ObjectQueue(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return None


def message_of(item: dict[str, Any]) -> Message:
    attributes = item.get("Attributes", {})
    received, sent = attributes.get("ApproximateReceiveCount", 1), attributes.get("SentTimestamp", 0)
    return read_message(item["ReceiptHandle"], item["Body"], int(received), int(sent) / 1000, read=read_s3)


def batches(items: Iterable[_Item]) -> Iterator[tuple[_Item, ...]]:
    """The items, as many at a time as one request takes."""
    left = iter(items)
    while batch := tuple(islice(left, BATCH)):
        yield batch
