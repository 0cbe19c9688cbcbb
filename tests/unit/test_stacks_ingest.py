"""The units of ingest jobs in AWS as data: what each job says of itself is what its module gets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from dagster_pipes import PipesMappingParamsLoader
from hypothesis import assume, given
from hypothesis import strategies as st

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.errors import InvalidPlatform
from buildkit_dagster.naming import LIMITS, Names, identifier
from buildkit_dagster.runtimes.ingest import request_for
from buildkit_dagster.stacks.standalone import standalone_root
from buildkit_dagster.terraform.rendered_root import Ref, Text, UnitRef
from tests.policies import allows
from tests.scenario import edited, write_platform
from tests.unit.test_stacks import calls_of, roots_of

SALES, CUSTOMERS = "config/jobs/acme/sales.yaml", "config/jobs/acme/customers.yaml"
ACCOUNT = "123456789012"

FUNCTION = """\
schedule: cron(0 2 * * ? *)
timezone: Europe/Berlin
scheduler: eventbridge
infrastructure:
  runtime: {type: aws_lambda, memory: 512, timeout: 300, ephemeral_storage: 1024}
"""


def written(folder: Path, job: str, text: str) -> Path:
    """The platform's folder with more said in a job's file."""
    with (folder / job).open("a") as file:
        file.write(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`customers` is a function that EventBridge starts, `sales` a task that it starts."""
    edited(write_platform(tmp_path), SALES, "rate(12 hours)", "rate(12 hours)\nscheduler: eventbridge")
    return written(tmp_path, CUSTOMERS, FUNCTION)


@pytest.fixture
def platform(folder: Path) -> Platform:
    return load_platform(folder, "dev")


def statements(platform: Platform) -> str:
    """The boundary of everything that works."""
    given = next(call.inputs for call in calls_of(platform).values() if "workload_boundary" in call.inputs)
    policy: str = given["workload_boundary"]["policy"]
    return policy


@pytest.mark.parity("B-1", "B!18")
def test_a_tenants_stack_holds_tasks_and_functions_with_their_schedules(platform: Platform) -> None:
    assert [(call.name, call.module) for call in roots_of(platform)["ingest-acme"].calls] == [
        ("customers", "ingest_lambda"),
        ("customers__schedule", "ingest_schedule"),
        ("sales", "ingest_ecs_task"),
        ("sales__schedule", "ingest_schedule"),
    ]


@pytest.mark.parity("B-91", "B-92", "B-94", "B!15", "B!18")
def test_a_function_gets_what_its_job_says(platform: Platform) -> None:
    inputs = calls_of(platform)["ingest-acme/customers"].inputs
    said = ("name", "role_name", "memory", "timeout", "ephemeral_storage", "dead_letter_queue_name")
    assert [inputs[name] for name in said] == [
        *("harbour-dev-acme-customers", "harbour-dev-acme-customers", 512, 300, 1024),
        "harbour-dev-acme-customers_failed",
    ]
    assert inputs["image"] == Text(Ref("registry", "repository", "url"), ":3f1c9a20b7de0000")
    assert inputs["command"] == ["buildkit_dagster.runtimes.entrypoints.lambda_handler.handler"]
    assert "vpc_config" not in inputs


@pytest.mark.parity("B-93")
def test_a_function_is_where_the_platforms_tasks_are(folder: Path) -> None:
    network = "  region: eu-west-1\n  network: {subnets: [subnet-1], security_groups: [sg-1]}"
    edited(folder, "config/platform.yaml", "  region: eu-west-1", network)
    assert calls_of(load_platform(folder, "dev"))["ingest-acme/customers"].inputs["vpc_config"] == {
        "vpc_id": Ref("registry", "cluster", "vpc_id"),
        "subnet_ids": ["subnet-1"],
        "security_group_ids": ["sg-1"],
    }


@pytest.mark.parity("B-102", "B!16")
@pytest.mark.parametrize(("days", "kept"), [(1, 1), (2, 3), (365, 365), (366, 400), (3653, 3653), (3654, 0)])
def test_logs_are_kept_at_least_as_long_as_the_data(folder: Path, days: int, kept: int) -> None:
    edited(folder, SALES, "retention_days: 730", f"retention_days: {days}")
    assert calls_of(load_platform(folder, "dev"))["ingest-acme/sales"].inputs["log_retention_days"] == kept


