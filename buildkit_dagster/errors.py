"""Every exception of the package, the tree drawn here; classes take data and build their own message.

BuildkitError
├── ConfigError             the platform folder is wrong: file, line, path, what is allowed
├── EnvironmentProblem      the machine or the process environment is wrong
├── TerraformError          a Terraform run did not do what was asked
├── EmulatorError           the local AWS could not do what was asked
└── RuntimeFailure          a job's remote work failed, timed out or was stopped

Messages name the culprit, the place, what is allowed and the fix. `retryable` says whether the same call can
succeed later without a change. Errors are raised where the fact is known and caught in the CLI and in `defs/` only.
"""


class BuildkitError(Exception):
    """Base of all errors that a user may see; `str()` is one complete message."""

    retryable = False


class ConfigError(BuildkitError):
    """The platform folder says something that is not allowed."""


class EnvironmentProblem(BuildkitError):
    """Something that must be installed, running or set outside the platform folder is not."""


class TerraformError(BuildkitError):
    """A Terraform run did not do what was asked."""


class EmulatorError(BuildkitError):
    """The local AWS could not do what was asked."""


class RuntimeFailure(BuildkitError):
    """The remote work of a job failed, passed its deadline or was stopped."""
