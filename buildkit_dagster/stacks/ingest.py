"""The `ingest-<tenant>` stacks: one ECS task definition, with roles, log group and security group, per ingest job.

What the task is told to load travels with each run (`runtimes/ingest.py`); running it is `defs/pipes/ecs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.models import IngestJob
from buildkit_dagster.naming import image_key, ingest_stack
from buildkit_dagster.stacks.permissions import warehouse_statements
from buildkit_dagster.stacks.registry import CLUSTER, PIPES, artifacts, repository
from buildkit_dagster.stacks.scope import REGISTRY, Scope, after, after_state_backend
from buildkit_dagster.tags import job_tags
from buildkit_dagster.terraform.render import ModuleCall, Ref, RenderedRoot, Text

_COMMAND = ("python", "-m", "buildkit_dagster.runtimes.entrypoints.ingest")


def ingest_root(scope: Scope, tenant: str, image_tags: Mapping[str, str]) -> RenderedRoot | None:
    """None when no job of the tenant runs in ECS."""
    jobs = [job for job in scope.platform.jobs_of(tenant) if job.job.infrastructure.runtime.type == "aws_ecs_fargate"]
    calls = [after_state_backend(_job(scope, job, image_tags)) for job in jobs]
    return scope.root(ingest_stack(tenant), *calls) if calls else None


def _job(scope: Scope, job: IngestJob, image_tags: Mapping[str, str]) -> ModuleCall:
    names, runtime = scope.platform.names, job.job.infrastructure.runtime
    inputs: dict[str, Any] = {
        "name": names.task_family(job.tenant, job.name),
        "account_id": scope.account,
        "execution_role_name": names.role(job.tenant, job.name, "start"),
        "task_role_name": names.role(job.tenant, job.name),
        "permissions_boundary_arn": scope.boundary_arn(),
        **_image(job, image_tags),
        "command": list(_COMMAND),
        "cpu": runtime.cpu,
        "memory": runtime.memory,
        "secrets": _secrets(scope),
        "vpc_id": Ref(REGISTRY, CLUSTER, "vpc_id"),
        "s3_access": [
            {"bucket_arn": scope.bucket_arn(names.bucket(job.source.bucket)), "prefix": _prefix(job)},
            {"bucket_arn": artifacts("arn"), "prefix": PIPES, "write": True},
        ],
        "policy_statements": warehouse_statements(scope),
        "log_group_name": names.log_group("ingest", job.tenant, job.name),
    }
    call = scope.unit(job.name, "ingest_ecs_task", inputs, job_tags(scope.platform, job))
    return call if runtime.image_uri else after(call, image_key(runtime.image))


def _image(job: IngestJob, image_tags: Mapping[str, str]) -> dict[str, Any]:
    """The platform's image by its content's tag, or one from elsewhere."""
    runtime = job.job.infrastructure.runtime
    if runtime.image_uri:
        return {"image": runtime.image_uri}
    return {
        "image": Text(repository(runtime.image, "url"), f":{image_tags[runtime.image]}"),
        "repository_arn": repository(runtime.image, "arn"),
    }


def _secrets(scope: Scope) -> dict[str, str]:
    """The warehouse's secrets under the names dlt looks for."""
    warehouse = scope.platform.config.warehouse
    return {
        f"DESTINATION__{warehouse.type}__CREDENTIALS__{name}".upper(): arn for name, arn in warehouse.secrets.items()
    }


def _prefix(job: IngestJob) -> str:
    """The part of the job's path that all its objects begin with."""
    return job.job.source.path.partition("{")[0]
