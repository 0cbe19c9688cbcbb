"""Calls of Cloud Run functions inside Pipes sessions: log, deadline, cancellation and typed errors.

What is sent and left in the bucket is in `runtimes/cloud_function.py`; which job it is for is in
`defs/runtimes/cloud_function.py`. Executions of Cloud Run jobs are in `cloud_run.py`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext, PipesClientCompletedInvocation

from buildkit_dagster.cloud.calling import PendingCall
from buildkit_dagster.cloud.google_failures import told_as_ours
from buildkit_dagster.defs.pipes.gcs import gcs_session
from buildkit_dagster.defs.pipes.runs import ended_runs
from buildkit_dagster.defs.pipes.starts import until_started
from buildkit_dagster.errors import (
    GoogleJobBusy,
    GoogleJobDeadlinePassed,
    GoogleRefused,
    GoogleUnavailable,
)
from buildkit_dagster.runtimes.cloud_function import CallResult, FunctionCall, Lease, failure_of_answer, stop_object
from buildkit_dagster.runtimes.google_logs import GoogleLogTail
from buildkit_dagster.runtimes.pace import GOOGLE, Pace

_TAIL_LINES = 20
#: Seconds beyond its deadline that a function has to end its work and write down how that went.
_GRACE = 60.0


class CallObjects:
    """What a function and its callers leave for each other in the bucket."""

    def __init__(self, client: Any, call: FunctionCall) -> None:
        self._bucket, self._call = client.bucket(call.bucket), call

    def lease(self) -> Lease | None:
        """Of whichever call holds it."""
        text = self._read(self._call.lease_object)
        return Lease.from_json(text) if text else None

    def result(self) -> CallResult | None:
        """Of this call."""
        text = self._read(self._call.result_object)
        return CallResult.from_json(text) if text else None

    def ask_to_stop(self, attempt: str) -> None:
        with told_as_ours(f"ask {self._call.title} to stop"):
            self._bucket.blob(stop_object(self._call.name, attempt)).upload_from_string("")

    def _read(self, name: str) -> bytes | None:
        try:
            with told_as_ours(f"read gs://{self._call.bucket}/{name}"):
                return bytes(self._bucket.blob(name).download_as_bytes())
        except GoogleRefused as error:
            if error.code != 404:
                raise
            return None


class FunctionRun:
    """One call, tried until it has started and followed to its end; `post` sends its body."""

    def __init__(
        self,
        context: AssetExecutionContext,
        call: FunctionCall,
        post: Callable[[Mapping[str, Any]], PendingCall],
        clients: Mapping[str, Any],
        pace: Pace,
    ) -> None:
        self._context, self._call, self._post, self._pace = context, call, post, pace
        self._logging = clients["logging"]
        self._objects = CallObjects(clients["storage"], call)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def until_done(self, variables: Mapping[str, str]) -> None:
        """Call and follow; only what did not start for a passing reason is tried again, after a pause."""

        def attempt() -> None:
            self._await_lease()
            self._attempt(variables)

        until_started(self._context, attempt, self._pace.pause)

    def _await_lease(self) -> None:
        """Have calls that runs which are over left at work stop; raises `GoogleJobBusy` for one whose run is not."""
        has_ended, asked = ended_runs(self._context.instance), set[str]()
        limit = time.monotonic() + _GRACE + self._call.lease
        while (lease := self._objects.lease()) and not lease.is_over:
            ours = lease.run == self._call.run
            if not (ours or has_ended(lease.run)) or time.monotonic() > limit:
                raise GoogleJobBusy(self._call.title, lease.run)
            if lease.attempt not in asked:
                self._log(f"a call of {self._call.title} was left behind by run {lease.run}: asking it to stop")
                self._objects.ask_to_stop(lease.attempt)
                asked.add(lease.attempt)
            time.sleep(min(1.0, self._pace.interval))

    def _attempt(self, variables: Mapping[str, str]) -> None:
        since = datetime.now(UTC)
        self._log(f"calling {self._call.title}: {self._call.console_link}")
        pending = self._post(self._call.body(variables))
        try:
            self._follow(pending, since)
        except BaseException:
            self._stop(pending)
            raise
        if result := self._objects.result():
            self._call.check_result(result, list(self._tail))
            return
        lease, answer = self._objects.lease(), pending.answer
        assert answer
        began = lease is not None and lease.attempt == self._call.attempt
        raise failure_of_answer(self._call, answer.status, answer.text, list(self._tail), began=began)

    def _follow(self, pending: PendingCall, since: datetime) -> None:
        """Every line as it comes, until the call has ended; an answer that was lost does not end it."""
        deadline = time.monotonic() + self._call.deadline + _GRACE
        tell, interval = self._context.log.warning, self._pace.interval
        log = GoogleLogTail(self._logging, self._call.project, self._call.log_query, since, tell, interval)

        def over() -> bool:
            if time.monotonic() > deadline:
                raise GoogleJobDeadlinePassed(self._call.title, "a call", self._call.deadline)
            return self._is_over(pending)

        for line in log.follow(over, self._pace.settle):
            self._tail.append(line)
            self._log(line)

    def _is_over(self, pending: PendingCall) -> bool:
        """Whether it has answered; where that went wrong on the way, whether it shows no sign of life any more."""
        if pending.answer is None:
            return False
        if 0 < pending.answer.status < 500:
            return True
        try:
            if self._objects.result():
                return True
            lease = self._objects.lease()
        except GoogleUnavailable:
            return False
        return lease is None or lease.attempt != self._call.attempt or lease.is_over

    def _stop(self, pending: PendingCall) -> None:
        """Ask it to stop and see it stopped. Never raises: what is on its way out says more."""
        try:
            self._objects.ask_to_stop(self._call.attempt)
            limit = time.monotonic() + _GRACE
            while not self._is_over(pending):
                if time.monotonic() > limit:
                    self._log(f"{self._call.title} was asked to stop and still works; its deadline will end it")
                    return
                time.sleep(0.5)
        except (GoogleRefused, GoogleUnavailable) as error:
            self._log(f"{self._call.title} could not be asked to stop: {error}")

    def _log(self, line: str) -> None:
        self._context.log.info(line)


def run_function(
    context: AssetExecutionContext,
    call: FunctionCall,
    post: Callable[[Mapping[str, Any]], PendingCall],
    extras: Mapping[str, Any],
    clients: Mapping[str, Any],
    pace: Pace = GOOGLE,
) -> PipesClientCompletedInvocation:
    """Make one call and follow it to its end; `clients` are Google's `logging` and `storage`.

    Calls of runs that are over are stopped first. Raises a `RuntimeFailure`.
    """
    run = FunctionRun(context, call, post, clients, pace)
    with gcs_session(context, extras, clients["storage"], call.bucket) as session:
        run.until_done(session.get_bootstrap_env_vars())
    return PipesClientCompletedInvocation(session)
