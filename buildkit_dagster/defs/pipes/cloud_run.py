"""Executions of Cloud Run jobs inside Pipes sessions: log, deadline, cancellation and typed errors.

What to execute and what its end means is in `runtimes/cloud_run.py`; which job it is for is in
`defs/runtimes/cloud_run.py`. Functions are in `cloud_function.py`, tasks of ECS in `ecs.py`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext, PipesClientCompletedInvocation

from buildkit_dagster.defs.pipes.gcs import gcs_session
from buildkit_dagster.defs.pipes.runs import ended_runs
from buildkit_dagster.defs.pipes.starts import until_started
from buildkit_dagster.errors import (
    GoogleJobDeadlinePassed,
    GoogleJobNotStarted,
    GoogleRefused,
    GoogleUnavailable,
)
from buildkit_dagster.runtimes import cloud_run
from buildkit_dagster.runtimes.cloud_run import ExecutionRequest, Executions
from buildkit_dagster.runtimes.google_logs import GoogleLogTail
from buildkit_dagster.runtimes.pace import GOOGLE, Pace

_TAIL_LINES = 20
#: Seconds that a task has to end itself at its deadline before it is cancelled from here.
_GRACE = 15.0


class ExecutionRun:
    """One request, tried until it has started and followed to its end."""

    def __init__(
        self, context: AssetExecutionContext, request: ExecutionRequest, clients: Mapping[str, Any], pace: Pace
    ) -> None:
        self._context, self._request, self._clients, self._pace = context, request, clients, pace
        self._executions = Executions(clients["run"], request)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def stop_left_behind(self) -> None:
        """End what runs that are over have left running."""
        for name in self._executions.left_behind(ended_runs(self._context.instance)):
            self._log(f"execution {cloud_run.short(name)} was left behind by a run that is over: cancelling it")
            self._executions.cancel(name)

    def until_done(self, variables: Mapping[str, str]) -> None:
        """Start it and follow it; only what did not start for a passing reason is tried again, after a pause."""
        try:
            until_started(self._context, lambda: self._attempt(variables), self._pace.pause)
        except GoogleJobNotStarted as error:
            if error.retryable:
                self._cancel_unheard()
            raise

    def _attempt(self, variables: Mapping[str, str]) -> None:
        since = datetime.now(UTC)
        try:
            name = self._executions.start(variables)
        except BaseException as error:
            if not isinstance(error, GoogleJobNotStarted):
                self._cancel_unheard()
            raise
        self._log(f"execution {cloud_run.short(name)} of {self._request.title}: {cloud_run.console_link(name)}")
        try:
            self._follow(name, since)
        except BaseException:
            self._cancel(name)
            raise
        self._executions.check_result(self._executions.describe(name), list(self._tail))

    def _follow(self, name: str, since: datetime) -> None:
        """Every line as it comes, until the execution is over."""
        deadline = time.monotonic() + self._request.deadline + _GRACE
        query = cloud_run.log_query(name)
        project, tell, interval = name.split("/")[1], self._context.log.warning, self._pace.interval
        log = GoogleLogTail(self._clients["logging"], project, query, since, tell, interval)

        def over() -> bool:
            if time.monotonic() > deadline:
                raise GoogleJobDeadlinePassed(self._request.title, cloud_run.short(name), self._request.deadline)
            try:
                return cloud_run.is_over(self._executions.describe(name))
            except GoogleUnavailable:
                return False

        for line in log.follow(over, self._pace.settle):
            self._tail.append(line)
            self._log(line)

    def _cancel_unheard(self) -> None:
        """What may have been started without an answer is not left running. Never raises."""
        try:
            name = self._executions.own()
        except (GoogleRefused, GoogleUnavailable) as error:
            self._log(f"whether something was started is not known: {error}; the next run looks again")
            return
        if name:
            self._cancel(name)

    def _cancel(self, name: str) -> None:
        """Never raises: what is on its way out says more."""
        try:
            if not self._executions.cancel(name):
                self._log(f"execution {cloud_run.short(name)} was cancelled and still runs")
        except (GoogleRefused, GoogleUnavailable) as error:
            self._log(f"execution {cloud_run.short(name)} could not be cancelled: {error}")

    def _log(self, line: str) -> None:
        self._context.log.info(line)


def run_execution(
    context: AssetExecutionContext,
    request: ExecutionRequest,
    extras: Mapping[str, Any],
    clients: Mapping[str, Any],
    bucket: str,
    pace: Pace = GOOGLE,
) -> PipesClientCompletedInvocation:
    """Run one execution to its end; `clients` are Google's `run`, `logging`, `storage`; `bucket` carries the session.

    Executions of runs that are over are cancelled first. Raises a `RuntimeFailure`.
    """
    run = ExecutionRun(context, request, clients, pace)
    run.stop_left_behind()
    with gcs_session(context, extras, clients["storage"], bucket) as session:
        run.until_done(session.get_bootstrap_env_vars())
    return PipesClientCompletedInvocation(session)
