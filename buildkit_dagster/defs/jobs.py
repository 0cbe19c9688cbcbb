"""The jobs: everything, the infrastructure, one per stack, per dbt project and per ingest job.

Names come from `naming.py`, schedules of the jobs are in `schedules.py`; what an asset does is not decided here.
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

from buildkit_dagster.config.models import IngestJob, Platform
from buildkit_dagster.defs.checks import LOCK, POLICY
from buildkit_dagster.naming import DRIFT_JOB, dbt_job_name, ingest_job_name, stack_job_name, table_key

#: A forked worker starts in a tenth of the time a spawned one takes; what is costly to import is imported once.
FORKING_EXECUTOR = multiprocess_executor.configured(
    {
        "max_concurrent": 2,
        "start_method": {"forkserver": {"preload_modules": ["buildkit_dagster.defs.build"]}},
    }
)


def platform_jobs(
    platform: Platform,
    keys: Iterable[AssetKey],
    projects: Mapping[str, AssetSelection],
    checks: Sequence[AssetCheckKey] = (),
) -> list[UnresolvedAssetJobDefinition]:
    """All jobs of a platform whose assets are `keys`; `projects` is what belongs to each dbt project, `checks` are
    those that a look of its own or a sensor answers: no job that applies runs them."""
    keys, looking = set(keys), AssetSelection.checks(*checks)
    drift = [key for key in checks if key.name not in (POLICY, LOCK)]
    infrastructure = _under("infra") | _under("image")
    return [
        _job("platform", AssetSelection.all() - looking, "Everything, from the state bucket to the last model."),
        _job("infrastructure", infrastructure - looking, "Every Terraform unit and every image."),
        *([_drift_job(AssetSelection.checks(*drift))] if drift else []),
        *(_stack_job(stack, looking) for stack in stacks_of(keys)),
        *(_dbt_job(name, selection) for name, selection in projects.items()),
        *(ingest_job(job) for job in platform.ingest_jobs),
    ]


def stacks_of(keys: Iterable[AssetKey]) -> list[str]:
    """The stacks among asset keys, sorted."""
    return sorted({key.path[1] for key in keys if key.path[0] == "infra"})


def _stack_job(stack: str, looking: AssetSelection) -> UnresolvedAssetJobDefinition:
    selection = _under("infra", stack) - looking
    return _job(stack_job_name(stack), selection, f"Converge the stack {stack}.", in_process_executor)


def _drift_job(looking: AssetSelection) -> UnresolvedAssetJobDefinition:
    return _job(DRIFT_JOB, looking, "Look for drift and orphans in every stack.", in_process_executor)


def _dbt_job(project: str, selection: AssetSelection) -> UnresolvedAssetJobDefinition:
    return _job(dbt_job_name(project), selection, f"Build the dbt project {project}.", in_process_executor)


def ingest_job(job: IngestJob) -> UnresolvedAssetJobDefinition:
    """Load one table; the sensor on its bucket requests runs of this job. dbt's tests of it come with dbt's build."""
    selection = AssetSelection.keys(AssetKey(table_key(job.asset.source_type, job.asset.object))).without_checks()
    description = job.asset.description or f"Load {job.asset.source_type}/{job.asset.object}."
    return _job(ingest_job_name(job.tenant, job.name), selection, description, in_process_executor)


def _under(*prefix: str) -> AssetSelection:
    return AssetSelection.key_prefixes(list(prefix))


def _job(
    name: str, selection: AssetSelection, description: str, executor: ExecutorDefinition = FORKING_EXECUTOR
) -> UnresolvedAssetJobDefinition:
    return define_asset_job(name, selection, description=description, executor_def=executor)
