"""The jobs: everything, the infrastructure, one per stack, per dbt project and per ingest job.

Names come from `naming.py`, schedules of the jobs are in `schedules.py`, jobs that build a part of a dbt project
in `dbt_jobs.py`; what an asset does is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    ExecutorDefinition,
    define_asset_job,
    in_process_executor,
    multiprocess_executor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.checks import CONNECTION, DRIFT, ORPHANS, TAGS
from buildkit_dagster.defs.ingest_checks import check_specs
from buildkit_dagster.defs.left_out import LeftOut
from buildkit_dagster.naming import (
    DRIFT_JOB,
    TAGS_JOB,
    dbt_job_name,
    ingest_job_name,
    stack_job_name,
    table_key,
)

#: What is costly to import, also that which loading definitions may not need.
_PRELOADED = [
    "buildkit_dagster.defs.build",
    "buildkit_dagster.defs.dbt_project",
    "buildkit_dagster.defs.pipes.aws_lambda",
]
#: A forked worker starts in a tenth of the time a spawned one takes; what is costly to import is imported once.
FORKING_EXECUTOR = multiprocess_executor.configured(
    {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": _PRELOADED}}}
)


def platform_jobs(
    platform: Platform,
    keys: Iterable[AssetKey],
    projects: Mapping[str, AssetSelection],
    checks: Sequence[AssetCheckKey],
    left_out: LeftOut,
) -> list[UnresolvedAssetJobDefinition]:
    """All jobs of a platform whose assets are `keys`; `projects` is what belongs to each dbt project, `checks` are
    those that a look of its own or a sensor answers: no job that applies runs them, but for whether a connection that
    it has just made waits for somebody."""
    keys = set(keys)
    looking = looked_at(checks)
    drift = [key for key in checks if key.name in (DRIFT, ORPHANS, CONNECTION) and not left_out.has(key)]
    tags = [key for key in checks if key.name == TAGS and not left_out.has(key)]
    everything = left_out.taken_from(AssetSelection.all() - looking - _under("costs"), keys)
    infrastructure = left_out.taken_from((_under("infra") | _under("image")) - looking, keys)
    return [
        asset_job("platform", everything, "Everything, from the state bucket to the last model."),
        asset_job("infrastructure", infrastructure, "Every Terraform unit and every image."),
        *([_drift_job(AssetSelection.checks(*drift))] if drift else []),
        *([_tags_job(AssetSelection.checks(*tags))] if tags else []),
        *(_stack_job(stack, looking) for stack in stacks_of(keys)),
        *(dbt_job(name, selection - looking) for name, selection in projects.items()),
        *(ingest_job(job) for job in platform.ingest_jobs),
    ]


def looked_at(checks: Iterable[AssetCheckKey]) -> AssetSelection:
    """The checks that no job that applies runs: a look of its own or a sensor answers them."""
    return AssetSelection.checks(*(key for key in checks if key.name != CONNECTION))


def stacks_of(keys: Iterable[AssetKey]) -> list[str]:
    """The stacks among asset keys, sorted."""
    return sorted({key.path[1] for key in keys if key.path[0] == "infra"})


def _stack_job(stack: str, looking: AssetSelection) -> UnresolvedAssetJobDefinition:
    selection = _under("infra", stack) - looking
    return asset_job(stack_job_name(stack), selection, f"Converge the stack {stack}.", in_process_executor)


def _drift_job(looking: AssetSelection) -> UnresolvedAssetJobDefinition:
    return asset_job(
        DRIFT_JOB, looking, "Look for drift and orphans in every stack, and at connections.", in_process_executor
    )


def _tags_job(looking: AssetSelection) -> UnresolvedAssetJobDefinition:
    description = "Compare the tags of every stack: those wanted, those planned, those that are there."
    return asset_job(TAGS_JOB, looking, description, in_process_executor)


def dbt_job(project: str, selection: AssetSelection) -> UnresolvedAssetJobDefinition:
    """Build a dbt project; `selection` is all that belongs to it, without the checks that are looked at elsewhere."""
    return asset_job(dbt_job_name(project), selection, f"Build the dbt project {project}.", in_process_executor)


def ingest_job(job: IngestJob) -> UnresolvedAssetJobDefinition:
    """Load one table, which answers its own checks; the sensor on its bucket requests runs of this job.

    dbt's tests of the table come with dbt's build.
    """
    key = AssetKey(table_key(job.asset.source_type, job.asset.object))
    own = [spec.key for spec in check_specs(job, key)]
    selection = AssetSelection.keys(key).without_checks() | AssetSelection.checks(*own)
    description = job.asset.description or f"Load {job.asset.source_type}/{job.asset.object}."
    return asset_job(ingest_job_name(job.tenant, job.name), selection, description, in_process_executor)


def _under(*prefix: str) -> AssetSelection:
    return AssetSelection.key_prefixes(list(prefix))


def asset_job(
    name: str, selection: AssetSelection, description: str, executor: ExecutorDefinition = FORKING_EXECUTOR
) -> UnresolvedAssetJobDefinition:
    """A job over assets, with the executor that runs of this platform have."""
    return define_asset_job(name, selection, description=description, executor_def=executor)
