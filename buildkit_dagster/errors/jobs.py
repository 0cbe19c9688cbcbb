"""Ingest jobs, images, and what any job rests on."""

from __future__ import annotations

from collections.abc import Sequence

from buildkit_dagster.errors.base import NotStarted, RetryableFailure, RuntimeFailure, ended_badly


class UnreadableFile(RuntimeFailure):
    """A raw file is not what its table's columns declare."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}; correct the file, or the columns in the table's entry in config/assets")


class ContractBroken(RuntimeFailure):
    """Columns of what was read are not those its table declares, and the job is strict about it."""

    def __init__(self, place: str, undeclared: Sequence[str], missing: Sequence[str]) -> None:
        found = [
            *(f"column `{name}` is not declared" for name in undeclared),
            *(f"column `{name}` is declared and missing" for name in missing),
        ]
        super().__init__(
            f"{place}: {', '.join(found)}; nothing was loaded. Correct the columns in the table's entry in "
            "config/assets, or write `schema_validation_mode: warn` in the job's file to load without them"
        )


class SourceNotFound(RuntimeFailure):
    """A dlt source is not where its import path says, or is none."""

    def __init__(self, function: str, reason: str, allowed: Sequence[str] = ()) -> None:
        known = f"; allowed: {', '.join(allowed)}" if allowed else ""
        super().__init__(f"{function} cannot be read: {reason}{known}; see the connector's `function` and the image")


class SourceFailed(RuntimeFailure):
    """A source of rows could not be read to its end; nothing was loaded."""

    def __init__(self, table: str, source: str, reason: str) -> None:
        super().__init__(f"could not read {table} from {source}: {reason}; nothing was loaded")


class SourceUnavailable(SourceFailed, RetryableFailure):
    """A source of rows did not answer, or is busy."""


class SecretUnavailable(RuntimeFailure):
    """A secret that a job needs cannot be had."""

    def __init__(self, secret: str, reason: str) -> None:
        super().__init__(
            f"secret {secret} cannot be read: {reason}; see that it is there and the job's role may read it"
        )


class TargetCannot(RuntimeFailure):
    """A kind of target has no way to do what a job asks of it."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(f"{why}; {fix}")


class ObjectChanged(RuntimeFailure, RetryableFailure):
    """A raw file was replaced or removed between listing and reading it; `bucket` is its URL."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"{bucket}/{key} changed while it was read; nothing was loaded, run the job again")


class WarehouseBusy(RuntimeFailure, RetryableFailure):
    """Another process holds the DuckDB file."""

    def __init__(self, path: str, waited: float, reason: str) -> None:
        super().__init__(
            f"{path} is held by another process, waited {waited:.0f} s: {reason}; end it or run again later"
        )


class LoadFailed(RuntimeFailure):
    """dlt could not load into the warehouse; nothing of this load counts."""

    def __init__(self, table: str, step: str, reason: str) -> None:
        super().__init__(f"dlt could not load {table} (step `{step}`): {reason}")


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


class InfrastructureMissing(RuntimeFailure):
    """A job's infrastructure has not been made, or its state has no outputs of it."""

    def __init__(self, table: Sequence[str], unit: Sequence[str]) -> None:
        super().__init__(
            f"{'/'.join(table)} needs {'/'.join(unit)}, which is not there: materialize it first, "
            "for example with `buildkit launch infrastructure --wait`"
        )


class QueueMissing(RuntimeFailure):
    """A bucket's queues have not been made."""

    def __init__(self, queue: str, unit: str) -> None:
        super().__init__(f"there is no queue {queue} with its dead letters yet: materialize {unit}")


class InfrastructureOutOfOrder(RuntimeFailure):
    """Checks on units that a job rests on have failed; nothing was started."""

    def __init__(self, assets: Sequence[str], checks: Sequence[str]) -> None:
        shown = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "")
        listed = "".join(f"\n  - {check}" for check in checks)
        super().__init__(
            f"{shown} not started, because infrastructure below is out of order:{listed}\n"
            "Put it right, then start again; a check that is run looks once more (with a platform, "
            "`buildkit launch drift --wait` at drift)."
        )


class NothingReported(RuntimeFailure):
    """A job ended with exit code 0 and reported no materialization."""

    def __init__(self, table: Sequence[str]) -> None:
        super().__init__(
            f"the job of {'/'.join(table)} ended well and reported nothing; its image must run "
            "buildkit_dagster.runtimes.entrypoints.ingest, or report through Dagster Pipes itself"
        )


class TaskNotStarted(NotStarted):
    """ECS refused the task or could not place it."""

    def __init__(self, family: str, reason: str) -> None:
        super().__init__(f"ECS did not start a task of {family}: {reason}")


class TaskNotPlaced(TaskNotStarted, RetryableFailure):
    """ECS had no room for the task, or no time for us."""


class TaskFailed(RuntimeFailure):
    """A job's container ended with another exit code than 0; `exit_code` None: it never ran or was killed."""

    def __init__(self, family: str, task: str, exit_code: int | None, reason: str, tail: Sequence[str]) -> None:
        super().__init__(ended_badly(f"task {task} of {family}", exit_code, reason, tail))
        self.exit_code = exit_code


class TaskDeadlinePassed(RuntimeFailure):
    """A job's container ran longer than its timeout and was stopped."""

    def __init__(self, family: str, task: str, seconds: float) -> None:
        super().__init__(
            f"task {task} of {family} passed its deadline of {seconds:.0f} s and was stopped; nothing is half loaded. "
            "A longer one: `infrastructure.runtime.timeout` in the job's file"
        )


class ImageNotPushed(RuntimeFailure):
    """A build succeeded and its image is not in the registry."""

    def __init__(self, repository: str, tag: str, build: str) -> None:
        super().__init__(f"build {build} succeeded, but {repository} has no image {tag}; see the build's log")
