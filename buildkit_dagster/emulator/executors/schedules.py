"""EventBridge Scheduler, really firing: what is due at a minute is started, in the emulator itself.

Schedules stay with moto, when one fires is `config/eventbridge.py`'s. A target that cannot be started is not tried
again: the event goes to its dead letter queue, where it has one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from moto.scheduler.models import Schedule, scheduler_backends

from buildkit_dagster.config.eventbridge import Rate, ScheduleError, parse
from buildkit_dagster.emulator.executors.world import World

_INTERVAL = 1.0

Target = Mapping[str, Any]


class ScheduleExecutor:
    """All schedules of one emulator."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self, ended: threading.Event) -> None:
        """Fire what is due at every minute from the next one on, until `ended`."""
        threading.Thread(target=self._watch, args=(ended,), name="schedules", daemon=True).start()

    def fire(self, moment: datetime) -> list[dict[str, str]]:
        """Start what is due at `moment`, a whole minute: each one's `schedule`, `target`, and `error` if any."""
        return [self._start(region, schedule) for region, schedule in _schedules() if _is_due(schedule, moment)]

    def _watch(self, ended: threading.Event) -> None:
        last = _minute(datetime.now(UTC))
        while not ended.wait(_INTERVAL):
            now = _minute(datetime.now(UTC))
            while last < now:
                last += timedelta(minutes=1)
                self.fire(last)

    def _start(self, region: str, schedule: Schedule) -> dict[str, str]:
        target = _with_attributes(schedule.target)
        told = {"schedule": schedule.name, "target": target["Arn"]}
        service = target["Arn"].split(":")[2]
        try:
            if service not in _STARTERS:
                raise ValueError(f"the emulator's schedules start {', '.join(_STARTERS)}, and not {service}")
            _STARTERS[service](self._world.client(service, region), target)
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            self._bury(region, target, str(error))
            return {**told, "error": str(error)}
        return told

    def _bury(self, region: str, target: Target, error: str) -> None:
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue:
            sqs = self._world.client("sqs", region)
            url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
            attributes = {
                name: {"DataType": "String", "StringValue": value}
                for name, value in {"ERROR_MESSAGE": error, "TARGET_ARN": target["Arn"]}.items()
            }
            sqs.send_message(QueueUrl=url, MessageBody=target.get("Input") or "{}", MessageAttributes=attributes)


def _schedules() -> Iterator[tuple[str, Schedule]]:
    """Every schedule that is on, with its region."""
    for account in list(scheduler_backends.values()):
        for region, backend in list(account.items()):
            for group in list(backend.schedule_groups.values()):
                yield from ((region, each) for each in list(group.schedules.values()) if each.state == "ENABLED")


def _is_due(schedule: Schedule, moment: datetime) -> bool:
    """`rate` counts from when the schedule was made; `at` and what is no expression never fire here."""
    try:
        when = parse(schedule.schedule_expression)
    except ScheduleError:
        return False
    if isinstance(when, Rate):
        made = _minute(datetime.fromtimestamp(schedule.creation_date, UTC))
        return moment > made and (moment - made) % timedelta(minutes=when.minutes) == timedelta()
    return when.fires(moment, schedule.schedule_expression_timezone)


def _with_attributes(target: Target) -> Target:
    """The target with the one context attribute that is known here in its input."""
    given = target.get("Input")
    return {**target, "Input": given.replace("<aws.scheduler.execution-id>", str(uuid4()))} if given else target


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _start_build(codebuild: Any, target: Target) -> None:
    overrides = json.loads(target.get("Input") or "{}")
    codebuild.start_build(projectName=target["Arn"].rpartition("/")[2], **overrides)


def _run_task(ecs: Any, target: Target) -> None:
    """`EcsParameters` are RunTask's, in capitals; `Input` overrides the task."""
    given = target["EcsParameters"]
    network = given.get("NetworkConfiguration", {}).get("awsvpcConfiguration", {})
    parameters = {
        "cluster": target["Arn"],
        "taskDefinition": given["TaskDefinitionArn"],
        "launchType": given.get("LaunchType", "FARGATE"),
        "count": given.get("TaskCount", 1),
        "networkConfiguration": {
            "awsvpcConfiguration": {name[0].lower() + name[1:]: value for name, value in network.items()}
        },
        "overrides": json.loads(target.get("Input") or "{}"),
    }
    if "PropagateTags" in given:
        parameters["propagateTags"] = given["PropagateTags"]
    failures = ecs.run_task(**parameters)["failures"]
    if failures:
        raise ValueError(str(failures[0].get("reason")))


def _invoke(awslambda: Any, target: Target) -> None:
    payload = (target.get("Input") or "{}").encode()
    awslambda.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=payload)


def _send(sqs: Any, target: Target) -> None:
    url = sqs.get_queue_url(QueueName=target["Arn"].rpartition(":")[2])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=target.get("Input") or "{}")


_STARTERS: Mapping[str, Callable[[Any, Target], None]] = {
    "codebuild": _start_build,
    "ecs": _run_task,
    "lambda": _invoke,
    "sqs": _send,
}
