"""What each input of the module `dbt` does, and each key of its file that it hands on, in a region of China."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from buildkit_dagster.emulator.control import Emulator
from tests.module_roots import ACCOUNT, ModuleRoot
from tests.policies import allows

REGION = "cn-north-1"
EXISTING = f"arn:aws-cn:codeconnections:{REGION}:{ACCOUNT}:connection/ffff"
SECRET = f"arn:aws-cn:secretsmanager:{REGION}:{ACCOUNT}:secret:%s-a1b2c3"
IMAGES, TOOLS = (f"arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/{name}" for name in ("wharf-dev-dbt", "tools/dbt"))
QUEUE, TABLE = f"arn:aws-cn:sqs:{REGION}:{ACCOUNT}:told", f"arn:aws-cn:dynamodb:{REGION}:{ACCOUNT}:table/seen"
DENIED = {"effect": "Deny", "actions": ["s3:DeleteObject"], "resources": ["arn:aws-cn:s3:::lake/marts/audit/*"]}
EVERYBODYS, OWN = (f"arn:aws-cn:iam::{ACCOUNT}:policy/wharf-{name}" for name in ("everybodys", "own"))
LONG = "a-project-whose-name-is-nearly-as-long-as-a-name-may-be-number-"


def entry(name: str, **more: Any) -> Mapping[str, Any]:
    start = {"active": True, "org": "acme", "repo": "marts", "engine": "snowflake", "commands": ["dbt build"]}
    return {"name": name, **start, **more}


ENTRIES = (
    entry(
        "marts",
        branch="release",
        schedule="'0 3 * * ? *'",
        timezone="Asia/Shanghai",
        secrets_manager_variables=[{"DB_PASSWORD": f"{SECRET % 'marts'}:password::"}],
        policy_statements=[{"actions": ["sqs:SendMessage"], "resources": [QUEUE]}],
        policy_arns=[OWN],
    ),
    entry("tools", org="approved-org", ecr_repository="tools/dbt", schedule="rate(12 hours)"),
    entry("pinned", ecr_repository="tools/dbt", ecr_image_tag="1.2"),
    entry("over-ssh", org="nobody", branch="hotfix", deploy_key=SECRET % "deploy"),
    entry("lake", engine="athena", policy_statements=[DENIED]),
    entry("custom", engine="athena", iam="custom"),
    entry(f"{LONG}1", schedule="cron(0 4 ? * MON-FRI *)"),
    entry(f"{LONG}2", schedule="cron(0 5 ? * MON-FRI *)"),
)
STATEMENT = {
    "actions": ["dynamodb:GetItem"],
    "resources": [TABLE],
    "condition": {"StringEquals": {"aws:SourceVpc": ["vpc-1"]}},
}
CALLS: Mapping[str, Mapping[str, Any]] = {
    "registry": {
        "source": "registry",
        "name": "wharf",
        "environment": "dev",
        "organizations": ["acme", "approved-org"],
        "existing_connections": {"approved-org": EXISTING},
    },
    "dbt": {
        "source": "dbt",
        "name": "wharf",
        "environment": "dev",
        "config_file": "${path.root}/codebuild-config.yml",
        "image": "${module.registry.repository_url}:3f1c9a20b7de",
        "image_tag": "stable",
        "connection_arns": "${module.registry.connection_arns}",
        "warehouses": {"athena": {"locations": ["s3://lake/marts/"], "read_locations": ["s3://lake/raw/"]}},
        "policy_statements": [STATEMENT],
        "additional_policy_arns": [EVERYBODYS],
    },
}


@dataclass(frozen=True)
class Made:
    """The calls once they are applied: what they return, and the account they are in."""

    root: ModuleRoot
    registry: Mapping[str, Any]
    dbt: Mapping[str, Any]

    @cached_property
    def builds(self) -> Mapping[str, Mapping[str, Any]]:
        """CodeBuild's projects by their entries."""
        names = {told["name"]: name for name, told in self.dbt["projects"].items()}
        found = self.root.client("codebuild").batch_get_projects(names=list(names))["projects"]
        return {names[one["name"]]: one for one in found}

    @cached_property
    def policies(self) -> Mapping[str, str]:
        """The one policy of its own that each entry's role has."""
        return {name: self.policy(role_of(told)) for name, told in self.dbt["projects"].items()}

    def policy(self, role: str) -> str:
        iam = self.root.client("iam")
        [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])

    def who_may(self, action: str, resource: str, **context: str) -> set[str]:
        """The entries whose builds may do it."""
        return {name for name, policy in self.policies.items() if allows(policy, action, resource, **context)}


