"""SNS: the message as text, with attributes that subscriptions filter by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.notify.message import Message

#: SNS API reference, "Publish": a subject is ASCII, without line breaks and shorter than 100 characters.
_LONGEST_SUBJECT = 99


@dataclass(frozen=True)
class SnsTopic:
    """One topic; `client` makes the boto3 client when something is sent."""

    name: str
    arn: str
    client: Callable[[], Any]
    people: bool = False

    def send(self, message: Message) -> None:
        """Raises CloudRefused or CloudUnavailable."""
        attributes = {
            "event": message.event,
            "severity": message.level.label,
            "project": str(message.data.get("project", "")),
            "environment": str(message.data.get("environment", "")),
        }
        with told_as_ours():
            self.client().publish(
                TopicArn=self.arn,
                Subject=message.title.encode("ascii", "replace").decode()[:_LONGEST_SUBJECT],
                Message=f"{message.title}\n\n{message.body}",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
                },
            )
