"""EventBridge Scheduler: what is due is started, in its time zone, and what cannot be is in the dead letter queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from helpers import ROLE, Boto, build_of, log, project, until

from buildkit_dagster.emulator.control import Emulator

NOON = datetime(2027, 7, 1, 12, 0, tzinfo=UTC)
LETTER = '{"sourceVersion": "main"}'
ACCOUNT = "arn:aws:{service}:us-east-1:123456789012:{resource}"


def arn(service: str, resource: str) -> str:
    return ACCOUNT.format(service=service, resource=resource)


@pytest.fixture
def schedule(boto: Boto) -> Any:
    """`schedule(expression, arn, **target)`: a new schedule's name; it goes with the test."""
    made = []

    def create(expression: str, target: str, timezone: str = "UTC", state: str = "ENABLED", **more: Any) -> str:
        made.append(f"test-{uuid4().hex[:8]}")
        boto("scheduler").create_schedule(
            Name=made[-1],
            ScheduleExpression=expression,
            ScheduleExpressionTimezone=timezone,
            State=state,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": ROLE, **more},
        )
        return made[-1]

    yield create
    for name in made:
        boto("scheduler").delete_schedule(Name=name)


def queue(boto: Boto) -> tuple[str, str]:
    name = f"test-{uuid4().hex[:8]}"
    return boto("sqs").create_queue(QueueName=name)["QueueUrl"], arn("sqs", name)


def bodies(boto: Boto, url: str) -> list[str]:
    return [
        each["Body"] for each in boto("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]


def test_a_schedule_starts_its_build_at_its_local_time_and_at_no_other(
    emulator: Emulator, boto: Boto, schedule: Any
) -> None:
    spec = json.dumps({"version": 0.2, "phases": {"build": {"commands": ["echo started by a schedule"]}}})
    name = project(boto, spec)
    due = schedule("cron(0 14 * * ? *)", arn("codebuild", f"project/{name}"), "Europe/Berlin")
    schedule("cron(0 12 * * ? *)", arn("codebuild", f"project/{name}"), "UTC", "DISABLED")
    for other in (NOON - timedelta(minutes=1), NOON + timedelta(hours=2)):
        assert emulator.fire_schedules(other) == []
    assert emulator.fire_schedules(NOON) == [{"schedule": due, "target": arn("codebuild", f"project/{name}")}]
    [build] = boto("codebuild").list_builds_for_project(projectName=name)["ids"]
    ended = until(lambda: build_of(boto, build), lambda found: found["buildComplete"])
    assert ended["buildStatus"] == "SUCCEEDED"
    assert "started by a schedule" in log(boto, ended)


def test_a_rate_counts_from_when_its_schedule_was_made(emulator: Emulator, boto: Boto, schedule: Any) -> None:
    url, target = queue(boto)
    name = schedule("rate(5 minutes)", target, Input="tick")
    made = boto("scheduler").get_schedule(Name=name)["CreationDate"].replace(second=0, microsecond=0)
    fired = [minute for minute in range(11) if emulator.fire_schedules(made + timedelta(minutes=minute))]
    assert fired == [5, 10]
    assert bodies(boto, url) == ["tick", "tick"]


def test_what_cannot_be_started_is_told_and_lies_in_the_dead_letter_queue(
    emulator: Emulator, boto: Boto, schedule: Any
) -> None:
    url, dead = queue(boto)
    letters = {"DeadLetterConfig": {"Arn": dead}, "Input": LETTER}
    schedule("cron(0 12 * * ? *)", arn("codebuild", "project/nobody"), **letters)
    schedule("cron(0 12 * * ? *)", arn("states", "stateMachine:nobody"), **letters)
    errors = [each["error"] for each in emulator.fire_schedules(NOON)]
    assert "nobody" in errors[0]
    assert "the emulator's schedules start codebuild, ecs, lambda, sqs, and not states" in errors[1]
    assert bodies(boto, url) == [LETTER] * 2


def test_the_emulators_own_clock_fires_each_minute(boto: Boto, schedule: Any) -> None:
    url, target = queue(boto)
    # At the least half a minute is left to make the schedule in.
    soon = datetime.now(UTC) + timedelta(seconds=90)
    schedule(f"cron({soon.minute} {soon.hour} {soon.day} {soon.month} ? {soon.year})", target, Input="by the clock")
    assert until(lambda: bodies(boto, url), bool) == ["by the clock"]
