"""Ingest jobs as functions of AWS Lambda."""

from __future__ import annotations

from collections.abc import Sequence

from buildkit_dagster.errors.base import NotStarted, RetryableFailure, RuntimeFailure, ended_badly


class FunctionNotStarted(NotStarted):
    """Lambda refused the call, or the function never began; nothing was done."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"Lambda did not start {function}: {reason}")


class FunctionNotPlaced(FunctionNotStarted, RetryableFailure):
    """Lambda had no room for the call, or no time for us."""


class FunctionFailed(RuntimeFailure):
    """A call began and did not end well; `exit_code` None: the function never told how it ended."""

    def __init__(self, function: str, request: str, exit_code: int | None, reason: str, tail: Sequence[str]) -> None:
        super().__init__(ended_badly(f"request {request} of {function}", exit_code, reason, tail))
        self.exit_code = exit_code


class FunctionDeadlinePassed(RuntimeFailure):
    """A call took longer than the function's timeout."""

    def __init__(self, function: str, request: str, seconds: float) -> None:
        super().__init__(
            f"request {request} of {function} passed its deadline of {seconds:.0f} s and was ended; nothing is half "
            "loaded. A longer one: `infrastructure.runtime.timeout` in the job's file, at most 900; what takes longer "
            "runs in `aws_ecs_fargate`"
        )
