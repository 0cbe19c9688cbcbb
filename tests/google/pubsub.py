"""Pub/Sub: topics with pull subscriptions, at least once, in any order, with acknowledgement deadlines.

https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
"""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.google.discovery import Call
from tests.google.faults import Refused
from tests.google.logs import now_text


@dataclass
class Held:
    """A message in a subscription; `due` is when it may be given out (again)."""

    message: dict[str, Any]
    due: float = 0.0
    attempts: int = 0
    ack_id: str = ""


@dataclass
class Subscription:
    """What waits in it; past `max_attempts` a message moves on to `dead_letters`, a topic."""

    topic: str
    deadline: float
    dead_letters: str | None
    max_attempts: int
    held: list[Held] = field(default_factory=list)


class PubSub:
    """All topics and subscriptions, by their full names."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        self._lock = threading.RLock()

    @property
    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        return {
            "pubsub.projects.topics.publish": self._publish,
            "pubsub.projects.subscriptions.get": self._get,
            "pubsub.projects.subscriptions.pull": self._pull,
            "pubsub.projects.subscriptions.acknowledge": self._acknowledge,
            "pubsub.projects.subscriptions.modifyAckDeadline": self._modify,
        }

    def subscribe(
        self, name: str, topic: str, deadline: float = 60, dead_letters: str | None = None, max_attempts: int = 5
    ) -> None:
        """Make a subscription `projects/P/subscriptions/S` of `projects/P/topics/T`."""
        self._subscriptions[name] = Subscription(topic, deadline, dead_letters, max_attempts)

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """A message into every subscription of the topic."""
        with self._lock:
            for subscription in self._subscriptions.values():
                if subscription.topic == topic:
                    message = {
                        "data": base64.b64encode(data).decode(),
                        "attributes": dict(attributes),
                        "messageId": str(uuid.uuid4().int % 10**16),
                        "publishTime": now_text(),
                    }
                    subscription.held.append(Held(message))

    def waiting(self, name: str) -> int:
        """How many messages a subscription has not had acknowledged."""
        return len(self._subscriptions[name].held)

    def show_everything(self, name: str) -> None:
        """What was delivered and not acknowledged is back, as after its deadline."""
        with self._lock:
            for held in self._subscriptions[name].held:
                held.due = 0.0

    def _publish(self, call: Call, body: Any) -> Any:
        for message in body["messages"]:
            self.publish(call.path["topic"], base64.b64decode(message.get("data", "")), message.get("attributes", {}))
        return {"messageIds": [uuid.uuid4().hex for _ in body["messages"]]}

    def _get(self, call: Call, _: Any) -> Any:
        found = self._found(call.path["subscription"])
        return {"name": call.path["subscription"], "topic": found.topic, "ackDeadlineSeconds": int(found.deadline)}

    def _pull(self, call: Call, body: Any) -> Any:
        if body.get("maxMessages", 0) <= 0:
            raise Refused("INVALID_ARGUMENT", "The value for max_messages must be greater than zero.")
        with self._lock:
            found, now = self._found(call.path["subscription"]), time.monotonic()
            self._move_dead_letters(found, now)
            given = [held for held in found.held if held.due <= now][: min(body["maxMessages"], 1000)]
            for held in given:
                held.due, held.attempts, held.ack_id = now + found.deadline, held.attempts + 1, uuid.uuid4().hex
            counted = found.dead_letters is not None
            return {"receivedMessages": [_received(held, counted) for held in given]} if given else {}

    def _move_dead_letters(self, found: Subscription, now: float) -> None:
        if found.dead_letters:
            dead = [held for held in found.held if held.due <= now and held.attempts >= found.max_attempts]
            for held in dead:
                found.held.remove(held)
                message = held.message
                self.publish(found.dead_letters, base64.b64decode(message["data"]), message["attributes"])

    def _acknowledge(self, call: Call, body: Any) -> Any:
        with self._lock:
            found = self._found(call.path["subscription"])
            found.held = [held for held in found.held if not held.ack_id or held.ack_id not in body["ackIds"]]
        return {}

    def _modify(self, call: Call, body: Any) -> Any:
        if not 0 <= body["ackDeadlineSeconds"] <= 600:
            raise Refused("INVALID_ARGUMENT", "ackDeadlineSeconds must be between 0 and 600.")
        with self._lock:
            for held in self._found(call.path["subscription"]).held:
                if held.ack_id in body["ackIds"]:
                    held.due = time.monotonic() + body["ackDeadlineSeconds"]
        return {}

    def _found(self, name: str) -> Subscription:
        if name not in self._subscriptions:
            raise Refused("NOT_FOUND", f"Resource not found (resource={name.rsplit('/', 1)[-1]}).")
        return self._subscriptions[name]


def _received(held: Held, counted: bool) -> dict[str, Any]:
    given = {"ackId": held.ack_id, "message": held.message}
    return given | ({"deliveryAttempt": held.attempts} if counted else {})
