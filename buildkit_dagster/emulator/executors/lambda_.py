"""Lambda's Invoke, really done: what may be asked, how many run at once, and what is answered.

One invocation is `lambda_run`'s, asynchronous ones are handed to `lambda_events`. Functions, versions and aliases stay
with moto; what it lacks there is in `actions/`.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from buildkit_dagster.emulator.actions import replace
from buildkit_dagster.emulator.executors.lambda_events import Delivery
from buildkit_dagster.emulator.executors.lambda_run import Invocation, Outcome, version_of
from buildkit_dagster.emulator.executors.world import World

#: Bytes of an event, by invocation type, and of an answer:
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_LARGEST_EVENT = {"RequestResponse": 6_291_456, "Event": 1_048_576}
_LARGEST_ANSWER = 6_291_556

#: On its way to the header that moto fills with an id of its own at the very end.
_OUR_REQUEST_ID = "x-buildkit-request-id"


class TooManyRequests(LambdaClientError):
    """All the function's reserved concurrency is taken."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class EventTooLarge(LambdaClientError):
    """The event is larger than Lambda takes."""

    code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )


class LambdaExecutor:
    """All invocations of one emulator."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def install(self) -> None:
        """Invoke functions in moto's place, whoever asks: the API, or other services in their own way."""

        def invoke_for_api(response: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
            name = unquote(response.path.rsplit("/", 2)[-2])
            function = response.backend.get_function(name, response._get_param("Qualifier"))
            kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
            status, headers, payload = self._invoke(function, response.body, kind)
            headers["status"] = str(status)
            if response.headers.get("X-Amz-Log-Type") != "Tail":
                headers.pop("x-amz-log-result", None)
            return status, headers, payload

        def invoke_for_queue(
            backend: LambdaBackend, function_name: str, qualifier: str | None, body: Any, headers: Any, answered: Any
        ) -> bytes:
            kind = dict(headers).get("X-Amz-Invocation-Type", "RequestResponse")
            _, told, payload = self._invoke(backend.get_function(function_name, qualifier), body, kind)
            answered.update(told)
            return payload

        def invoke(function: LambdaFunction, body: Any, *_: Any) -> bytes:
            """For a bucket, a topic or a stream of logs, which wait for nothing."""
            return self._invoke(function, body, "Event")[2]

        replace(LambdaFunction, invoke)
        invoke_for_api.__name__ = invoke_for_queue.__name__ = "invoke"
        replace(LambdaBackend, invoke_for_queue)
        replace(LambdaResponse, invoke_for_api, staticmethod(_with_request_id()))

    def _invoke(self, function: Any, body: str | bytes, kind: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and payload of the answer."""
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        _check(event, kind)
        request_id = str(uuid4())
        headers = {
            "content-type": "application/json",
            "x-amz-executed-version": version_of(function),
            _OUR_REQUEST_ID: request_id,
        }
        if kind == "DryRun":
            return 204, headers, b""
        if kind == "Event":
            Delivery(self._world, function, event, request_id, self.slot).start()
            return 202, headers, b""
        with self.slot(function):
            outcome = Invocation(self._world, function, event, request_id).run()
        return 200, {**headers, **_told(outcome)}, _payload(outcome)[0]

    @contextmanager
    def slot(self, function: Any) -> Iterator[None]:
        """One of the function's concurrent invocations; raises TooManyRequests when it has reserved no more."""
        name, limit = function.function_name, function.reserved_concurrency
        with self._lock:
            if limit is not None and self._running[name] >= int(limit):
                raise TooManyRequests
            self._running[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[name] -= 1


def _with_request_id() -> Any:
    """The id that the function saw is the one that the caller sees."""
    moto_enrich = LambdaResponse._enrich_response

    def _enrich_response(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
        headers, body = moto_enrich(headers, body)
        if _OUR_REQUEST_ID in headers:
            headers["x-amzn-requestid"] = headers.pop(_OUR_REQUEST_ID)
        return headers, body

    return _enrich_response


def _check(event: bytes, kind: str) -> None:
    limit = _LARGEST_EVENT.get(kind)
    if limit is not None and len(event) > limit:
        raise EventTooLarge(limit)
    try:
        json.loads(event)
    except ValueError as error:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from None


def _payload(outcome: Outcome) -> tuple[bytes, bool]:
    """What is answered, and whether it is an error."""
    if len(outcome.payload) <= _LARGEST_ANSWER:
        return outcome.payload, outcome.failed
    said = f"Response payload size exceeded maximum allowed payload size ({_LARGEST_ANSWER} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": said}).encode(), True


def _told(outcome: Outcome) -> dict[str, str]:
    """What the headers tell of the outcome."""
    error = {"x-amz-function-error": "Unhandled"} if _payload(outcome)[1] else {}
    return {"x-amz-log-result": base64.b64encode(outcome.tail.encode()).decode(), **error}
