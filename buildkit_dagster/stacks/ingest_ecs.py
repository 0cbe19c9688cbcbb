"""The unit of a job that runs as a task of ECS on Fargate; running it is `defs/pipes/ecs.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import EcsFargate
from buildkit_dagster.naming import INGEST_MODULE
from buildkit_dagster.runtimes.own_session import own_session
from buildkit_dagster.stacks.ingest_job import image_of, secrets_in_aws, shared_inputs, unit_of
from buildkit_dagster.stacks.ingest_schedule import EVENTBRIDGE
from buildkit_dagster.stacks.registry import CLUSTER, repository
from buildkit_dagster.stacks.scope import REGISTRY, Scope
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref

_COMMAND = ("python", "-m", INGEST_MODULE)


def task_unit(scope: Scope, job: IngestJob, runtime: EcsFargate, image_tags: Mapping[str, str]) -> ModuleCall:
    """One task definition, with roles, log group, security group and alarm."""
    names = scope.platform.names
    inputs: dict[str, Any] = {
        "name": names.task_family(job.tenant, job.name),
        **shared_inputs(scope, job, image_of(runtime, image_tags)),
        "execution_role_name": names.job_role(job.tenant, job.name, "start"),
        "task_role_name": names.job_role(job.tenant, job.name),
        "secrets": secrets_in_aws(scope, job),
        "command": list(_COMMAND),
        "cpu": runtime.cpu,
        "memory": runtime.memory,
        "vpc_id": Ref(REGISTRY, CLUSTER, "vpc_id"),
    }
    if job.job.scheduler == EVENTBRIDGE:
        inputs["environment"] = own_session(scope.platform, job, EVENTBRIDGE)
    if not runtime.image_uri:
        inputs["repository_arn"] = repository(runtime.image, "arn")
    return unit_of(scope, job, runtime, "ingest_ecs_task", inputs)
