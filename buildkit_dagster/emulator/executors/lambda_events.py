"""Asynchronous invocations: waiting for room, tried again, and what becomes of those that ended or never could.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html. Lambda waits a minute before the
second attempt and two before the third; here it is a second and two.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import LambdaClientError

from buildkit_dagster.emulator.executors.lambda_run import Invocation, Outcome, version_of
from buildkit_dagster.emulator.executors.world import World

#: What holds for a function without a configuration of its own.
_RETRIES, _OLDEST = 2, 21600
_PAUSE = 1.0
_ROOM = 0.5

_log = logging.getLogger(__name__)


class Delivery:
    """One event on its way to a function."""

    def __init__(
        self,
        world: World,
        function: Any,
        event: bytes,
        request_id: str,
        slot: Callable[[Any], AbstractContextManager[None]],
    ) -> None:
        self._world = world
        self._function = function
        self._event = event
        self._id = request_id
        self._slot = slot
        configured = function.event_invoke_config
        self._config: dict[str, Any] = configured[-1].config if configured else {}
        self._oldest = time.monotonic() + self._config.get("MaximumEventAgeInSeconds", _OLDEST)
        self._attempts = 0

    def start(self) -> None:
        threading.Thread(target=self._deliver, name=self._id, daemon=True).start()

    def _deliver(self) -> None:
        try:
            outcome = self._outcome()
            if outcome is None or outcome.failed:
                self._send_to_dead_letters(outcome)
            self._send_to_destination(outcome)
        except (ClientError, BotoCoreError, OSError):
            _log.exception("an event of %s could not be delivered", self._function.function_name)

    def _outcome(self) -> Outcome | None:
        """Of the first attempt that succeeds, else of the last; None when there was never room."""
        outcome = None
        while self._attempts <= self._config.get("MaximumRetryAttempts", _RETRIES) and self._in_time():
            try:
                with self._slot(self._function):
                    self._attempts += 1
                    outcome = Invocation(self._world, self._function, self._event, self._id).run()
            except LambdaClientError:
                time.sleep(_ROOM)
                continue
            if not outcome.failed:
                break
            time.sleep(_PAUSE * self._attempts)
        return outcome

    def _in_time(self) -> bool:
        return time.monotonic() < self._oldest

    def _send_to_dead_letters(self, outcome: Outcome | None) -> None:
        """The event itself, with what went wrong as attributes."""
        settings = self._function.get_configuration().get("DeadLetterConfig") or {}
        if settings.get("TargetArn"):
            error = json.loads(outcome.payload) if outcome else {"errorMessage": "the event became too old"}
            attributes = {"RequestID": self._id, "ErrorCode": "200", "ErrorMessage": error.get("errorMessage", "")}
            self._send(settings["TargetArn"], self._event.decode(), attributes)

    def _send_to_destination(self, outcome: Outcome | None) -> None:
        """A record of event and outcome."""
        succeeded = outcome is not None and not outcome.failed
        wanted = self._config.get("DestinationConfig", {}).get("OnSuccess" if succeeded else "OnFailure", {})
        if wanted.get("Destination"):
            self._send(wanted["Destination"], json.dumps(self._record(outcome, succeeded)), {})

    def _record(self, outcome: Outcome | None, succeeded: bool) -> dict[str, Any]:
        exhausted = "RetriesExhausted" if outcome else "EventAgeExceeded"
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": self._id,
                "functionArn": f"{self._function.function_arn}:{version_of(self._function)}",
                "condition": "Success" if succeeded else exhausted,
                "approximateInvokeCount": self._attempts,
            },
            "requestPayload": json.loads(self._event),
        }
        if outcome:
            context = {"statusCode": 200, "executedVersion": version_of(self._function)}
            record["responseContext"] = context if succeeded else {**context, "functionError": "Unhandled"}
            record["responsePayload"] = json.loads(outcome.payload or b"null")
        return record

    def _send(self, arn: str, body: str, attributes: dict[str, str]) -> None:
        service, region, name = arn.split(":")[2], arn.split(":")[3], arn.split(":")[-1]
        typed = {key: {"DataType": "String", "StringValue": value or "-"} for key, value in attributes.items()}
        if service == "sqs":
            sqs = self._world.client("sqs", region)
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)
        elif service == "sns":
            self._world.client("sns", region).publish(TopicArn=arn, Message=body, MessageAttributes=typed)
        else:
            _log.error("the emulator sends what became of an event to queues and topics, not to %s", arn)
