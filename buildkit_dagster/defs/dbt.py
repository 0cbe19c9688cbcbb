"""The models of a dbt project as assets, built in CodeBuild or here, with the same events either way.

How they look in the graph is in `dbt_translator.py`, how log lines become events in `dbt_log.py`, what a partial run
executes in `runtimes/dbt_selection.py`. The manifest is only read here: `buildkit prepare` makes it.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition, PipesContextInjector, PipesEnvContextInjector
from dagster_aws.pipes import PipesS3ContextInjector
from dagster_dbt import DbtCliInvocation, DbtCliResource, dbt_assets
from dagster_dbt.asset_utils import (
    DBT_DEFAULT_EXCLUDE,
    DBT_DEFAULT_SELECT,
    DBT_DEFAULT_SELECTOR,
    DBT_INDIRECT_SELECTION_ENV,
    get_subset_selection_for_context,
)

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment, replaced_environment
from buildkit_dagster.config.models import DbtProject, Platform
from buildkit_dagster.defs.dbt_log import DbtLog
from buildkit_dagster.defs.dbt_translator import ProjectTranslator
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.pipes.codebuild import INTERVALS, PipesCodeBuildClient
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.errors import CommandNotLocal, DbtFailed, NothingBuilt
from buildkit_dagster.naming import WAREHOUSE_POOL, identifier
from buildkit_dagster.runtimes import codebuild
from buildkit_dagster.runtimes.dbt import (
    dbt_executable,
    profile_secrets,
    profile_variables,
    project_folder,
    read_manifest,
    target_folder,
)
from buildkit_dagster.runtimes.dbt_selection import narrow, plain_dbt_words
from buildkit_dagster.stacks.dbt import artifacts_prefix

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


@dataclass(frozen=True)
class _Run:
    """One run of a project: what is executed, with which variables, and where its lines go."""

    platform: Platform
    project: DbtProject
    aws: Aws
    context: AssetExecutionContext
    log: DbtLog
    names: list[str] | None
    indirect: str | None

    def variables(self) -> dict[str, str]:
        """Plain variables, the project's own last: what the user says wins."""
        selection = {DBT_INDIRECT_SELECTION_ENV: self.indirect} if self.indirect else {}
        profile = profile_variables(self.platform, self.project)
        return {**_STRUCTURED_LOG, **selection, **profile, **self.project.environment_variables}

    def secrets(self) -> dict[str, str]:
        """Secret variables, as references."""
        return {**profile_secrets(self.platform, self.project), **self.project.secrets_manager_variables}


def dbt_assets_of(platform: Platform, project: DbtProject, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """The project as one op, which runs any selection of its models and tests; raises `ManifestMissing`."""
    manifest = read_manifest(platform, project)
    translator = ProjectTranslator(platform, project)
    execute = _in_codebuild if project.runtime == "codebuild" else _here

    @dbt_assets(
        manifest=manifest,
        # Not "dbt_…": that is the job's name, and Dagster wants jobs and ops to differ.
        name=identifier("build", project.name),
        dagster_dbt_translator=translator,
        pool=WAREHOUSE_POOL if project.engine == "duckdb" else None,
    )
    def models(context: AssetExecutionContext) -> Iterator[Any]:
        with told_plainly():
            refuse_to_start(context)
            log = DbtLog(context, manifest, translator)
            names, indirect = _selection(context, manifest, translator)
            yield from execute(_Run(platform, project, aws_for(platform, process), context, log, names, indirect))
            _check_reported(context, project, log, partial=names is not None)

    return [models]


def _selection(
    context: AssetExecutionContext, manifest: Mapping[str, Any], translator: ProjectTranslator
) -> tuple[list[str] | None, str | None]:
    """What is selected by the names dbt knows (None: everything), and the indirect selection that goes with them."""
    arguments, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=DBT_DEFAULT_SELECT,
        exclude=DBT_DEFAULT_EXCLUDE,
        selector=DBT_DEFAULT_SELECTOR,
        dagster_dbt_translator=translator,
        current_dbt_indirect_selection_env=None,
    )
    selected = arguments[1].split()
    return (None if selected == [DBT_DEFAULT_SELECT] else selected), indirect


def _in_codebuild(run: _Run) -> Iterator[Any]:
    """Every command in one build of the project's CodeBuild project."""
    narrowed = narrow(run.project.commands, run.names, indirect=run.indirect)
    params = codebuild.start_build_params(
        run.platform.names.codebuild_project(run.project.name),
        codebuild.buildspec(narrowed.commands, narrowed.files),
        plain=run.variables(),
        secrets=run.secrets(),
        timeout_minutes=run.project.timeout,
    )
    client = PipesCodeBuildClient(
        run.aws.client("codebuild"),
        run.aws.client("logs"),
        context_injector=_injector(run),
        interval=INTERVALS[run.platform.config.cloud],
    )
    yield from client.stream(context=run.context, start_build_params=params, translate=run.log.translate)


def _injector(run: _Run) -> PipesContextInjector:
    """CodeBuild's variables hold 5,500 characters in all: a large selection travels through the artifacts bucket."""
    if len(run.context.selected_asset_keys) <= _MANY_ASSETS:
        return PipesEnvContextInjector()
    bucket = run.project.s3_artifacts_bucket or run.platform.names.bucket("artifacts")
    prefix = f"{artifacts_prefix(run.project)}pipes/"
    return PipesS3ContextInjector(bucket=bucket, client=run.aws.client("s3"), key_prefix=prefix)


def _here(run: _Run) -> Iterator[Any]:
    """Every command as a child process of this one, by dagster-dbt."""
    narrowed = narrow(run.project.commands, run.names, indirect=run.indirect)
    folder = project_folder(run.platform, run.project)
    for command in narrowed.commands:
        words = plain_dbt_words(command)
        if words is None or folder is None:
            raise CommandNotLocal(run.project.name, command)
        target = target_folder(run.platform, run.project) / "local"
        yield from _command_here(run, command, words, _with_files(folder, narrowed.files, target), target)


def _with_files(folder: Path, files: Sequence[tuple[str, str]], target: Path) -> Path:
    """The project's folder, or a copy of it that has `files` too: the user's own is never written to."""
    if not files:
        return folder
    copy = target / "project"
    shutil.copytree(folder, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "logs"))
    for name, text in files:
        (copy / name).write_text(text)
    return copy


def _command_here(run: _Run, command: str, words: Sequence[str], folder: Path, target: Path) -> Iterator[Any]:
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


def _check_reported(context: AssetExecutionContext, project: DbtProject, log: DbtLog, *, partial: bool) -> None:
    """A selected model that no command ran is nothing to Dagster; in a partial run it is what was asked for."""
    missing = log.missing()
    if missing and partial:
        raise NothingBuilt(project.name, missing, project.commands)
    if missing:
        context.log.info(f"the commands of {project.name} do not build: {', '.join(missing)}")
