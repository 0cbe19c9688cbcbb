"""What all errors are: the base, the kind that passes by itself, and one class per part of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class BuildkitError(Exception):
    """Base of all errors that a user may see; `str()` is one complete message. Permanent, unless it says otherwise."""

    #: Decided by the class; see RetryableFailure.
    retryable: ClassVar[bool] = False


class RetryableFailure(BuildkitError):
    """Mixed into errors that pass by themselves."""

    retryable = True


class ConfigError(BuildkitError):
    """The platform folder says something that is not allowed."""


class EnvironmentProblem(BuildkitError):
    """Something that must be installed, running or set outside the platform folder is not."""


class TerraformError(BuildkitError):
    """A Terraform run did not do what was asked."""


class EmulatorError(BuildkitError):
    """The local AWS could not do what was asked."""


class NotificationError(BuildkitError):
    """Somebody could not be told; it is tried again, since most of what is wrong is outside."""


class RuntimeFailure(BuildkitError):
    """The remote work of a job failed, passed its deadline or was stopped."""


class NotStarted(RuntimeFailure):
    """The vendor refused to start the work: nothing of it was done."""


def ended_badly(work: str, exit_code: int | None, reason: str, tail: Sequence[str]) -> str:
    """How work of a job ended, with the end of its log; without an exit code where it told none."""
    code = "without an exit code" if exit_code is None else f"with exit code {exit_code}"
    log = "".join(f"\n  | {line}" for line in tail) or " (its log is empty)"
    return f"{work} ended {code}: {reason}; end of its log:{log}"
