"""What the Lambda function of an ingest job runs, as `buildkit_dagster.runtimes.entrypoints.lambda_handler.handler`.

The same entrypoint as a container's (`ingest.py`), once per call however often its event is delivered. It stops at the
next safe point when its run asks for it or its time is nearly over, and tells how it ended in S3 (`runtimes/calls.py`).
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from dagster_pipes import PipesMappingParamsLoader

# Nothing but the folder for temporary files can be written to, and dlt wants a home when it is imported:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
if not os.access(os.environ.get("HOME", ""), os.W_OK):
    os.environ["HOME"] = tempfile.gettempdir()

from buildkit_dagster.runtimes.aws_lambda import DEADLINE
from buildkit_dagster.runtimes.calls import CANCEL, OUTCOME, Call, Marks
from buildkit_dagster.runtimes.entrypoints import ingest

log = logging.getLogger("ingest")

#: Seconds between two looks for a wish to cancel, and what has to be left of the time to go on.
_INTERVAL = 1.0
_LEAST = 3.0


class WorkFailed(Exception):
    """The work failed: Lambda counts it as an error and lays the event down with the dead letters."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the load ended with exit code {exit_code}; the log above says why")


class TimeLeft:
    """How much of the function's time is left; `check` raises `ingest.Stopped` where that is too little to go on."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.reason = ""

    def check(self) -> None:
        self.reason = self.reason or self._why_stop()
        if self.reason:
            raise ingest.Stopped

    def _why_stop(self) -> str:
        return DEADLINE if self._context.get_remaining_time_in_millis() < _LEAST * 1000 else ""


class StopMark(TimeLeft):
    """The run's wish to cancel as well."""

    def __init__(self, context: Any, marks: Marks) -> None:
        super().__init__(context)
        self._marks = marks
        self._next_look = 0.0

    def _why_stop(self) -> str:
        return super()._why_stop() or self._wish()

    def _wish(self) -> str:
        if time.monotonic() < self._next_look:
            return ""
        self._next_look = time.monotonic() + _INTERVAL
        return str(self._marks.read(CANCEL)["reason"]) if CANCEL in self._marks.present() else ""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Do the work of one call; raises `WorkFailed`. A call that somebody else has claimed is not done.

    Runs and schedules send a call and a session. An event that is a session alone is worked on each time it comes, and
    its end is noted nowhere but in the log.
    """
    if "call" not in event:
        return _answer("", ingest.run_session(PipesMappingParamsLoader(event), TimeLeft(context).check))
    call = Call(**event["call"])
    marks = Marks(ingest.s3_client(), call)
    if not marks.claim(_claim(context)):
        log.warning("call %s was claimed before: nothing is done", call.name)
        return {"call": call.name, "done": False}
    stop = StopMark(context, marks)
    exit_code, reason = 1, "an error that is in the log"
    try:
        exit_code = ingest.run_session(PipesMappingParamsLoader(event["session"]), stop.check)
        reason = stop.reason or ("" if exit_code == 0 else "it failed")
    finally:
        marks.write(OUTCOME, {"exit_code": exit_code, "reason": reason})
    return _answer(call.name, exit_code)


def _answer(call: str, exit_code: int) -> dict[str, Any]:
    if exit_code not in (0, ingest.STOPPED):
        raise WorkFailed(exit_code)
    return {"call": call, "done": exit_code == 0}


def _claim(context: Any) -> dict[str, Any]:
    """Where the log is, and when Lambda ends the function at the latest (seconds since 1970)."""
    return {
        "request": context.aws_request_id,
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
        "expires": time.time() + context.get_remaining_time_in_millis() / 1000,
    }