@pytest.mark.parity("B!16")
def test_what_must_be_encrypted_has_a_key_of_its_own_and_nothing_else_has(platform: Platform) -> None:
    keys = {name: calls_of(platform)[f"ingest-acme/{name}"].inputs["own_key"] for name in ("sales", "customers")}
    assert keys == {"sales": True, "customers": False}


@pytest.mark.parity("B!16")
def test_alarms_tell_the_platforms_topic(folder: Path, platform: Platform) -> None:
    assert calls_of(platform)["ingest-acme/sales"].inputs["alarm_topic_arns"] == []
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms"
    told = f"  region: eu-west-1\n  notifications: {{sns-notification: {{active: true, topic_arn: '{topic}'}}}}"
    edited(folder, "config/platform.yaml", "  region: eu-west-1", told)
    for name in ("sales", "customers"):
        assert calls_of(load_platform(folder, "dev"))[f"ingest-acme/{name}"].inputs["alarm_topic_arns"] == [topic]


@pytest.mark.parity("B-7", "B-96", "B-132")
def test_a_schedule_that_stays_in_aws_starts_its_own_job_in_its_time_zone(platform: Platform) -> None:
    calls = calls_of(platform)
    function, task = (calls[f"ingest-acme/{name}__schedule"].inputs for name in ("customers", "sales"))
    assert (function["expression"], function["timezone"]) == ("cron(0 2 * * ? *)", "Europe/Berlin")
    assert function["function"]["arn"] == UnitRef("customers", "function_arn")
    assert task["task"]["cluster_arn"] == Ref("registry", "cluster", "arn")
    assert task["task"]["task_definition_arn"] == UnitRef("sales", "family_arn")
    assert task["task"]["role_arns"] == [
        UnitRef("sales", "execution_role_arn"),
        UnitRef("sales", "task_role_arn"),
    ]
    assert [found.name for found in schedules(platform)] == ["dbt_shop_schedule"]


@pytest.mark.parity("B-97", "B-98")
def test_what_eventbridge_starts_finds_its_request_in_a_session_of_its_own(platform: Platform) -> None:
    calls = calls_of(platform)
    event = json.loads(calls["ingest-acme/customers__schedule"].inputs["function"]["event"])
    assert event["call"] == {
        "bucket": f"harbour-dev-artifacts-{ACCOUNT}-eu-west-1",
        "folder": "pipes/acme/customers/",
        "run": "eventbridge",
        "name": "<aws.scheduler.execution-id>",
    }
    for name, session in (("customers", event["session"]), ("sales", calls["ingest-acme/sales"].inputs["environment"])):
        [job] = [job for job in platform.ingest_jobs if job.name == name]
        loader = PipesMappingParamsLoader(session)
        assert loader.is_dagster_pipes_process()
        context = loader.load_context_params()["data"]
        assert context["asset_keys"] == [f"till/{name}"]
        assert context["extras"]["request"] == json.loads(json.dumps(request_for(platform, job).to_extras()))
        assert loader.load_messages_params() == {"stdio": "stderr"}


def test_a_root_of_the_jobs_own_has_its_schedule_too(platform: Platform) -> None:
    [job] = [job for job in platform.ingest_jobs if job.name == "sales"]
    root = standalone_root(platform, job, {"platform": "3f1c9a20b7de0000"})
    assert [call.name for call in root.calls] == ["sales", "sales__schedule"]
    assert {call.inputs["tags"]["buildkit_unit"].split("/")[0] for call in root.calls} == {root.stack}


