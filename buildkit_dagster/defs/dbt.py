"""The models of a dbt project as assets, built in CodeBuild or here, with the same events either way.

How they look in the graph is in `dbt_translator.py`, how commands are executed in `dbt_run.py`, how log lines become
events in `dbt_log.py`, what a partial run executes in `runtimes/dbt_selection.py`. The manifest is only read here:
`buildkit prepare` makes it.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotations of an op's arguments itself.
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from dagster import AssetExecutionContext, AssetsDefinition, Config, DagsterRun, multi_asset
from dagster_dbt.asset_utils import (
    DBT_DEFAULT_EXCLUDE,
    DBT_DEFAULT_SELECT,
    DBT_DEFAULT_SELECTOR,
    DBT_EMPTY_INDIRECT_SELECTION,
    build_dbt_specs,
    get_node,
    get_subset_selection_for_context,
)
from pydantic import Field

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.dbt_checks import extra_checks, is_freshness, unique_id
from buildkit_dagster.defs.dbt_log import DbtLog
from buildkit_dagster.defs.dbt_run import DbtRun, started_again
from buildkit_dagster.defs.dbt_translator import ProjectTranslator
from buildkit_dagster.defs.dbt_unknown import unknown_project
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.errors import BuildFailed, CommandNotNarrowable, DbtFailed, NotADbtJob, NothingBuilt
from buildkit_dagster.naming import WAREHOUSE_POOL, dbt_job_name, identifier
from buildkit_dagster.runtimes.dbt import manifest_path, read_manifest
from buildkit_dagster.runtimes.dbt_remote import is_remote
from buildkit_dagster.runtimes.dbt_retry import left_to_do, statuses

_RESUMED = "dagster/is_resume_retry"


class DbtRunConfig(Config):
    """Run configuration of a project's op."""

    state: Literal["all", "modified"] = Field(
        default="all", description="`modified`: only what differs from the last complete build, and what follows."
    )
    defer: bool = Field(default=True, description="With `modified`: read what is not built from the last build.")
    ref: str | None = Field(
        default=None,
        description="A branch, tag, commit or pull request (`pr/7`) to build in place of the project's branch.",
    )
    variables: dict[str, str] = Field(
        default={}, description="Plain variables over the project's own, such as the schema a pull request builds into."
    )


