"""A job as one call of a Lambda function: the call, its start, what became of it, and its end.

The call is an asynchronous event: nothing has to stay connected while the function works, and a worker that is killed
changes nothing for it. What happened is told by the marks of `calls.py`. Following a call inside a Pipes session is
`defs/pipes/aws_lambda.py`'s, what the function does is `entrypoints/lambda_handler.py`'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from buildkit_dagster.errors import FunctionDeadlinePassed, FunctionFailed, FunctionNotPlaced, FunctionNotStarted
from buildkit_dagster.runtimes.calls import CANCEL, CLAIM, OUTCOME, Call, Marks, open_calls

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

#: Codes after which the same call can succeed: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
#: (ResourceConflictException is a function whose creation or change has not come to its end.)
TRANSIENT = (
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "ServiceException",
    "ServiceUnavailable",
    "Throttling",
    "TooManyRequestsException",
)

#: What `reason` of an outcome says when the function saw its own end come near.
DEADLINE = "deadline"
#: Seconds that a function may be late in being ended, or its clock be wrong.
_LATE = 10.0


@dataclass(frozen=True)
class FunctionRequest:
    """Which function to call. `deadline` is its timeout in seconds; `run` is the Dagster run it is called for.

    `bucket` and `folder`, a key prefix, are where calls are noted; `interval` is how often (seconds) that is looked at.
    An event that has not begun after `patience` seconds is taken back.
    """

    function: str
    deadline: float
    run: str
    bucket: str
    folder: str
    interval: float = 2.0
    patience: float = 300.0


def start(client: LambdaClient, request: FunctionRequest, call: Call, session: Mapping[str, str]) -> None:
    """Ask for the call; `session` are the variables of the Pipes session. Raises `FunctionNotStarted`."""
    event = {"call": call.to_event(), "session": dict(session)}
    try:
        client.invoke(FunctionName=request.function, InvocationType="Event", Payload=json.dumps(event).encode())
    except botocore.exceptions.ClientError as error:
        code = str(error.response["Error"]["Code"])
        passes = any(sign in code for sign in TRANSIENT)
        raise (FunctionNotPlaced if passes else FunctionNotStarted)(request.function, str(error)) from None
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        raise FunctionNotPlaced(request.function, str(error)) from None


def claimed(request: FunctionRequest, marks: Marks) -> dict[str, Any]:
    """The function's claim, as soon as it has begun; raises `FunctionNotStarted`, after the request's patience a
    `FunctionNotPlaced`."""
    until = time.monotonic() + request.patience
    while CLAIM not in marks.present():
        if time.monotonic() > until and marks.withdraw():
            raise FunctionNotPlaced(request.function, f"it had not begun after {request.patience:.0f} s")
        time.sleep(request.interval)
    claim = marks.read(CLAIM)
    if "expires" not in claim:
        raise FunctionNotStarted(request.function, "another run took the call back, for which this one was over")
    return claim


class Log:
    """The lines of one request among those of its log stream, which other requests of the same instance write too.

    https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html: `START`, the function's lines, `END`, `REPORT`.
    """

    def __init__(self, request: str) -> None:
        self._id = f"RequestId: {request}"
        self._begun = False
        self.ended = False
        self.timed_out = False

    def own(self, lines: Iterator[str]) -> Iterator[str]:
        """The request's lines of all, up to its last; a trace's carriage returns become lines."""
        for line in lines:
            self._begun = self._begun or line.startswith(f"START {self._id}")
            if not self._begun:
                continue
            self.ended = line.startswith(f"REPORT {self._id}")
            self.timed_out = self.timed_out or "Task timed out after" in line
            yield from line.split("\r")
            if self.ended:
                return


def is_over(marks: Marks, claim: Mapping[str, Any], log: Log) -> bool:
    """Whether the function has told its outcome, or cannot tell it any more."""
    return log.ended or OUTCOME in marks.present() or time.time() > claim["expires"] + _LATE


def check_result(
    request: FunctionRequest, marks: Marks, claim: Mapping[str, Any], log: Log, tail: Sequence[str]
) -> None:
    """Raise what the outcome says: nothing when the work was done."""
    function, name = request.function, str(claim["request"])
    if OUTCOME not in marks.present():
        if log.timed_out or not log.ended:
            raise FunctionDeadlinePassed(function, name, request.deadline)
        raise FunctionFailed(function, name, None, "it was ended before it could tell why", tail)
    outcome = marks.read(OUTCOME)
    if outcome["reason"] == DEADLINE:
        raise FunctionDeadlinePassed(function, name, request.deadline)
    if outcome["exit_code"] != 0:
        raise FunctionFailed(function, name, outcome["exit_code"], outcome["reason"], tail)


def stop(
    marks: Marks,
    reason: str,
    has_ended: Callable[[Mapping[str, Any]], bool],
    interval: float,
    wait: float | None = None,
) -> bool:
    """Have the call stop at its next safe point and wait for it; False when it had not after `wait` seconds.

    Without `wait`, until the function's timeout, after which nothing runs any more. `has_ended` knows by its claim
    whether a call has ended without telling.
    """
    if marks.withdraw():
        return True
    claim = marks.read(CLAIM)
    if "expires" not in claim:
        return True
    limit = claim["expires"] + _LATE
    until = limit if wait is None else min(limit, time.time() + wait)
    if OUTCOME not in marks.present():
        marks.write(CANCEL, {"reason": reason})
    while OUTCOME not in marks.present() and not has_ended(claim):
        if time.time() > until:
            return until == limit
        time.sleep(interval)
    return True


def left_behind(s3: Any, request: FunctionRequest, has_ended: Callable[[str], bool]) -> list[Call]:
    """Calls nobody follows any more: of runs that are over, and of this one before its worker was started anew."""
    calls = open_calls(s3, request.bucket, request.folder)
    return [call for call in calls if call.run == request.run or has_ended(call.run)]
