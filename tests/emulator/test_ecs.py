"""ECS: a task really runs its container's command, and its record says the truth about it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any
from uuid import uuid4

import pytest
from helpers import Boto, stream, until

from buildkit_dagster.emulator.control import Emulator

GROUP = "/test/tasks"


@pytest.fixture
def ecs(boto: Boto) -> Any:
    boto("ecs").create_cluster(clusterName="test")
    if not boto("logs").describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        boto("logs").create_log_group(logGroupName=GROUP)
    return boto("ecs")


def family(ecs: Any, **container: Any) -> str:
    """A new task definition with one container, `main`."""
    name = f"task-{uuid4().hex[:8]}"
    options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "pre"}
    ecs.register_task_definition(
        family=name,
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": "main",
                "image": "python:3.12",
                "logConfiguration": {"logDriver": "awslogs", "options": options},
                **container,
            }
        ],
    )
    return name


def run(boto: Boto, ecs: Any, definition: str, **override: Any) -> str:
    """Start a task; its ARN."""
    subnet = boto("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    (task,) = ecs.run_task(
        cluster="test",
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}},
        overrides={"containerOverrides": [{"name": "main", **override}]} if override else {},
    )["tasks"]
    return task["taskArn"]


def status(ecs: Any, arn: str, wanted: str) -> dict[str, Any]:
    return until(
        lambda: ecs.describe_tasks(cluster="test", tasks=[arn])["tasks"][0], lambda task: task["lastStatus"] == wanted
    )


def said(boto: Boto, arn: str) -> str:
    return stream(boto, GROUP, f"pre/main/{arn.rpartition('/')[2]}")


def test_a_task_runs_its_command_with_overrides_secrets_and_its_true_exit_code(boto: Boto, ecs: Any) -> None:
    secret = boto("secretsmanager").create_secret(Name=uuid4().hex, SecretString='{"key": "hidden"}')["ARN"]
    boto("ssm").put_parameter(Name="/task/value", Value="from ssm", Type="String")
    definition = family(
        ecs,
        entryPoint=["sh", "-c"],
        command=["echo not this"],
        environment=[{"name": "A", "value": "defined"}, {"name": "B", "value": "defined"}],
        secrets=[
            {"name": "S", "valueFrom": f"{secret}:key::"},
            {"name": "T", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/task/value"},
        ],
    )
    script = 'echo "$A $B; $T"; test "$S" = hidden && exit 9'
    arn = run(boto, ecs, definition, command=[script], environment=[{"name": "B", "value": "overridden"}])
    task = status(ecs, arn, "STOPPED")
    assert said(boto, arn) == "defined overridden; from ssm"
    assert task["containers"][0]["exitCode"] == 9
    assert task["containers"][0]["runtimeId"]
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]
    assert task["attachments"][0]["status"] == "DELETED"
    waited = ecs.describe_tasks(cluster="test", tasks=[arn, "unknown"])
    assert waited["failures"] == [{"arn": "unknown", "reason": "MISSING"}]


def test_stopping_sends_sigterm_and_sigkill_after_the_stop_timeout(boto: Boto, ecs: Any) -> None:
    gentle = "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.1; done"
    stubborn = "trap '' TERM; echo up; while true; do sleep 0.1; done"
    limits = {gentle: 120, stubborn: 2}
    arns = [
        run(boto, ecs, family(ecs, command=["sh", "-c", script], stopTimeout=limit)) for script, limit in limits.items()
    ]
    for arn in arns:
        running = status(ecs, arn, "RUNNING")
        assert "exitCode" not in running["containers"][0]
        until(lambda arn=arn: said(boto, arn), lambda text: "up" in text)
    asked = time.monotonic()
    for arn in arns:
        ecs.stop_task(cluster="test", task=arn, reason="enough")
    first, second = (status(ecs, arn, "STOPPED") for arn in arns)
    assert time.monotonic() - asked >= 2
    assert said(boto, arns[0]).endswith("bye")
    assert first["containers"][0]["exitCode"] == 3
    assert second["containers"][0]["exitCode"] == 137
    assert (first["stopCode"], first["stoppedReason"]) == ("UserInitiated", "enough")


def test_a_killed_task_stops_with_137(boto: Boto, ecs: Any, emulator: Emulator) -> None:
    arn = run(boto, ecs, family(ecs, command=["sleep", "300"]))
    status(ecs, arn, "RUNNING")
    listed = emulator.call("GET", "processes")["processes"]
    os.kill(next(one["pid"] for one in listed if one["name"] == arn), signal.SIGKILL)
    task = status(ecs, arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 137
    assert task["stopCode"] == "EssentialContainerExited"


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({}, "CannotStartContainerError: container main has no command"),
        ({"command": ["no-such-command"]}, "No such file or directory: 'no-such-command'"),
        (
            {"command": ["true"], "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/none:1"},
            "CannotPullContainerError",
        ),
        (
            {"command": ["true"], "secrets": [{"name": "S", "valueFrom": "/none"}]},
            "ResourceInitializationError: unable to pull secrets: parameter /none",
        ),
    ],
)
def test_a_task_that_cannot_start_says_why(boto: Boto, ecs: Any, container: dict, reason: str) -> None:
    task = status(ecs, run(boto, ecs, family(ecs, **container)), "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert reason in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]


def test_cluster_settings_change(ecs: Any) -> None:
    ecs.update_cluster_settings(cluster="test", settings=[{"name": "containerInsights", "value": "enabled"}])
    (cluster,) = ecs.describe_clusters(clusters=["test"], include=["SETTINGS"])["clusters"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]