@pytest.fixture(scope="module")
def made(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = ModuleRoot(tmp_path_factory.mktemp("dbt"), emulator, REGION)
    for arn in (EVERYBODYS, OWN):
        statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root.client("iam").create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=document)
    (root.folder / "codebuild-config.yml").write_text(json.dumps({"codebuild": ENTRIES}))
    root.write(CALLS)
    return Made(root, **root.apply())


EVERY = {one["name"] for one in ENTRIES}


@pytest.mark.parity("A-72", "A-122", "A!34")
def test_the_region_is_the_providers_in_any_partition(made: Made) -> None:
    assert made.registry["repository_arn"] == IMAGES
    for name, told in made.dbt["projects"].items():
        assert told["arn"] == f"arn:aws-cn:codebuild:{REGION}:{ACCOUNT}:project/{told['name']}"
        assert told["url"].startswith(f"https://{REGION}.console.amazonaws.cn/")
        assert "arn:aws:" not in made.policies[name]


@pytest.mark.parity("A-40", "A-41", "A-125", "A-126", "A-127")
def test_a_build_runs_in_the_image_and_tag_that_are_nearest_to_it(made: Made) -> None:
    shared = f"{made.registry['repository_url']}:3f1c9a20b7de"
    own = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com.cn/tools/dbt"
    images = {name: build["environment"]["image"] for name, build in made.builds.items()}
    assert images == {**dict.fromkeys(EVERY, shared), "tools": f"{own}:stable", "pinned": f"{own}:1.2"}


@pytest.mark.parity("A-138")
def test_a_build_pulls_from_the_repository_of_its_image_and_from_no_other(made: Made) -> None:
    assert made.who_may("ecr:BatchGetImage", TOOLS) == {"tools", "pinned"}
    assert made.who_may("ecr:BatchGetImage", IMAGES) == EVERY - {"tools", "pinned"}
    assert made.who_may("ecr:PutImage", IMAGES) == made.who_may("ecr:PutImage", TOOLS) == set()


@pytest.mark.parity("A-131", "A-32", "A-164")
def test_a_project_has_its_branch_and_its_organizations_connection(made: Made) -> None:
    connected = {name: build for name, build in made.builds.items() if build["source"]["type"] == "GITHUB"}
    assert connected.keys() == EVERY - {"over-ssh"}
    branches = {name: build["sourceVersion"] for name, build in connected.items()}
    assert branches == {**dict.fromkeys(connected, "main"), "marts": "release"}
    connections = {name: build["source"]["auth"]["resource"] for name, build in connected.items()}
    assert connections == {**dict.fromkeys(connected, made.registry["connection_arns"]["acme"]), "tools": EXISTING}


@pytest.mark.parity("A-75", "A-130", "A-131")
def test_a_project_with_a_deploy_key_needs_no_connection_and_has_its_branch_too(made: Made) -> None:
    assert "nobody" not in made.registry["connection_arns"]
    build = made.builds["over-ssh"]
    assert build["source"]["type"] == "NO_SOURCE"
    variables = {one["name"]: one["value"] for one in build["environment"]["environmentVariables"]}
    assert variables["BUILDKIT_REPOSITORY"] == "git@github.com:nobody/marts.git"
    assert variables["BUILDKIT_BRANCH"] == "hotfix"


@pytest.mark.parity("A-137")
def test_a_build_reads_the_secrets_of_its_own_variables_and_no_other(made: Made) -> None:
    assert made.who_may("secretsmanager:GetSecretValue", SECRET % "marts") == {"marts"}
    assert made.who_may("secretsmanager:GetSecretValue", SECRET % "deploy") == {"over-ssh"}
    assert made.who_may("secretsmanager:GetSecretValue", SECRET % "payroll") == set()


