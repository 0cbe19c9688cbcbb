"""All runtimes of ingest jobs, by the name that `infrastructure.runtime.type` of a job uses."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import AssetKey

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.defs.runtimes.aws_lambda import LAMBDA
from buildkit_dagster.defs.runtimes.cloud_function import CLOUD_FUNCTION
from buildkit_dagster.defs.runtimes.cloud_run import CLOUD_RUN
from buildkit_dagster.defs.runtimes.ecs import ECS
from buildkit_dagster.defs.runtimes.local import LOCAL
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime
from buildkit_dagster.naming import infra_key

RUNTIMES: Mapping[str, IngestRuntime] = {
    "aws_ecs_fargate": ECS,
    "aws_lambda": LAMBDA,
    "gcp_cloud_function": CLOUD_FUNCTION,
    "gcp_cloud_run": CLOUD_RUN,
    "local": LOCAL,
}


def runtime_of(job: IngestJob) -> IngestRuntime:
    """Where a job runs."""
    return RUNTIMES[job.job.infrastructure.runtime.type]


def unit_keys(job: IngestJob) -> list[AssetKey]:
    """The infrastructure assets that the job rests on where it runs."""
    return [AssetKey(infra_key(*unit)) for unit in runtime_of(job).units(job)]