def dbt_assets_of(platform: Platform, project: DbtProject, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """The project as one op, which runs any selection of its models and tests; raises `ManifestMissing`.

    One of another repository whose models nobody knows yet is one asset.
    """
    if is_remote(project) and not manifest_path(platform, project).is_file():
        return [unknown_project(platform, project, process)]
    manifest = read_manifest(platform, project)
    translator = ProjectTranslator(platform, project)
    specs, checks = build_dbt_specs(
        translator=translator,
        manifest=manifest,
        select=DBT_DEFAULT_SELECT,
        exclude=DBT_DEFAULT_EXCLUDE,
        selector=DBT_DEFAULT_SELECTOR,
        io_manager_key=None,
        project=None,
    )
    extra = extra_checks(project, manifest, translator)

    @multi_asset(
        name=_op_name(project),
        specs=specs,
        check_specs=[*checks, *extra],
        can_subset=True,
        pool=WAREHOUSE_POOL if project.engine == "duckdb" else None,
        allow_arbitrary_check_specs=True,
    )
    def models(context: AssetExecutionContext, config: DbtRunConfig) -> Iterator[Any]:
        with told_plainly():
            refuse_to_start(context)
            log = DbtLog(context, manifest, translator, extra, reports=config.ref is None)
            names, indirect = _selection(context, project, manifest, translator)
            defer = config.defer if config.state == "modified" else None
            aws, own = aws_for(platform, process), config.variables
            run = DbtRun(platform, project, aws, context, log, names, indirect, defer, config.ref, own)
            resumed = _resumed(run, manifest)
            yield from _tried_again(resumed, log, manifest)
            if resumed is run and run.defer is None and run.ref is None:
                _check_reported(run, log)

    return [models]


def run_config(platform: Platform, job: str, **options: Any) -> dict[str, Any]:
    """Run configuration of a dbt project's job, `options` as in `DbtRunConfig`; raises `NotADbtJob`."""
    projects = {dbt_job_name(project.name): project for project in platform.dbt_projects}
    if job not in projects:
        raise NotADbtJob(job, list(projects))
    return {"ops": {_op_name(projects[job]): {"config": options}}}


def _op_name(project: DbtProject) -> str:
    """Not "dbt_…": that is the job's name, and Dagster wants jobs and ops to differ."""
    return identifier("build", project.name)


def _selection(
    context: AssetExecutionContext, project: DbtProject, manifest: Mapping[str, Any], translator: ProjectTranslator
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
    if selected == [DBT_DEFAULT_SELECT]:
        return None, indirect
    # The freshness of a source is no node: selecting the source would run its tests.
    specs = context.assets_def.node_check_specs_by_output_name.values()
    sources = {_fqn(manifest, unique_id(spec)) for spec in specs if is_freshness(project, spec.key)}
    return [name for name in selected if name not in sources], indirect


def _fqn(manifest: Mapping[str, Any], node: str) -> str:
    return ".".join(get_node(manifest, node)["fqn"])


def _resumed(run: DbtRun, manifest: Mapping[str, Any]) -> DbtRun:
    """A re-execution from failure does what the runs before it left to do; any other run is as it is."""
    results: list[Any] = []
    parent: DagsterRun | None = run.context.run
    while parent is not None and parent.parent_run_id and parent.tags.get(_RESUMED) == "true":
        results = [*_results_of(run, parent.parent_run_id), *results]
        parent = run.context.instance.get_run_by_id(parent.parent_run_id)
    if not results:
        return run
    left = _left(run, manifest, statuses(results), "everything runs again")
    if left is None:
        return run
    run.context.log.info(f"left to do by the runs before: {', '.join(left.names or ()) or 'nothing'}")
    return left


def _results_of(run: DbtRun, run_id: str) -> list[Any]:
    """`run_results.json` of every command of a run's builds, in order; none for a project that runs here."""
    return run.store.results_of(run_id) if run.project.runtime == "codebuild" else []


def _tried_again(run: DbtRun, log: DbtLog, manifest: Mapping[str, Any]) -> Iterator[Any]:
    """Run it, and after a failure what it left to do, as often as the project's `retries` say."""
    for retries in range(run.project.retries, -1, -1):
        log.holding = retries > 0
        try:
            yield from started_again(run)
            break
        except (BuildFailed, DbtFailed) as error:
            again = _again(run, log, manifest, error) if retries else None
            if again is None:
                yield from log.held()
                raise
            run = again
    yield from log.held()


def _again(run: DbtRun, log: DbtLog, manifest: Mapping[str, Any], error: Exception) -> DbtRun | None:
    """The run of what failed and did not get its turn; None where it cannot be told or narrowed to."""
    left = None if run.defer is not None else _left(run, manifest, log.statuses, "not tried again")
    if left is None or not left.names:
        return None
    run.context.log.warning(f"{error}\ntried again: {', '.join(left.names)}")
    return left


def _left(run: DbtRun, manifest: Mapping[str, Any], said: Mapping[str, str], instead: str) -> DbtRun | None:
    """The run of what nodes with these statuses left to do; where it cannot be narrowed to, None, and a warning of what
    happens `instead`."""
    names = left_to_do(manifest, said, run.names, run.indirect)
    left = replace(run, names=names, indirect=DBT_EMPTY_INDIRECT_SELECTION)
    try:
        left.commands()
    except CommandNotNarrowable as error:
        run.context.log.warning(f"{instead}: {error}")
        return None
    return left


def _check_reported(run: DbtRun, log: DbtLog) -> None:
    """A selected model that no command ran is nothing to Dagster; in a partial run it is what was asked for.

    Not for a run of what is left, or of what was modified: neither is meant to build all that is selected.
    """
    missing = log.missing()
    if missing and run.names is not None:
        raise NothingBuilt(run.project.name, missing, run.project.commands)
    if run.names is None and (unreported := log.unreported()):
        run.context.log.info(f"nodes of {run.project.name} without an event: {'; '.join(unreported)}")