@pytest.mark.parity("A-133")
def test_statements_of_the_module_are_every_builds_and_those_of_a_project_its_own(made: Made) -> None:
    assert made.who_may("dynamodb:GetItem", TABLE, aws_SourceVpc="vpc-1") == EVERY
    assert made.who_may("dynamodb:GetItem", TABLE, aws_SourceVpc="vpc-2") == set()
    assert made.who_may("sqs:SendMessage", QUEUE) == {"marts"}
    assert made.who_may("s3:DeleteObject", "arn:aws-cn:s3:::lake/marts/orders") == {"lake"}
    assert made.who_may("s3:DeleteObject", "arn:aws-cn:s3:::lake/marts/audit/1") == set()


@pytest.mark.parity("A-134", "A-136")
def test_the_warehouse_is_opened_as_far_as_it_is_named_and_not_where_permissions_are_custom(made: Made) -> None:
    lake = "arn:aws-cn:s3:::lake"
    assert (
        made.who_may("s3:PutObject", f"{lake}/marts/orders")
        == made.who_may("s3:GetObject", f"{lake}/raw/a")
        == {"lake"}
    )
    assert made.who_may("s3:PutObject", f"{lake}/raw/a") == made.who_may("s3:GetObject", "arn:aws-cn:s3:::x/y") == set()
    assert made.who_may("athena:StartQueryExecution", f"arn:aws-cn:athena:{REGION}:{ACCOUNT}:workgroup/primary") == {
        "lake"
    }


@pytest.mark.parity("A-141", "A-157")
def test_managed_policies_of_the_module_are_attached_to_every_role_and_those_of_a_project_to_its_own(
    made: Made,
) -> None:
    iam = made.root.client("iam")
    attached = {
        name: {one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=role_of(told))["AttachedPolicies"]}
        for name, told in made.dbt["projects"].items()
    }
    assert attached == {**{name: {EVERYBODYS} for name in EVERY}, "marts": {EVERYBODYS, OWN}}


@pytest.mark.parity("A-139", "A-156")
def test_a_projects_role_is_called_as_it_is_and_no_other_project_takes_it_on(made: Made) -> None:
    for name, build in made.builds.items():
        assert build["serviceRole"] == made.dbt["projects"][name]["role_arn"]
        role = made.root.client("iam").get_role(RoleName=build["name"])["Role"]
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "codebuild.amazonaws.com"}
        assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": build["arn"]}
    assert made.builds["marts"]["name"] == "wharf-dev-dbt-marts"
    assert len({build["name"] for build in made.builds.values()}) == len(EVERY)


@pytest.mark.parity("A-140", "A-163")
def test_a_schedules_role_is_called_as_it_is_and_starts_its_own_project_only(made: Made) -> None:
    assert made.dbt["schedules"]["marts"]["name"] == "wharf-dev-dbt-marts-start"
    for name, told in made.dbt["schedules"].items():
        assert role_of(told) == told["name"]
        policy = made.policy(role_of(told))
        started = {
            other for other, build in made.builds.items() if allows(policy, "codebuild:StartBuild", build["arn"])
        }
        assert started == {name}


@pytest.mark.parity("A-149", "A-146", "A-147")
def test_a_schedule_is_told_as_it_was_written_and_as_eventbridge_has_it(made: Made) -> None:
    told = {name: (one["written"], one["expression"]) for name, one in made.dbt["schedules"].items()}
    assert told == {
        "marts": ("'0 3 * * ? *'", "cron(0 3 * * ? *)"),
        "tools": ("rate(12 hours)", "rate(12 hours)"),
        f"{LONG}1": ("cron(0 4 ? * MON-FRI *)",) * 2,
        f"{LONG}2": ("cron(0 5 ? * MON-FRI *)",) * 2,
    }
    assert set(made.dbt["unscheduled"]) == EVERY - told.keys()
    for name, one in made.dbt["schedules"].items():
        found = made.root.client("scheduler").get_schedule(Name=one["name"])
        assert (found["ScheduleExpression"], found["Target"]["Arn"]) == (told[name][1], made.builds[name]["arn"])
        assert found["ScheduleExpressionTimezone"] == ("Asia/Shanghai" if name == "marts" else "UTC")


def role_of(told: Mapping[str, Any]) -> str:
    return str(told["role_arn"].rpartition("/")[2])
