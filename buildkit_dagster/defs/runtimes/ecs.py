"""`runtime: aws_ecs_fargate`: a job as a Fargate task on the platform's cluster.

The task itself is `runtimes/ecs.py`'s, following it is `defs/pipes/ecs.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import PipesClientCompletedInvocation

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load, own_unit, unit_outputs
from buildkit_dagster.runtimes.ecs import TaskRequest
from buildkit_dagster.stacks.registry import pipes_folder

#: The one that jobs share; it is there before their own.
_CLUSTER = ("registry", "cluster")


def task_request(
    platform: Platform, job: IngestJob, infrastructure: Mapping[str, Mapping[str, Any]], run: str
) -> TaskRequest:
    """The task of a job; `infrastructure` are the outputs of its `cluster` and its own unit."""
    network, cluster, unit = platform.config.network, infrastructure["cluster"], infrastructure["job"]
    return TaskRequest(
        cluster=cluster["name"],
        family=unit["family"],
        subnets=tuple(cluster["subnet_ids"]),
        security_groups=(unit["security_group_id"], *network.security_groups),
        public_ip=network.assign_public_ip,
        deadline=job.job.infrastructure.runtime.timeout,
        run=run,
        folder=pipes_folder(job.tenant, job.name),
    )


def job_infrastructure(platform: Platform, job: IngestJob, s3: Any) -> dict[str, Mapping[str, Any]]:
    """What Terraform wrote down about the job's cluster and task; raises `InfrastructureMissing`."""
    [unit] = own_unit(job)
    return {"cluster": unit_outputs(platform, job, _CLUSTER, s3), "job": unit_outputs(platform, job, unit, s3)}


def _run(load: Load) -> PipesClientCompletedInvocation:
    from buildkit_dagster.defs.pipes.ecs import run_task  # dagster-aws takes half a second, which no other load needs

    clients = {service: load.aws.client(service) for service in ("ecs", "logs", "s3")}
    infrastructure = job_infrastructure(load.platform, load.job, clients["s3"])
    task = task_request(load.platform, load.job, infrastructure, load.context.run_id)
    return run_task(load.context, task, load.extras, clients, load.platform.names.bucket("artifacts"), load.settle)


ECS = IngestRuntime("ecs", own_unit, _run)
