"""A job as one call of a Cloud Run function: what is sent, what is left in the bucket, and what its end means.

A call cannot be stopped from outside and its answer can be lost, so both sides speak through objects beside the
messages: the function holds a lease on its job while it works and writes down how it ended; who wants it to stop
leaves a mark. Pure; following a call is `defs/pipes/cloud_function.py`'s, the other side is
`entrypoints/function_main.py`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from buildkit_dagster.errors import (
    GoogleJobDeadlinePassed,
    GoogleJobFailed,
    GoogleJobNotPlaced,
    GoogleJobNotStarted,
    GoogleJobStopped,
)

#: Below the messages, where a lifecycle rule clears away what was forgotten.
_FOLDER = "pipes/calls"

_MEMORY = "`infrastructure.runtime.memory` in the job's file"

_FIXES = {
    401: "; its address may be called by nobody who Dagster runs as: grant that account roles/run.invoker on it",
    403: "; grant the account that Dagster runs as roles/run.invoker on the function",
    404: "; materialize the job's infrastructure first",
}

Outcome = Literal["done", "failed", "stopped", "deadline"]


@dataclass(frozen=True)
class FunctionCall:
    """One call. `deadline` (seconds) is when the work is ended, `lease` how long a sign of life counts.

    `function` is `projects/P/locations/L/functions/F`; `run` is the Dagster run it belongs to.
    """

    function: str
    bucket: str
    deadline: float
    run: str
    lease: float
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def name(self) -> str:
        return self.function.rsplit("/", 1)[-1]

    @property
    def project(self) -> str:
        return self.function.split("/")[1]

    @property
    def title(self) -> str:
        return f"function {self.name}"

    @property
    def lease_object(self) -> str:
        """One for each function: two calls of a job never work at the same time."""
        return f"{_FOLDER}/{self.name}/lease.json"

    @property
    def result_object(self) -> str:
        return f"{_FOLDER}/{self.name}/{self.attempt}.json"

    def body(self, variables: Mapping[str, str]) -> dict[str, Any]:
        """What is sent; `variables` are the Pipes session's."""
        return {"call": asdict(self), "variables": dict(variables)}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> tuple[FunctionCall, dict[str, str]]:
        """The inverse of `body`; raises KeyError or TypeError for anything else."""
        return cls(**body["call"]), {str(name): str(value) for name, value in body["variables"].items()}

    @property
    def log_query(self) -> str:
        """The filter for the lines of this call, in Cloud Logging's language."""
        return (
            f'resource.type="cloud_run_revision" AND resource.labels.service_name="{self.name}" '
            f'AND labels.buildkit_attempt="{self.attempt}"'
        )

    @property
    def console_link(self) -> str:
        _, project, _, region, _, name = self.function.split("/")
        return f"https://console.cloud.google.com/functions/details/{region}/{name}?project={project}"

    def check_result(self, result: CallResult, tail: Sequence[str]) -> None:
        """Raise what the function says of its end: nothing when the work is done."""
        if result.outcome == "deadline":
            raise GoogleJobDeadlinePassed(self.title, "a call", self.deadline)
        if result.outcome == "stopped":
            raise GoogleJobStopped(self.title, "a call", result.reason, self.console_link)
        if result.outcome != "done":
            raise GoogleJobFailed(
                self.title, "a call", result.exit_code, result.reason or "see its log", tail, self.console_link
            )


@dataclass(frozen=True)
class CallResult:
    """How a call ended, as its function wrote it down."""

    outcome: Outcome
    exit_code: int | None = None
    reason: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> CallResult:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Lease:
    """Who works on a job, and until when (seconds since 1970) it is believed without a new sign of life."""

    run: str
    attempt: str
    expires: float

    @classmethod
    def of(cls, call: FunctionCall) -> Lease:
        return cls(call.run, call.attempt, time.time() + call.lease)

    @property
    def is_over(self) -> bool:
        return time.time() > self.expires

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Lease:
        return cls(**json.loads(text))


def failure_of_answer(
    call: FunctionCall, status: int, text: str, tail: Sequence[str], *, began: bool
) -> GoogleJobNotStarted | GoogleJobFailed:
    """The error for an answer without a result; `status` 0 is none. `began`: the function's lease tells of the call.

    429 is Google's own answer where all instances are busy, 502 to 504 where one could not start or ended:
    https://cloud.google.com/run/docs/troubleshooting, "Serving errors".
    """
    shown = " ".join(text.split())[:300] or "nothing more"
    answer = f"it answered {status}: {shown}" if status else f"no answer: {shown}"
    if began:
        reason = f"its instance ended before the work did ({answer}); often for lack of memory, see {_MEMORY}"
        return GoogleJobFailed(call.title, "a call", None, reason, tail, call.console_link)
    if status in (0, 409, 429, 502, 503, 504):
        return GoogleJobNotPlaced(call.title, answer)
    return GoogleJobNotStarted(call.title, f"{answer}{_FIXES.get(status, '')}")


def stop_object(name: str, attempt: str) -> str:
    """The mark that asks a function's call to stop at its next safe point."""
    return f"{_FOLDER}/{name}/{attempt}.stop"


def work_seconds(timeout: float) -> float:
    """How much of a function's timeout its work may take: the rest, at most 30 s, is for stopping it in order."""
    return timeout - min(30.0, timeout / 4)
