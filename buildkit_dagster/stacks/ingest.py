"""The `ingest-<tenant>` stacks: of each job that runs in AWS one unit, and another where EventBridge starts it.

What a unit is made of is in `ingest_ecs.py`, `ingest_lambda.py` and `ingest_schedule.py`, what they share in
`ingest_job.py`. What the job is told to load travels with each run (`runtimes/ingest.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import AwsLambda, EcsFargate
from buildkit_dagster.naming import ingest_stack
from buildkit_dagster.stacks.ingest_ecs import task_unit
from buildkit_dagster.stacks.ingest_lambda import function_unit
from buildkit_dagster.stacks.ingest_schedule import EVENTBRIDGE, schedule_unit
from buildkit_dagster.stacks.scope import Scope, after_state_backend
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot


def ingest_root(scope: Scope, tenant: str, image_tags: Mapping[str, str]) -> RenderedRoot | None:
    """None when no job of the tenant runs in AWS."""
    calls = [call for job in scope.jobs_of(tenant) for call in _units(scope, job, image_tags)]
    return scope.root(ingest_stack(tenant), *map(after_state_backend, calls)) if calls else None


def _units(scope: Scope, job: IngestJob, image_tags: Mapping[str, str]) -> Iterator[ModuleCall]:
    runtime = job.job.infrastructure.runtime
    if isinstance(runtime, EcsFargate):
        yield task_unit(scope, job, runtime, image_tags)
    elif isinstance(runtime, AwsLambda):
        yield function_unit(scope, job, runtime, image_tags)
    if job.job.scheduler == EVENTBRIDGE:
        yield schedule_unit(scope, job)
