"""Tasks and functions of a tenant in the emulated AWS: made, changed in everything that people change, destroyed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, materialize

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import engine_of, infra_assets, terraform_stacks
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from buildkit_dagster.terraform.destroy import destroy_stack
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plan import Plan
from tests.scenario import edited, write_platform

SALES, CUSTOMERS = "config/jobs/acme/sales.yaml", "config/jobs/acme/customers.yaml"
STACKS = {"bootstrap", "registry"}
NAME = "harbour-dev-acme-%s"

FUNCTION = """\
schedule: cron(0 2 * * ? *)
scheduler: eventbridge
infrastructure:
  runtime:
    {type: aws_lambda, memory: 512, timeout: 300, image_uri: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/ingest:1'}
"""
#: Of each file: what is written instead of what.
CHANGES: Mapping[str, Mapping[str, str]] = {
    CUSTOMERS: {
        "memory: 512": "memory: 1024, ephemeral_storage: 2048",
        "timeout: 300": "timeout: 600",
        "ingest:1": "ingest:2",
        "cron(0 2 * * ? *)": "cron(30 4 ? * MON *)\ntimezone: Europe/Berlin",
    },
    SALES: {
        "cpu: 256, memory: 512": "cpu: 512, memory: 2048",
        "rate(12 hours)": "rate(6 hours)",
        "retention_days: 730": "retention_days: 90",
    },
}


@dataclass
class Ground:
    """A platform folder whose other stacks stand."""

    folder: Path
    process: ProcessEnvironment

    @property
    def platform(self) -> Platform:
        return load_platform(self.folder, "dev")

    @property
    def aws(self) -> Aws:
        return aws_for(self.platform, self.process)

    def engine(self) -> Engine:
        platform = self.platform
        [stack] = [stack for stack in terraform_stacks(platform) if stack.name == "ingest-acme"]
        engine = engine_of(platform, stack, self.process)
        engine.write()
        engine.init()
        return engine

    def converge(self) -> Plan:
        """What was planned before it was applied."""
        engine = self.engine()
        plan = engine.plan()
        assert list(engine.apply(plan))
        return plan

    def function(self) -> dict[str, Any]:
        found: dict[str, Any] = self.aws.client("lambda").get_function(FunctionName=NAME % "customers")
        return found

    def schedule(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.aws.client("scheduler").get_schedule(Name=NAME % f"{job}_schedule")
        return found

    def task(self) -> dict[str, Any]:
        found: dict[str, Any] = self.aws.client("ecs").describe_task_definition(taskDefinition=NAME % "sales")
        return dict(found["taskDefinition"])


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = write_platform(tmp_path_factory.mktemp("platform"))
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", "raw: {}")
    edited(folder, SALES, "rate(12 hours)", "rate(12 hours)\nscheduler: eventbridge")
    with (folder / CUSTOMERS).open("a") as file:
        file.write(FUNCTION)
    made = Ground(folder, replace(read_environment(), endpoint=None))
    emulator = start_emulator(state_dir=made.platform.work, repositories={}, owner_pid=os.getpid())
    stacks = infra_assets(made.platform, made.process)
    assert materialize([stack for stack in stacks if {key.path[1] for key in stack.keys} <= STACKS]).success
    made.converge()
    yield made
    stop_emulator(emulator)


@pytest.mark.parity("B-1", "B-7", "B-91", "B-92", "B-95", "B-96", "B-100", "B-102", "B!5", "B!13", "B!16", "B!18")
def test_a_tenants_units_stand_from_nothing_with_all_they_need(ground: Ground) -> None:
    function, task = ground.function(), ground.task()
    configuration = function["Configuration"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 300)
    assert configuration["LoggingConfig"]["LogGroup"] == "/buildkit/harbour/dev/ingest/acme/customers"
    assert function["Tags"]["asset_name"] == "till_customers"
    started = ground.schedule("sales")["Target"]
    assert started["EcsParameters"]["PropagateTags"] == "TASK_DEFINITION"
    assert started["DeadLetterConfig"]["Arn"].endswith(NAME % "sales_unstarted")
    assert ground.schedule("customers")["Target"]["Arn"] == configuration["FunctionArn"]
    container = task["containerDefinitions"][0]
    assert (task["cpu"], task["memory"], container["logConfiguration"]["options"]["awslogs-group"]) == (
        *("256", "512"),
        "/buildkit/harbour/dev/ingest/acme/sales",
    )
    assert task["executionRoleArn"].endswith(NAME % "sales_start")
    assert task["taskRoleArn"].endswith(NAME % "sales")
    [group] = ground.aws.client("logs").describe_log_groups(logGroupNamePrefix="/buildkit/harbour/dev/ingest/acme/sa")[
        "logGroups"
    ]
    assert group["retentionInDays"] == 731
    assert group["kmsKeyId"]
    alarms = ground.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == [
        *(NAME % f"customers_failed-{kind}" for kind in ("errors", "throttles")),
        NAME % "sales_failed",
    ]
    assert ground.engine().plan().is_empty


def test_all_that_people_change_is_changed_and_then_nothing_is_left_to_do(ground: Ground) -> None:
    for file, changes in CHANGES.items():
        for old, new in changes.items():
            edited(ground.folder, file, old, new)
    plan = ground.converge()
    assert {change.type for change in plan.resources if "delete" in change.actions} == {"aws_ecs_task_definition"}
    function, task, schedule = ground.function(), ground.task(), ground.schedule("customers")
    configuration = function["Configuration"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (1024, 600)
    assert configuration["EphemeralStorage"] == {"Size": 2048}
    assert function["Code"]["ImageUri"].endswith("ingest:2")
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == (
        "cron(30 4 ? * MON *)",
        "Europe/Berlin",
    )
    assert ground.schedule("sales")["ScheduleExpression"] == "rate(6 hours)"
    assert (task["cpu"], task["memory"]) == ("512", "2048")
    groups = ground.aws.client("logs").describe_log_groups(logGroupNamePrefix="/buildkit/harbour/dev/ingest/acme/sa")
    assert [group["retentionInDays"] for group in groups["logGroups"]] == [90]
    assert ground.engine().plan().is_empty


@pytest.mark.parity("B-1")
def test_the_function_that_terraform_made_loads_its_table(ground: Ground, tmp_path: Path) -> None:
    push_image(ground, "ingest", "2")
    s3, platform = ground.aws.client("s3"), ground.platform
    bucket, region = platform.names.bucket("raw"), {"LocationConstraint": platform.config.region}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
    s3.put_object(Bucket=bucket, Key="customers/a.csv", Body=b"id\n1\n2\n")
    [table] = [one for one in ingest_assets(platform, ground.process) if one.key.path[-1] == "customers"]
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = materialize([table], instance=instance)
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["dagster/row_count"].value == 2


def push_image(ground: Ground, name: str, tag: str) -> None:
    """An image of nothing: in the emulator it names what would run."""
    ecr, kind = ground.aws.client("ecr"), "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"size": 0}, "layers": []}
    ecr.create_repository(repositoryName=name)
    ecr.put_image(repositoryName=name, imageTag=tag, imageManifest=json.dumps(manifest))


def test_destroying_it_leaves_nothing_of_it(ground: Ground) -> None:
    assert destroy_stack(ground.engine())
    client = ground.aws.client
    assert client("lambda").list_functions()["Functions"] == []
    assert client("scheduler").list_schedules()["Schedules"] == []
    assert client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert client("events").list_rules()["Rules"] == []
    assert "QueueUrls" not in client("sqs").list_queues()
    assert ground.engine().state().resources == ()
