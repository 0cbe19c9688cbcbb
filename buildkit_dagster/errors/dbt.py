"""dbt projects: their manifests, commands and builds in CodeBuild."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildkit_dagster.errors.base import ConfigError, EnvironmentProblem, RetryableFailure, RuntimeFailure


class NothingScheduled(ConfigError):
    def __init__(self, project: str, schedule: str, select: str) -> None:
        super().__init__(
            f"schedule {schedule!r} of the dbt project {project!r} selects {select!r}, nothing in its manifest: "
            "write what `dbt ls --select` lists something for, or no `select` to build everything"
        )


class ManifestMissing(ConfigError):
    """Definitions read dbt's manifest and never make it."""

    def __init__(self, project: str, manifest: Path) -> None:
        super().__init__(f"dbt project {project!r} has no manifest at {manifest}; make it with: buildkit prepare")


class DbtParseFailed(ConfigError):
    """`dbt parse` said no; the message is dbt's own."""

    def __init__(self, project: str, folder: Path, message: str) -> None:
        super().__init__(f"dbt cannot read project {project!r} in {folder}:\n{message}")


class DbtPackagesNotInstalled(EnvironmentProblem):
    """`dbt deps` failed."""

    def __init__(self, project: str, file: Path, message: str) -> None:
        super().__init__(
            f"the packages of dbt project {project!r} ({file}) cannot be installed. Make dbt's package hub reachable, "
            f"or commit dbt_packages/ with the project:\n{message}"
        )


class CommandNotNarrowable(ConfigError):
    """A partial run would run more than what was selected."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(
            f"cannot run a part of the project with the command {command!r}: {reason}. Run the whole project, or write "
            "it in `commands` as plain dbt commands, one each"
        )


class CommandNotLocal(ConfigError):
    """`runtime: local` starts dbt without a shell, from the project's local folder."""

    def __init__(self, project: str, command: str) -> None:
        super().__init__(
            f"dbt project {project!r} has `runtime: local`, which cannot run {command!r}: it needs `path`, the "
            "project's folder, and plain dbt commands without shell operators or variables. Or use `runtime: codebuild`"
        )


class StateNotLocal(ConfigError):
    """`runtime: local` keeps no artifacts to compare with."""

    def __init__(self, project: str) -> None:
        super().__init__(
            f"dbt project {project!r} has `runtime: local`, which keeps no complete build to compare with; "
            "`state: modified` needs `runtime: codebuild`"
        )


class RefNotLocal(ConfigError):
    """`runtime: local` builds the folder that is there."""

    def __init__(self, project: str) -> None:
        super().__init__(
            f"dbt project {project!r} has `runtime: local`, which builds the folder as it is; "
            "`ref` needs `runtime: codebuild`"
        )


class NotADbtJob(ConfigError):
    """`--state`, `--ref` and `--var` are about dbt projects."""

    def __init__(self, job: str, jobs: Sequence[str]) -> None:
        known = ", ".join(jobs) or "there are none"
        super().__init__(f"--state, --ref and --var are for jobs of dbt projects ({known}), not for {job}")


class InvalidVariable(ConfigError):
    """`--var` that is no assignment."""

    def __init__(self, given: str) -> None:
        super().__init__(f"--var {given.partition('=')[0]}: write NAME=VALUE, the name of letters, digits and _")


class BuildProjectMissing(RuntimeFailure):
    """A build was asked for before the project it runs in was made."""

    def __init__(self, project: str) -> None:
        super().__init__(f"CodeBuild project {project} does not exist; materialize the infra/ assets upstream first")


class ConnectionNotAvailable(RuntimeFailure):
    """A build needs a connection to its source that nobody has approved, or that was taken back."""

    def __init__(self, project: str, connection: str, status: str, link: str) -> None:
        super().__init__(
            f"the build of {project} was not started: its connection {connection} is {status}. "
            f"A person approves it at {link}; then start again"
        )


class ConnectionGone(RuntimeFailure):
    """A build needs a connection to its source that was deleted outside of Terraform."""

    def __init__(self, project: str, connection: str) -> None:
        super().__init__(
            f"the build of {project} was not started: its connection {connection} is not there any more. "
            "Materialize the registry, approve the new connection, then start again"
        )


class BuildFailed(RuntimeFailure):
    """A CodeBuild build ended in another way than success; `tail` is the end of what it said went wrong."""

    def __init__(
        self,
        build: str,
        status: str,
        phase: str,
        exit_code: int | None,
        reason: str,
        log: str,
        tail: Sequence[str] = (),
    ) -> None:
        code = "" if exit_code is None else f" with exit code {exit_code}"
        said = "".join(f"\n  | {line}" for line in tail)
        super().__init__(f"build {build} ended {status} in phase {phase}{code}: {reason}\n  log: {log}{said}")
        self.exit_code = exit_code
        self.phase = phase


class BuildNotRun(RuntimeFailure, RetryableFailure):
    """CodeBuild could not give a build a machine; none of its commands ran."""

    def __init__(self, build: str, phase: str, reason: str, log: str) -> None:
        super().__init__(f"build {build} got no further than phase {phase}: {reason}; run again\n  log: {log}")


class BuildStopped(RuntimeFailure, RetryableFailure):
    """A CodeBuild build was stopped, and not by us."""

    def __init__(self, build: str, log: str) -> None:
        super().__init__(f"build {build} was stopped from outside this run; run again\n  log: {log}")


class BuildDeadlinePassed(RuntimeFailure):
    """A CodeBuild build ran or waited longer than it may."""

    def __init__(self, build: str, minutes: float, log: str) -> None:
        super().__init__(
            f"build {build} passed its deadline of {minutes:.0f} minutes and was stopped. A longer one: `timeout` of "
            f"the project in config/codebuild-config.yml\n  log: {log}"
        )


class DbtFailed(RuntimeFailure):
    """dbt ended with another exit code than 0; `errors` are its own messages."""

    def __init__(self, project: str, command: str, exit_code: int, errors: Sequence[str]) -> None:
        said = "".join(f"\n  | {line}" for error in errors for line in error.splitlines() if line.strip())
        super().__init__(f"{command!r} of dbt project {project!r} ended with exit code {exit_code}{said}")
        self.exit_code = exit_code


class NothingBuilt(RuntimeFailure):
    """The project's commands do not reach what was selected."""

    def __init__(self, project: str, keys: Sequence[str], commands: Sequence[str]) -> None:
        super().__init__(
            f"the commands of dbt project {project!r} succeeded without reporting {', '.join(keys)}. They are: "
            f"{'; '.join(commands)}. Either none of them selects it, or one sets another --log-format than json"
        )


class NoCompleteBuild(RuntimeFailure):
    """Nothing to compare a project with."""

    def __init__(self, project: str) -> None:
        super().__init__(
            f"dbt project {project!r} has no complete build yet that `state: modified` could compare with; "
            f"build all of it once"
        )