@pytest.mark.parity("B!16")
def test_the_boundary_lets_schedules_start_their_jobs_and_hand_out_their_roles_only(platform: Platform) -> None:
    boundary, arn = statements(platform), f"arn:aws:%s:eu-west-1:{ACCOUNT}:%s"
    role, to_tasks = f"arn:aws:iam::{ACCOUNT}:role/harbour-dev-%s", {"iam_PassedToService": "ecs-tasks.amazonaws.com"}
    assert allows(boundary, "ecs:RunTask", arn % ("ecs", "task-definition/harbour-dev-acme-sales:7"))
    assert allows(boundary, "iam:PassRole", role % "acme-sales", **to_tasks)
    assert allows(boundary, "iam:PassRole", role % "acme-sales_start", **to_tasks)
    assert allows(boundary, "lambda:InvokeFunction", arn % ("lambda", "function:harbour-dev-acme-customers"))
    for action, resource in (
        ("ecs:RunTask", arn % ("ecs", "task-definition/harbour-dev-acme-other:7")),
        ("iam:PassRole", role % "github-apply"),
        ("iam:PassRole", role % "acme-customers"),
        ("lambda:InvokeFunction", arn % ("lambda", "function:harbour-dev-acme-sales")),
    ):
        assert not allows(boundary, action, resource, **to_tasks)
    assert len(boundary) < 6144


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "scheduler: cloud_scheduler\nschedule: rate(1 day)\n",
            "'cloud_scheduler' cannot start a job in aws_ecs_fargate; allowed: dagster, eventbridge",
        ),
        ("scheduler: eventbridge\n", "'eventbridge' starts the job by its `schedule`, which is missing"),
        (
            "scheduler: eventbridge\nschedule: rate(1 day)\ninfrastructure: {runtime: {type: local}}\n",
            "'eventbridge' cannot start a job in local; allowed: dagster",
        ),
        ("scheduler: cron\n", "'cron' is not allowed"),
    ],
)
@pytest.mark.parity("B-132")
def test_a_scheduler_that_could_start_nothing_is_a_problem(tmp_path: Path, said: str, message: str) -> None:
    written(write_platform(tmp_path), CUSTOMERS, said)
    with pytest.raises(InvalidPlatform, match=re.escape(message)):
        load_platform(tmp_path, "dev")


slugs = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
short = st.from_regex(r"(dbt|image|github|a|b|dev|start|failed)(-(a|b|start|failed|dev)){0,2}", fullmatch=True)
entries = st.from_regex(r"[a-z][a-z0-9_-]{0,59}", fullmatch=True)
places = st.tuples(slugs | short, slugs | short, entries | short)

KINDS = {"iam_role": ("", "start"), "schedule": ("schedule",), "event_rule": ("failed",), "ecs_task_family": ("",)}
SERVICES = {**KINDS, "lambda_function": ("",), "sqs_queue": ("failed", "unstarted")}


def names_of(place: tuple[str, str, str]) -> dict[str, set[str]]:
    """Every name a job has, by service; `place` is environment, tenant and job."""
    segment, tenant, job = place
    made = Names("harbour", segment, ACCOUNT, "eu-west-1")
    named = {
        service: {made.of_job(service, tenant, job, kind) for kind in kinds} for service, kinds in SERVICES.items()
    }
    return {**named, "log_group": {made.log_group("ingest", tenant, job)}}


def plain(place: tuple[str, str, str]) -> tuple[str, ...]:
    """Configuration refuses two that differ in less."""
    return tuple(identifier(part).lower() for part in place)


@pytest.mark.parity("B-11", "B!15")
@given(places, places)
def test_two_environments_tenants_or_jobs_never_share_a_name(one: Any, other: Any) -> None:
    assume(plain(one) != plain(other))
    theirs = names_of(other)
    for service, names in names_of(one).items():
        assert not names & theirs[service], service
        assert all(len(name) <= LIMITS[service] for name in names)
        assert all(re.fullmatch(r"[A-Za-z0-9_/-]+", name) for name in names)
        assert len(names) == len({*SERVICES.get(service, ("",))})


@given(places, st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True))
def test_a_jobs_role_is_never_a_projects_or_the_platforms(place: Any, project: str) -> None:
    made = Names("harbour", place[0], ACCOUNT, "eu-west-1")
    platforms = {made.plan_role(), made.apply_role(), made.approver_role(), made.role("dbt", project)}
    platforms |= {made.role("image-builder"), made.role("workload-boundary"), made.build_schedule(project)}
    assert not names_of(place)["iam_role"] & platforms
