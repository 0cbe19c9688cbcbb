"""One op's run of a dbt project: what it knows, and its commands executed in CodeBuild or here.

What is selected, and whether it is tried again, is decided in `dbt.py`; what the lines of the log mean is in
`dbt_log.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, MetadataValue, PipesContextInjector, PipesEnvContextInjector
from dagster_aws.pipes import PipesS3ContextInjector
from dagster_dbt import DbtCliInvocation, DbtCliResource
from dagster_dbt.asset_utils import DBT_INDIRECT_SELECTION_ENV

from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import replaced_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.dbt_elementary import with_alerts_that_can_be_sent, with_elementary
from buildkit_dagster.defs.dbt_log import PlainLog
from buildkit_dagster.defs.pipes.codebuild import PipesCodeBuildClient
from buildkit_dagster.errors import BuildNotRun, CommandNotLocal, DbtFailed, NoCompleteBuild, RefNotLocal, StateNotLocal
from buildkit_dagster.notify.secrets import fetch_from
from buildkit_dagster.runtimes import codebuild, elementary
from buildkit_dagster.runtimes.checkout import ref_variables, refuse_unavailable, with_checkout, with_ref
from buildkit_dagster.runtimes.dbt import (
    dbt_executable,
    profile_secrets,
    profile_variables,
    project_folder,
    target_folder,
)
from buildkit_dagster.runtimes.dbt_artifacts import ArtifactStore, BuildFolder, artifacts_prefix, store_of
from buildkit_dagster.runtimes.dbt_buildspec import dbt_buildspec
from buildkit_dagster.runtimes.dbt_selection import Commands, modified, narrow, plain_dbt_words
from buildkit_dagster.runtimes.pace import AWS_INTERVALS

#: What makes dbt write lines we can read, in any image and for any command that does not say otherwise.
_STRUCTURED_LOG = {
    "DBT_LOG_FORMAT": "json",
    "DBT_LOG_LEVEL": "info",
    "DBT_USE_COLORS": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
}

#: Above this many assets the Pipes context may not fit into a build's variables.
_MANY_ASSETS = 50
_STARTS = 3

#: The secondary source that holds the artifacts compared with.
_STATE = "state"


@dataclass(frozen=True)
class DbtRun:
    """What is executed, with which variables, and where its lines go.

    `names` are the selected nodes (None: the whole project, its commands as written), `indirect` the indirect selection
    they need. `defer` is None, or whether a run of what was modified since the last complete build defers to it.
    `ref` is built in place of the project's branch, with `variables_of_run` over the project's own.
    """

    platform: Platform
    project: DbtProject
    aws: Aws
    context: AssetExecutionContext
    log: PlainLog
    names: Sequence[str] | None
    indirect: str | None
    defer: bool | None = None
    ref: str | None = None
    variables_of_run: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether it builds all that production has, where production has it."""
        return self.names is None and self.defer is None and self.ref is None and not self.variables_of_run

    @property
    def store(self) -> ArtifactStore:
        return store_of(self.aws.client("s3"), self.platform, self.project)

    def variables(self) -> dict[str, str]:
        """Plain variables, the user's last: what the user says wins."""
        selection = {DBT_INDIRECT_SELECTION_ENV: self.indirect} if self.indirect else {}
        profile = profile_variables(self.platform, self.project)
        report = elementary.variables(self.project, self.platform.environment, self.store.bucket, self.store.prefix)
        own = {**self.project.environment_variables, **self.variables_of_run}
        return {**_STRUCTURED_LOG, **selection, **profile, **report, **own}

    def secrets(self) -> dict[str, str]:
        """Secret variables, as references."""
        return {
            **profile_secrets(self.platform, self.project),
            **elementary.secrets(self.project),
            **self.project.secrets_manager_variables,
        }

    def commands(self) -> Commands:
        """What is run; raises `CommandNotNarrowable`."""
        narrowed = narrow(self.project.commands, self.names, indirect=self.indirect)
        if self.defer is None:
            return narrowed
        return modified(narrowed.commands, f'"$CODEBUILD_SRC_DIR_{_STATE}"', defer=self.defer)


def in_codebuild(run: DbtRun) -> Iterator[Any]:
    """Every command in one build of the project's CodeBuild project; its artifacts are in S3 whatever becomes of it."""
    fetch = fetch_from(lambda: run.aws.client("secretsmanager"))
    run = replace(run, project=with_alerts_that_can_be_sent(run.project, fetch, run.context))
    build, store, commands = BuildFolder.new(run.context.run_id), run.store, run.commands()
    name = run.platform.names.codebuild_project(run.project.name)
    refuse_unavailable(run.aws.client("codebuild"), run.aws.client("codeconnections"), name)
    spec = dbt_buildspec(
        commands.commands,
        commands.files,
        {"run": build.run, "commands": commands.commands},
        after=elementary.commands(run.project),
        pushes=run.project.elementary.active and run.project.elementary.gitpages,
    )
    params = codebuild.start_build_params(
        name,
        with_checkout(spec, run.project),
        plain=run.variables() | ref_variables(run.project, run.ref),
        secrets=run.secrets(),
        timeout_minutes=run.project.timeout,
        queuedTimeoutInMinutesOverride=run.project.queued_timeout,
        artifactsOverride=store.override(build),
        **with_ref(run.project, run.ref),
        **_state(run),
    )
    client = PipesCodeBuildClient(
        run.aws.client("codebuild"),
        run.aws.client("logs"),
        context_injector=_injector(run),
        interval=AWS_INTERVALS[run.platform.config.cloud],
    )
    yield from client.stream(
        context=run.context,
        start_build_params=params,
        translate=with_elementary(run.log.translate, run.project, run.context, _report_link(run)),
        metadata=_links(run, build),
    )
    _keep(run, build)


