"""The platform folder, or what a command was asked for, is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from buildkit_dagster.errors.base import ConfigError

if TYPE_CHECKING:
    from buildkit_dagster.config.problems import Problem


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


class NoSuchStack(ConfigError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no stack {name!r}; allowed: {', '.join(known)}")


class NoUnitSelected(ConfigError):
    def __init__(self, selection: str, stack: str | None) -> None:
        within = f" of stack {stack}" if stack else ""
        super().__init__(
            f"the selection {selection!r} holds no unit{within}; units are called infra/STACK/UNIT, `buildkit graph` "
            "lists them"
        )


class ContextMissing(ConfigError):
    """An image's build context or Dockerfile is not where the platform says."""

    def __init__(self, image: str, path: Path) -> None:
        super().__init__(f"image {image!r}: {path} does not exist; correct images.{image} in config/platform.yaml")


class UnknownJob(ConfigError):
    """A job that this platform does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no job {name!r}; the jobs of this platform are {', '.join(known)}")


class NoSuchQueue(ConfigError):
    """A bucket whose events go to no queue."""

    def __init__(self, bucket: str, known: Sequence[str]) -> None:
        listed = f"; buckets with a queue are {', '.join(known)}" if known else ""
        super().__init__(f"no bucket {bucket!r} sends its events to a queue (`notifications: true`){listed}")


class EmptySelection(ConfigError):
    """A selection that holds no asset of the job."""

    def __init__(self, selection: str, job: str) -> None:
        super().__init__(f"the selection {selection!r} holds no asset of job {job!r}; `buildkit graph` lists the keys")


class InvalidSelection(ConfigError):
    """A selection that is not written in Dagster's syntax."""

    def __init__(self, selection: str) -> None:
        super().__init__(
            f'{selection!r} is not a selection in Dagster\'s syntax, which is like key:"flights/*", group:registry or '
            'key:"image/platform"+'
        )


class UnknownPartition(ConfigError):
    """A partition that no asset of the job has."""

    def __init__(self, partition: str, job: str, known: Sequence[str]) -> None:
        super().__init__(
            f"job {job!r} has no partition {partition!r}; it has: {', '.join(known) or 'none'}. A partition is added "
            "when its data arrives; without --partition the job takes all data there is"
        )


class FolderNotEmpty(ConfigError):
    """`buildkit init` was given a folder that holds something."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists and is not empty; name a new folder: buildkit init NAME")


class NotAnEmulatedEnvironment(ConfigError):
    """A command that works on emulated environments only was given another."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"the environment {environment!r} has no emulator: its entry in config/platform.yaml says `cloud: aws`; "
            "choose one that says `cloud: emulator` with --env"
        )


class UnknownIngestJob(ConfigError):
    """`buildkit generate` was asked for a job that the platform does not have in this environment."""

    def __init__(self, asked: str, environment: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{asked} is no ingest job of environment {environment}; allowed: {', '.join(known) or 'there are none'}"
        )


class NothingToGenerate(ConfigError):
    """The job runs where no infrastructure is made for it."""

    def __init__(self, job: str, runtime: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{job} has no infrastructure: `infrastructure.runtime.type` is {runtime}; allowed: {', '.join(allowed)}"
        )


class FlagContradictsJob(ConfigError):
    """A flag asks for another cloud or resource than the job says."""

    def __init__(self, flag: str, asked: str, job: str, runtime: str, right: str) -> None:
        super().__init__(
            f"`{flag} {asked}` contradicts {job}, whose `infrastructure.runtime.type` is {runtime}: write `{flag} "
            f"{right}`, leave the flag out, or change the job"
        )


class FolderHoldsARoot(ConfigError):
    """Terraform takes all files of a folder for one root, so two roots cannot share one."""

    def __init__(self, folder: Path, other: Path, wanted: str) -> None:
        super().__init__(
            f"{folder} holds {other.name} already, and Terraform would take {wanted} for a part of the same root: name "
            f"a folder of its own in --output-dir, or remove {other.name}"
        )


class FolderNotWritable(ConfigError):
    """Where files should go nothing can be written: a file has the folder's name, or it or its parent is closed."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"the folder {folder} cannot be written ({reason}): name another one")


class TagMalformed(ConfigError):
    """What should be a tag on the command line is none."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no tag; write KEY=VALUE, as in finops_cost_center=ENG-001")


class GoogleProjectMissing(ConfigError):
    """Google is asked for, and the environment does not say where."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"environment {environment} names no project of Google Cloud; write `gcp: {{project: PROJECT_ID}}` into "
            "its entry in config/platform.yaml, or ask for --cloud aws"
        )


class BillingExportMissing(ConfigError):
    """Google's costs are asked for, and nothing says where they are exported to."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"environment {environment} names no billing export; export the billing account to BigQuery, write `gcp: "
            "{billing_export: PROJECT.DATASET.TABLE}` into its entry in config/platform.yaml, or ask for --cloud aws"
        )
