"""The small platform with its jobs in Lambda, on functions made by hand instead of by Terraform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.defs.till import Till
from tests.scenario import edited

_JOBS = {
    "customers": ("asset_path: assets/till/v1.0/customers.yaml", "{}\ninfrastructure: {{runtime: {}}}"),
    "sales": ("  runtime: {type: aws_ecs_fargate, cpu: 256, memory: 512}", "  runtime: {1}"),
}
_HANDLER = "tests.defs.gated_function.handler"


def with_runtime_written(folder: Path, job: str, runtime: str) -> None:
    """Write another runtime into a job's file, as in `{type: local}`."""
    old, new = _JOBS[job]
    edited(folder, f"config/jobs/acme/{job}.yaml", old, new.format(old, runtime))


def function_name(till: Till, job: str) -> str:
    return till.platform.names.function("acme", job)


def make_function(till: Till, job: str, timeout: int = 600, handler: str = _HANDLER, **variables: str) -> None:
    """A job's function with the settings the module gives it, and the state that tells of it."""
    name, policy = function_name(till, job), json.dumps({"Version": "2012-10-17", "Statement": []})
    role = till.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    till.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        PackageType="Image",
        Code={"ImageUri": "public.ecr.aws/docker/library/python:3.11"},
        ImageConfig={"EntryPoint": ["python", "-m", "awslambdaric"], "Command": [handler]},
        Timeout=timeout,
        LoggingConfig={"LogFormat": "Text", "LogGroup": till.platform.names.log_group("ingest", "acme", job)},
        Environment={"Variables": {"PYTHONPATH": str(REPOSITORY), **variables}},
    )
    till.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    till.write_state("ingest-acme", job, {"function_name": name})


def change_variables(till: Till, job: str, **variables: str) -> None:
    """Other variables for calls that begin from now on."""
    till.client("lambda").update_function_configuration(
        FunctionName=function_name(till, job), Environment={"Variables": {"PYTHONPATH": str(REPOSITORY), **variables}}
    )


def calls(till: Till, job: str) -> list[str]:
    """What each call that began has said."""
    logs, group = till.client("logs"), till.platform.names.log_group("ingest", "acme", job)
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    streams = [one["logStreamName"] for one in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    pages: list[Any] = [
        logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True) for stream in streams
    ]
    return ["\n".join(event["message"] for event in page["events"]) for page in pages]
