"""Every exception of the package, the tree drawn here; classes take data and build their own message.

BuildkitError
├── ConfigError             the platform folder is wrong: file, line, path, what is allowed
│   ├── PlatformFolderNotFound, NotAPlatformFolder
│   ├── NoEnvironment, UnknownEnvironment, EnvironmentNotDescribed
│   └── InvalidPlatform     everything that is wrong in the folder's files, at once
├── EnvironmentProblem      the machine or the process environment is wrong
├── TerraformError          a Terraform run did not do what was asked
├── EmulatorError           the local AWS could not do what was asked
│   ├── EmulatorDidNotStart     its process ended or did not answer (emulator/control.py)
│   ├── EmulatorAlreadyRuns     there is one for this folder (emulator/control.py)
│   ├── EmulatorCallRefused     one of its own calls was answered with an error (emulator/control.py)
│   └── HostNotLoopback         it was told to listen where others could reach it (emulator/settings.py)
└── RuntimeFailure          a job's remote work failed, timed out or was stopped
    ├── UnreadableFile          a raw file is not what its table's columns declare
    ├── ObjectChanged           a raw file was replaced while it was read (retryable)
    ├── WarehouseBusy           another process writes to the DuckDB file (retryable)
    ├── WarehouseDriverMissing  the image cannot load into this kind of warehouse
    ├── NoPipesSession          an entrypoint was started by hand
    ├── TaskNotStarted          ECS refused or could not place the task
    ├── TaskFailed              a job's container ended with another exit code than 0
    └── TaskDeadlinePassed      a job's container ran longer than its timeout and was stopped

Messages name the culprit, the place, what is allowed and the fix. `retryable` says whether the same call can
succeed later without a change. Errors are raised where the fact is known and caught in the CLI and in `defs/` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildkit_dagster.config.problems import Problem


class BuildkitError(Exception):
    """Base of all errors that a user may see; `str()` is one complete message."""

    retryable = False


class ConfigError(BuildkitError):
    """The platform folder says something that is not allowed."""


class PlatformFolderNotFound(ConfigError):
    def __init__(self, start: Path) -> None:
        super().__init__(
            f"no platform folder: neither {start} nor a parent of it holds config/platform.yaml. Go to your platform "
            "folder, name it in BUILDKIT_PROJECT, or make one: buildkit init NAME"
        )


class NotAPlatformFolder(ConfigError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"BUILDKIT_PROJECT is {folder}, which holds no config/platform.yaml. Name a platform folder there, or "
            "unset it to use the nearest parent folder that is one"
        )


class NoEnvironment(ConfigError):
    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(
            f"no environment chosen: set BUILDKIT_ENV or give --env; allowed: {', '.join(allowed)}. There is no default"
        )


class UnknownEnvironment(ConfigError):
    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{name!r} is not an environment; BUILDKIT_ENV and --env allow: {', '.join(allowed)}")


class EnvironmentNotDescribed(ConfigError):
    def __init__(self, name: str, file: Path, described: Sequence[str]) -> None:
        super().__init__(
            f"{file} has no entry environments.{name}; it describes: {', '.join(described) or 'none'}. "
            "Choose one of these with BUILDKIT_ENV or --env, or add the entry"
        )


class InvalidPlatform(ConfigError):
    """`problems` are all problems of the folder, each with file, line and path."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class EnvironmentProblem(BuildkitError):
    """Something that must be installed, running or set outside the platform folder is not."""


class TerraformError(BuildkitError):
    """A Terraform run did not do what was asked."""


class EmulatorError(BuildkitError):
    """The local AWS could not do what was asked."""


class RuntimeFailure(BuildkitError):
    """The remote work of a job failed, passed its deadline or was stopped."""


class UnreadableFile(RuntimeFailure):
    """A raw file is not what its table's columns declare."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}; correct the file, or the columns in the table's entry in config/assets")


class ObjectChanged(RuntimeFailure):
    """A raw file was replaced or removed between listing and reading it."""

    retryable = True

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"s3://{bucket}/{key} changed while it was read; nothing was loaded, run the job again")


class WarehouseBusy(RuntimeFailure):
    """Another process holds the DuckDB file."""

    retryable = True

    def __init__(self, path: str, waited: float, reason: str) -> None:
        super().__init__(
            f"{path} is held by another process, waited {waited:.0f} s: {reason}; end it or run again later"
        )


class WarehouseDriverMissing(RuntimeFailure):
    """The image cannot load into this kind of warehouse."""

    def __init__(self, warehouse: str, module: str) -> None:
        super().__init__(
            f"cannot load into {warehouse}: Python module `{module}` is missing; add dlt[{warehouse}] to the image"
        )


class NoPipesSession(RuntimeFailure):
    """An entrypoint was started without what Dagster hands it."""

    def __init__(self) -> None:
        super().__init__(
            "this is the inside of an ingest job and has no Pipes session; materialize the table in Dagster"
        )


class TaskNotStarted(RuntimeFailure):
    """ECS refused the task or could not place it."""

    def __init__(self, family: str, reason: str, *, retryable: bool = False) -> None:
        super().__init__(f"ECS did not start a task of {family}: {reason}")
        self.retryable = retryable


class TaskFailed(RuntimeFailure):
    """A job's container ended with another exit code than 0; `exit_code` None: it never ran or was killed."""

    def __init__(self, family: str, task: str, exit_code: int | None, reason: str, tail: Sequence[str]) -> None:
        code = "without an exit code" if exit_code is None else f"with exit code {exit_code}"
        log = "".join(f"\n  | {line}" for line in tail) or " (its log is empty)"
        super().__init__(f"task {task} of {family} ended {code}: {reason}; end of its log:{log}")
        self.exit_code = exit_code


class TaskDeadlinePassed(RuntimeFailure):
    """A job's container ran longer than its timeout and was stopped."""

    def __init__(self, family: str, task: str, seconds: float) -> None:
        super().__init__(
            f"task {task} of {family} passed its deadline of {seconds:.0f} s and was stopped; nothing is half loaded. "
            "A longer one: `infrastructure.runtime.timeout` in the job's file"
        )
