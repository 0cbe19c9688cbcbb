"""What Google Cloud says to the runtimes `gcp_cloud_run` and `gcp_cloud_function`."""

from __future__ import annotations

from collections.abc import Sequence

from buildkit_dagster.errors.base import NotStarted, RetryableFailure, RuntimeFailure, ended_badly

_FIXES = {
    401: "log in again, or renew the service account's credentials",
    403: "give whoever Dagster runs as the role that has this permission, and see that the API is enabled",
    404: "materialize the job's infrastructure first, and look at its project and region",
}


class GoogleRefused(RuntimeFailure):
    """Google answered that this is not allowed or not there; `code` is the HTTP status."""

    def __init__(self, action: str, code: int, reason: str) -> None:
        fix = f"; {_FIXES[code]}" if code in _FIXES else ""
        super().__init__(f"Google refused to {action} ({code}): {reason.rstrip('.')}{fix}")
        self.code = code


class GoogleUnavailable(RuntimeFailure, RetryableFailure):
    """Google did not answer, has no room now or was asked too often; `code` is the HTTP status, 0 for no answer."""

    def __init__(self, action: str, code: int, reason: str) -> None:
        answer = f"({code})" if code else "(no answer)"
        super().__init__(f"Google could not {action} {answer}: {reason.rstrip('.')}; it passes by itself")
        self.code = code


class GoogleJobNotStarted(NotStarted):
    """An execution or a call of a function was refused; nothing ran. `what` is `Cloud Run job acme-sales`."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} was not started: {reason}")


class GoogleJobNotPlaced(GoogleJobNotStarted, RetryableFailure):
    """Google had no room for it, or no time for us."""


class GoogleJobBusy(RuntimeFailure, RetryableFailure):
    """The same job is at work for a run that is not over."""

    def __init__(self, what: str, run: str) -> None:
        super().__init__(f"{what} is at work for run {run}; wait until that ends, or terminate it in Dagster")


class GoogleJobFailed(RuntimeFailure):
    """It ran and failed; `exit_code` None: it ended without one."""

    def __init__(
        self, what: str, name: str, exit_code: int | None, reason: str, tail: Sequence[str], link: str
    ) -> None:
        super().__init__(ended_badly(f"{name} of {what}", exit_code, f"{reason} ({link})", tail))
        self.exit_code = exit_code


class GoogleJobStopped(RuntimeFailure):
    """Somebody else ended it."""

    def __init__(self, what: str, name: str, reason: str, link: str) -> None:
        super().__init__(f"{name} of {what} was stopped: {reason}; nothing is half loaded. {link}")


class GoogleJobDeadlinePassed(RuntimeFailure):
    """It ran longer than its timeout and was stopped."""

    def __init__(self, what: str, name: str, seconds: float) -> None:
        super().__init__(
            f"{name} of {what} passed its deadline of {seconds:.0f} s and was stopped; nothing is half loaded. "
            "A longer one: `infrastructure.runtime.timeout` in the job's file"
        )
