"""The unit of a job that runs as a function of Lambda; what the function does is its entrypoint's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import AwsLambda
from buildkit_dagster.stacks.ingest_job import image_of, secrets_in_aws, shared_inputs, unit_of
from buildkit_dagster.stacks.registry import CLUSTER
from buildkit_dagster.stacks.scope import REGISTRY, Scope
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref

#: Lambda's runtime client takes the place of an entry point, the handler that of a command:
#: https://docs.aws.amazon.com/lambda/latest/dg/python-image.html ("Using an alternative base image")
_ENTRY_POINT = ("python", "-m", "awslambdaric")
_HANDLER = "buildkit_dagster.runtimes.entrypoints.lambda_handler.handler"


def function_unit(scope: Scope, job: IngestJob, runtime: AwsLambda, image_tags: Mapping[str, str]) -> ModuleCall:
    """One function, with role, log group, alarms and a queue for calls that failed; in a VPC where tasks are in one."""
    names = scope.platform.names
    inputs: dict[str, Any] = {
        "name": names.function(job.tenant, job.name),
        **shared_inputs(scope, job, image_of(runtime, image_tags)),
        "role_name": names.job_role(job.tenant, job.name),
        "secret_arns": sorted(set(secrets_in_aws(scope, job).values())),
        "entry_point": list(_ENTRY_POINT),
        "command": [_HANDLER],
        "memory": runtime.memory,
        "ephemeral_storage": runtime.ephemeral_storage,
        "timeout": runtime.timeout,
        "dead_letter_queue_name": names.job_dead_letters(job.tenant, job.name),
    }
    network = scope.platform.config.network
    if network.subnets:
        inputs["vpc_config"] = {
            "vpc_id": Ref(REGISTRY, CLUSTER, "vpc_id"),
            "subnet_ids": list(network.subnets),
            "security_group_ids": list(network.security_groups),
        }
    return unit_of(scope, job, runtime, "ingest_lambda", inputs)
