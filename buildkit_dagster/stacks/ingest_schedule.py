"""The unit that starts a job whose schedule stays in AWS: EventBridge's scheduler, which Dagster does not follow.

A task finds its session in its definition (`ingest_ecs.py`), a function gets it with the call.
"""

from __future__ import annotations

import json
from typing import Any

from buildkit_dagster.config.eventbridge import parse
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import EcsFargate
from buildkit_dagster.naming import schedule_unit_name
from buildkit_dagster.runtimes.own_session import own_event
from buildkit_dagster.stacks.registry import CLUSTER, pipes_folder
from buildkit_dagster.stacks.scope import REGISTRY, Scope
from buildkit_dagster.tags.wanted import job_tags
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref, UnitRef

EVENTBRIDGE = "eventbridge"


def schedule_unit(scope: Scope, job: IngestJob) -> ModuleCall:
    """One schedule in the job's time zone, with a role that may start this job and nothing else, and dead letters."""
    names = scope.platform.names
    inputs: dict[str, Any] = {
        "name": names.job_schedule(job.tenant, job.name),
        "account_id": scope.account,
        "permissions_boundary_arn": scope.boundary_arn(),
        "expression": parse(job.job.schedule or "").text,
        "timezone": job.job.timezone,
        "dead_letter_queue_name": names.job_dead_letters(job.tenant, job.name, "unstarted"),
        **(_task(scope, job) if isinstance(job.job.infrastructure.runtime, EcsFargate) else _function(scope, job)),
    }
    return scope.unit(schedule_unit_name(job.name), "ingest_schedule", inputs, job_tags(scope.platform, job))


def _task(scope: Scope, job: IngestJob) -> dict[str, Any]:
    network = scope.platform.config.network
    task = {
        "cluster_arn": Ref(REGISTRY, CLUSTER, "arn"),
        "task_definition_arn": UnitRef(job.name, "family_arn"),
        "role_arns": [UnitRef(job.name, "execution_role_arn"), UnitRef(job.name, "task_role_arn")],
        "subnet_ids": Ref(REGISTRY, CLUSTER, "subnet_ids"),
        "security_group_ids": [UnitRef(job.name, "security_group_id"), *network.security_groups],
        "assign_public_ip": network.assign_public_ip,
    }
    return {"task": task}


def _function(scope: Scope, job: IngestJob) -> dict[str, Any]:
    event = own_event(scope.platform, job, EVENTBRIDGE, pipes_folder(job.tenant, job.name))
    return {"function": {"arn": UnitRef(job.name, "function_arn"), "event": json.dumps(event)}}
