"""A job as one Fargate task: the request, its start, what became of it, and its end.

Everything here takes a boto3 client and plain data. Following the task inside a Pipes session is
`defs/pipes/ecs.py`'s, what the container does is its entrypoint's, log streams are read in `logs.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from buildkit_dagster.errors import TaskFailed, TaskNotPlaced, TaskNotStarted

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

#: Reasons and codes after which the same request can succeed:
#: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
TRANSIENT = (
    "Capacity is unavailable",
    "RESOURCE:",
    "Throttling",
    "ServerException",
    "ServiceUnavailable",
    "Rate exceeded",
    "Timeout waiting for network interface provisioning",
)


@dataclass(frozen=True)
class TaskRequest:
    """Which task to run and where. `deadline` is in seconds from its start; `run` is the Dagster run it belongs to.

    `folder`, a key prefix, is where the two tell each other what there is to tell.
    """

    cluster: str
    family: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool
    deadline: float
    run: str
    folder: str

    def parameters(self) -> dict[str, Any]:
        """The arguments of RunTask; the Pipes client adds the session's variables to every container."""
        network = {
            "subnets": list(self.subnets),
            "securityGroups": list(self.security_groups),
            "assignPublicIp": "ENABLED" if self.public_ip else "DISABLED",
        }
        return {
            "cluster": self.cluster,
            "taskDefinition": self.family,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": network},
            "startedBy": self.run,
            "propagateTags": "TASK_DEFINITION",
        }


class StartingClient:
    """An ECS client whose calls towards a start raise `TaskNotStarted`; all else is the client's own.

    `refused` is called before it raises.
    """

    def __init__(self, client: ECSClient, family: str, refused: Callable[[], None]) -> None:
        self._client = client
        self._family = family
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_task_definition(self, **parameters: Any) -> Any:
        with self._told():
            return self._client.describe_task_definition(**parameters)

    def run_task(self, **parameters: Any) -> Any:
        """RunTask with one task in its answer; its list of failures is an error too."""
        with self._told():
            response = self._client.run_task(**parameters)
            if not response["tasks"]:
                reasons = [f"{item.get('reason')} {item.get('detail', '')}".strip() for item in response["failures"]]
                raise not_started(self._family, "; ".join(reasons) or "no reason was given")
        return response

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TaskNotStarted:
            self._refused()
            raise
        except botocore.exceptions.ClientError as error:
            self._refused()
            raise not_started(self._family, str(error)) from None


def not_started(family: str, reason: str) -> TaskNotStarted:
    """The error for a task that did not start; retryable when the reason passes by itself."""
    passes = any(sign in reason for sign in TRANSIENT)
    return TaskNotPlaced(family, reason) if passes else TaskNotStarted(family, reason)


def log_position(definition: Mapping[str, Any], task_arn: str) -> tuple[str, str] | None:
    """Log group and stream of the task's first container; None where it does not log to CloudWatch."""
    container = definition["containerDefinitions"][0]
    logging = container.get("logConfiguration") or {}
    if logging.get("logDriver") != "awslogs":
        return None
    options = logging["options"]
    return options["awslogs-group"], f"{options['awslogs-stream-prefix']}/{container['name']}/{task_id(task_arn)}"


def task_id(task_arn: str) -> str:
    return task_arn.rsplit("/", 1)[-1]


def check_result(family: str, task: Mapping[str, Any], tail: Sequence[str]) -> None:
    """Raise what a stopped task's description says: nothing when every container ended with 0."""
    reason = task.get("stoppedReason") or "no reason was given"
    if task.get("stopCode") == "TaskFailedToStart":
        raise not_started(family, reason)
    codes = [container.get("exitCode") for container in task["containers"]]
    bad = [code for code in codes if code != 0]
    if bad:
        details = [container["reason"] for container in task["containers"] if container.get("reason")]
        raise TaskFailed(family, task_id(task["taskArn"]), bad[0], "; ".join([reason, *details]), tail)


def describe(ecs: ECSClient, cluster: str, task_arn: str) -> Any:
    """The task as ECS describes it now."""
    return ecs.describe_tasks(cluster=cluster, tasks=[task_arn])["tasks"][0]


def stop(ecs: ECSClient, cluster: str, task_arn: str, reason: str, wait: float = 90.0) -> bool:
    """StopTask, then wait until it has stopped; False when it had not after `wait` seconds."""
    ecs.stop_task(cluster=cluster, task=task_arn, reason=reason)
    deadline = time.monotonic() + wait
    while describe(ecs, cluster, task_arn)["lastStatus"] != "STOPPED":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def left_behind(ecs: ECSClient, cluster: str, family: str, has_ended: Callable[[str], bool]) -> list[str]:
    """Running tasks of a family whose run is over, as after a killed worker; `has_ended` knows a run by its id."""
    arns = ecs.list_tasks(cluster=cluster, family=family, desiredStatus="RUNNING")["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return [task["taskArn"] for task in tasks if task.get("startedBy") and has_ended(task["startedBy"])]
