"""Schedules that stay in AWS: what EventBridge Scheduler has once the stacks are applied, and what it starts."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest
from dagster import materialize

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.image import image_assets
from buildkit_dagster.defs.infra import infra_assets
from buildkit_dagster.emulator.control import running_emulator, start_emulator, stop_emulator
from buildkit_dagster.stacks.registry import pipes_folder
from tests.scenario import edited, write_platform

PROJECTS = "config/codebuild-config.yml"
SALES, CUSTOMERS = "config/jobs/acme/sales.yaml", "config/jobs/acme/customers.yaml"
IN_AWS = "schedule: cron(0 3 * * ? *)\nscheduler: eventbridge\n"
FUNCTION = f"{IN_AWS}infrastructure:\n  runtime: {{type: aws_lambda, memory: 512, timeout: 300}}\n"
OBJECTS = {
    "sales/2013-01.csv": "id,amount,sold_at\n1,2.5,2013-01-02 10:00:00\n2,3.5,2013-01-03 11:00:00\n",
    "customers/all.csv": "id\n7\n8\n9\n",
}
#: The last weekday of June 2027: three in UTC, half past six in Berlin.
LOADS, BUILD = datetime(2027, 6, 30, 3, 0, tzinfo=UTC), datetime(2027, 6, 30, 4, 30, tzinfo=UTC)
PATIENCE = 600.0


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose jobs and project are started by EventBridge, all they stand on, and something to load."""
    folder = write_platform(tmp_path_factory.mktemp("platform"))
    edited(folder, PROJECTS, "    timeout: 30", "    scheduler: eventbridge\n    timezone: Europe/Berlin")
    edited(folder, PROJECTS, "schedule: cron(0 2 * * ? *)", "schedule: 30 6 LW * ? *")
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", "raw: {}")
    edited(folder, SALES, "schedule: rate(12 hours)\n", IN_AWS)
    (folder / CUSTOMERS).write_text((folder / CUSTOMERS).read_text() + FUNCTION)
    platform = load_platform(folder, "dev")
    shop = {"example-org/harbour-dbt": folder / "dbt_projects/shop"}
    # What is counted here is what is fired here, also at three o'clock.
    emulator = start_emulator(state_dir=platform.work, repositories=shop, owner_pid=os.getpid(), clock=False)
    process = aws_of(platform).process
    assert materialize([*infra_assets(platform, process), *image_assets(platform, process)]).success
    for connection in aws_of(platform).client("codeconnections").list_connections()["Connections"]:
        emulator.approve_connection(connection["ConnectionArn"])
    for key, text in OBJECTS.items():
        aws_of(platform).client("s3").put_object(Bucket=platform.names.bucket("raw"), Key=key, Body=text.encode())
    yield platform
    stop_emulator(emulator)


def aws_of(platform: Platform) -> Aws:
    return aws_for(platform, replace(read_environment(), endpoint=None))


@pytest.mark.parity("A-7", "A!28")
def test_eventbridge_starts_the_project_when_its_entry_says(platform: Platform) -> None:
    aws = aws_of(platform)
    name, project = platform.names.build_schedule("shop"), platform.names.codebuild_project("shop")
    (build,) = aws.client("codebuild").batch_get_projects(names=[project])["projects"]
    found = aws.client("scheduler").get_schedule(Name=name)
    assert (found["ScheduleExpression"], found["State"]) == ("cron(30 6 LW * ? *)", "ENABLED")
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["Target"]["Arn"] == build["arn"]
    assert found["Target"]["RoleArn"].endswith(f":role/{name}")
    policy = aws.client("iam").get_role_policy(RoleName=name, PolicyName="start")["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["codebuild:StartBuild"], [build["arn"]])


@pytest.mark.parity("A-7", "A-18", "B-7", "B-8", "B-96", "B-97", "B!18")
def test_eventbridge_alone_loads_in_a_task_and_a_function_and_builds_what_reads_it(platform: Platform) -> None:
    names, aws, emulator = platform.names, aws_of(platform), running_emulator(platform.work)
    assert emulator is not None
    for times in (1, 2):
        started = {each["schedule"]: each.get("error") for each in emulator.fire_schedules(LOADS)}
        assert started == dict.fromkeys(names.job_schedule("acme", job) for job in ("sales", "customers"))
        wait_until(lambda times=times: len(exit_codes(platform)) == len(outcomes(platform)) == times, platform)
        wait_until(lambda: not emulator.call("GET", "processes")["processes"], platform)
        assert exit_codes(platform) == [0] * times
    with duckdb.connect(str(platform.warehouse_path)) as warehouse:
        assert warehouse.execute("SELECT id FROM till.sales ORDER BY 1").fetchall() == [(1,), (2,)]
        assert warehouse.execute("SELECT id FROM till.customers ORDER BY 1").fetchall() == [(7,), (8,), (9,)]

    [fired] = emulator.fire_schedules(BUILD)
    assert (fired["schedule"], "error" in fired) == (names.build_schedule("shop"), False)
    codebuild = aws.client("codebuild")
    [build] = codebuild.list_builds_for_project(projectName=names.codebuild_project("shop"))["ids"]
    wait_until(lambda: codebuild.batch_get_builds(ids=[build])["builds"][0]["buildComplete"], platform)
    ended = codebuild.batch_get_builds(ids=[build])["builds"][0]
    logs = ended["logs"]
    said = aws.client("logs").get_log_events(logGroupName=logs["groupName"], logStreamName=logs["streamName"])
    text = "\n".join(each["message"] for each in said["events"])
    assert ended["buildStatus"] == "SUCCEEDED", text
    assert "Completed successfully" in text


def exit_codes(platform: Platform) -> list[int]:
    """Those of all tasks that have stopped."""
    ecs, cluster = aws_of(platform).client("ecs"), platform.names.cluster()
    stopped = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
    found = ecs.describe_tasks(cluster=cluster, tasks=stopped)["tasks"] if stopped else []
    return [task["containers"][0]["exitCode"] for task in found]


def outcomes(platform: Platform) -> list[str]:
    """What the calls of the function noted when they were done."""
    bucket, folder = platform.names.bucket("artifacts"), pipes_folder("acme", "customers")
    found = aws_of(platform).client("s3").list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", ())
    return [item["Key"] for item in found if item["Key"].endswith("/outcome")]


def wait_until(ready: Callable[[], bool], platform: Platform) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, (platform.work / "emulator.log").read_text()
        time.sleep(0.5)