def _state(run: DbtRun) -> dict[str, Any]:
    """The artifacts of the last complete build as a second source, where the run compares with them."""
    if run.defer is None:
        return {}
    latest = run.store.latest()
    if latest is None:
        raise NoCompleteBuild(run.project.name)
    run.context.log.info(f"compared with the build at {run.store.url(latest)}")
    return {"secondarySourcesOverride": [run.store.source(latest, _STATE)]}


def _keep(run: DbtRun, build: BuildFolder) -> None:
    """After a successful build of the whole project: it is the latest, and its docs are published."""
    if not run.is_whole:
        return
    if run.store.complete(build):
        run.context.log.info(f"the last complete build of {run.project.name} is now {run.store.url(build)}")
    if _makes_docs(run) and run.store.publish_docs(build):
        run.context.log.info(f"dbt docs: {_docs_link(run)}")


def _links(run: DbtRun, build: BuildFolder) -> dict[str, Any]:
    """What an asset says about the build that made it, beside the build itself."""
    docs = {"docs": MetadataValue.url(_docs_link(run))} if _makes_docs(run) else {}
    return {"artifacts": run.store.url(build), **docs}


def _makes_docs(run: DbtRun) -> bool:
    return any("docs generate" in command for command in run.project.commands)


def _report_link(run: DbtRun) -> str:
    if run.project.elementary.gitpages:
        return elementary.pages_link(run.project)
    return run.aws.object_link(run.store.bucket, elementary.report_key(run.store.prefix))


def _docs_link(run: DbtRun) -> str:
    return run.aws.object_link(run.store.bucket, run.store.docs_key)


def _injector(run: DbtRun) -> PipesContextInjector:
    """CodeBuild's variables hold 5,500 characters in all: a large selection travels through the artifacts bucket."""
    if len(run.context.selected_asset_keys) <= _MANY_ASSETS:
        return PipesEnvContextInjector()
    prefix = f"{artifacts_prefix(run.project)}pipes/"
    return PipesS3ContextInjector(bucket=run.store.bucket, client=run.aws.client("s3"), key_prefix=prefix)


def here(run: DbtRun) -> Iterator[Any]:
    """Every command as a child process of this one, by dagster-dbt."""
    if run.defer is not None:
        raise StateNotLocal(run.project.name)
    if run.ref is not None:
        raise RefNotLocal(run.project.name)
    commands = run.commands()
    if run.project.elementary.active:
        run.context.log.info(f"no report of Elementary: {run.project.name} runs here, not in CodeBuild")
    folder = project_folder(run.platform, run.project)
    for command in commands.commands:
        words = plain_dbt_words(command)
        if words is None or folder is None:
            raise CommandNotLocal(run.project.name, command)
        target = target_folder(run.platform, run.project) / "local"
        yield from _command_here(run, command, words, _with_files(folder, commands.files, target), target)


def _with_files(folder: Path, files: Sequence[tuple[str, str]], target: Path) -> Path:
    """The project's folder, or a copy of it that has `files` too: the user's own is never written to."""
    if not files:
        return folder
    copy = target / "project"
    shutil.copytree(folder, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "logs"))
    for name, text in files:
        (copy / name).write_text(text)
    return copy


def _command_here(run: DbtRun, command: str, words: Sequence[str], folder: Path, target: Path) -> Iterator[Any]:
    with replaced_environment({**run.aws.variables, **run.variables()}):
        dbt = DbtCliResource(project_dir=str(folder), dbt_executable=dbt_executable())
        invocation = dbt.cli(words[1:], raise_on_error=False, target_path=target)
    errors: list[str] = []
    try:
        for message in invocation.stream_raw_events():
            if message.raw_event["info"]["level"] == "error":
                errors.append(str(message))
            yield from run.log.events(message)
    finally:
        _end(invocation)
    if invocation.process.returncode:
        raise DbtFailed(run.project.name, command, invocation.process.returncode, errors)


def _end(invocation: DbtCliInvocation) -> None:
    """No dbt outlives its step, whatever ended the step."""
    if invocation.process.poll() is None:
        invocation.process.terminate()
        invocation.process.wait()


def started_again(run: DbtRun) -> Iterator[Any]:
    """Execute a run. A build that got no machine has done nothing: it is started again, whatever `retries` say."""
    execute = in_codebuild if run.project.runtime == "codebuild" else here
    for starts in range(_STARTS, 0, -1):
        try:
            yield from execute(run)
            return
        except BuildNotRun as error:
            if starts == 1:
                raise
            run.context.log.warning(f"{error}\nstarted again")
