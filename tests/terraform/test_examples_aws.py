"""The two jobs of terraform/examples/aws, from a Git address, in the emulated AWS."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.data import data_path
from buildkit_dagster.process import run
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform.test_modules import EmulatedCloud

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "terraform/examples/aws"
REGION = "us-east-1"

#: B-127
THEIRS = {"aws_region", "image_uri", "ecs_cluster_name", "ecs_cluster_arn", "subnet_ids", "security_group_ids"}


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The example behind a Git address, with the modules it calls."""
    repository = tmp_path / "repository"
    shutil.copytree(data_path("modules"), repository / "terraform" / "modules")
    shutil.copytree(EXAMPLE, repository / "terraform" / "examples" / "aws")
    identity = ("-c", "user.name=example", "-c", "user.email=example@example.com")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Examples")):
        done = run(["git", *command], cwd=repository, env={"PATH": "/usr/bin:/bin"}, timeout=60)
        assert done.returncode == 0, done.stderr
    return f"git::file://{repository}//terraform/examples/aws?ref=main"


@pytest.fixture
def engine(tmp_path: Path, address: str, aws_env: Mapping[str, str], boto: Callable[[str], Any]) -> Engine:
    subnets = [subnet["SubnetId"] for subnet in boto("ec2").describe_subnets()["Subnets"]][:2]
    cluster = boto("ecs").create_cluster(clusterName="dativo-cluster")["cluster"]
    call = {
        "source": address,
        "aws_region": REGION,
        "image_uri": "dativo/dativo-ingest:1.4",
        "ecs_cluster_name": cluster["clusterName"],
        "ecs_cluster_arn": cluster["clusterArn"],
        "subnet_ids": subnets,
    }
    outputs = {name: {"value": f"${{module.jobs.{name}}}"} for name in ("run_task", "log_group_names")}
    folder = tmp_path / "root"
    folder.mkdir()
    root = {"provider": {"aws": {"region": REGION}}, "module": {"jobs": call}, "output": outputs}
    (folder / "main.tf.json").write_text(json.dumps(root))
    made = Engine(TerraformStack(folder), EmulatedCloud(aws_env, boto), "example", lambda _: None)
    made.write()
    made.init()
    return made


@pytest.mark.parity(
    *("B-6", "B-8", "B-90", "B-91", "B-92", "B-93", "B-94", "B-95", "B-96", "B-97", "B-98", "B-100", "B-102", "B-125"),
    *("B-127", "B!5", "B!13", "B!16", "B!18"),
)
def test_both_jobs_stand_and_one_is_started_every_night(engine: Engine, boto: Callable[[str], Any]) -> None:
    assert list(engine.apply(engine.plan()))
    assert engine.plan().is_empty
    ecs = boto("ecs")
    for name, cpu, memory, center in (
        ("hubspot-contacts", "1024", "2048", "ENG-001"),
        ("stripe-customers", "2048", "4096", "FIN-001"),
    ):
        found = ecs.describe_task_definition(taskDefinition=f"acme-prod-{name}", include=["TAGS"])
        definition, tags = found["taskDefinition"], {tag["key"]: tag["value"] for tag in found["tags"]}
        assert (definition["cpu"], definition["memory"]) == (cpu, memory)
        assert definition["executionRoleArn"] != definition["taskRoleArn"]
        assert (tags["finops_cost_center"], tags["managed_by"]) == (center, "buildkit-dagster")
        [container] = definition["containerDefinitions"]
        assert container["image"] == "dativo/dativo-ingest:1.4"
        assert container["environment"][0]["name"] == "JOB_CONFIG_PATH"
    schedule = boto("scheduler").get_schedule(Name="acme-prod-stripe-customers_schedule")
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == ("cron(0 2 * * ? *)", "UTC")
    assert schedule["Target"]["EcsParameters"]["TaskDefinitionArn"].endswith("acme-prod-stripe-customers")
    assert schedule["Target"]["EcsParameters"]["PropagateTags"] == "TASK_DEFINITION"
    command = shlex.split(engine.state().outputs["run_task"])
    assert command[:7] == [
        *("aws", "ecs", "run-task", "--cluster", "dativo-cluster", "--task-definition"),
        "acme-prod-hubspot-contacts",
    ]
    [passed] = [
        statement
        for statement in boto("iam").get_role_policy(
            RoleName="acme-prod-stripe-customers_schedule", PolicyName="start"
        )["PolicyDocument"]["Statement"]
        if statement["Action"] == ["iam:PassRole"]
    ]
    assert {arn.split("/")[-1] for arn in passed["Resource"]} == {
        "acme-prod-stripe-customers",
        "acme-prod-stripe-customers_start",
    }


@pytest.mark.parity("B-127")
def test_the_example_takes_the_variables_of_the_guides_example() -> None:
    assert set(re.findall(r'^variable "(\w+)"', (EXAMPLE / "variables.tf").read_text(), re.MULTILINE)) == THEIRS


@pytest.mark.parity(
    *("B-90", "B-91", "B-92", "B-93", "B-94", "B-95", "B-96", "B-97", "B-98", "B-100", "B-101", "B-102"),
)
def test_what_stands_in_place_of_dativos_variables_and_outputs_is_there() -> None:
    text = (REPOSITORY / "docs/ingest-aws.md").read_text()
    table = re.findall(r"^\| (B-\d+) \| `\w+` \| (.*) \|$", text, re.MULTILINE)
    assert {row for row, _ in table} >= {f"B-{number}" for number in (*range(90, 99), 100, 101, 102)}
    modules = data_path("modules")
    ours = {
        name
        for module in ("ingest_ecs_task", "ingest_lambda", "ingest_schedule")
        for file in ("variables.tf", "outputs.tf")
        for name in re.findall(r'^(?:variable|output) "(\w+)"', (modules / module / file).read_text(), re.MULTILINE)
    }
    for row, said in table:
        if row in {f"B-{number}" for number in range(90, 103)} and not said.startswith("none"):
            assert set(re.findall(r"`(\w+)", said)) & ours, f"{row}: {said}"
