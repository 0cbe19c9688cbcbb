"""What DbtBuildKit's modules made in an account is taken over under the names it has; none of it is made anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import engine_of, terraform_stacks
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.stacks.permissions import apply_policy, workload_boundary
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.adopt import find_adoptions, write_imports
from buildkit_dagster.terraform.engine import Engine
from tests.policies import allows
from tests.scenario import edited, write_platform


@pytest.fixture
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "name: harbour\n", "name: taken\n")
    edited(folder, "config/platform.yaml", "  region: eu-west-1", "  region: us-east-1\n  naming: dbtbuildkit")
    return load_platform(folder, "dev")


def make_theirs(boto: Callable[[str], Any]) -> str:
    """As the modules of DbtBuildKit make them, for project `shop` of `example-org` in `dev`; the connection's ARN."""
    boto("ecr").create_repository(repositoryName="dev-dbtbuildkit", imageScanningConfiguration={"scanOnPush": True})
    connection: str = boto("codeconnections").create_connection(
        ConnectionName="dev-example-org-gh-conn", ProviderType="GitHub"
    )["ConnectionArn"]
    boto("codebuild").create_project(
        name="dev-shop",
        source={
            "type": "GITHUB",
            "location": "https://github.com/example-org/harbour-dbt",
            "gitCloneDepth": 1,
            "auth": {"type": "CODECONNECTIONS", "resource": connection},
            "buildspec": "version: 0.2\nphases: {build: {commands: [dbt-kit execute-commands]}}\n",
        },
        sourceVersion="main",
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/dev-dbtbuildkit:latest",
            "computeType": "BUILD_GENERAL1_SMALL",
            "imagePullCredentialsType": "SERVICE_ROLE",
            "environmentVariables": [{"name": "ENGINE", "value": "duckdb", "type": "PLAINTEXT"}],
        },
        serviceRole="arn:aws:iam::123456789012:role/dev-harbour-codebuild-role",
        tags=[{"key": "Engine", "value": "duckdb"}],
    )
    return connection


def taken_over(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Adopt what is there and apply; the planned actions on what was adopted, by type."""
    found = find_adoptions(engine)
    write_imports(engine.stack.imports, found)
    engine.write()
    plan = engine.plan()
    adopted = {one.address for one in found}
    assert {change.address for change in plan.resources if change.importing} == adopted
    assert list(engine.apply(plan))
    assert engine.plan().is_empty
    return {change.type: change.actions for change in plan.resources if change.address in adopted}


def test_names_are_theirs_and_the_apply_role_may_manage_them(platform: Platform) -> None:
    policy = apply_policy(Scope(platform))
    place = "us-east-1:123456789012"
    assert allows(policy, "codebuild:UpdateProject", f"arn:aws:codebuild:{place}:project/dev-shop")
    assert allows(policy, "ecr:PutLifecyclePolicy", f"arn:aws:ecr:{place}:repository/dev-dbtbuildkit")
    assert not allows(policy, "codebuild:UpdateProject", f"arn:aws:codebuild:{place}:project/dev-other")


@pytest.mark.parity("A-81", "A-100", "A-103", "A-160")
def test_their_repository_connection_and_projects_are_imported_and_changed_in_place(
    platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any]
) -> None:
    connection = make_theirs(boto)
    boto("s3").create_bucket(Bucket=platform.names.state_bucket())
    boto("iam").create_policy(PolicyName=Scope(platform).boundary_name(), PolicyDocument=workload_boundary())
    stacks = {stack.name: stack for stack in terraform_stacks(platform)}

    registry = taken_over(engine_of(platform, stacks["registry"], process))
    dbt = taken_over(engine_of(platform, stacks["dbt"], process))

    for actions in (*registry.values(), *dbt.values()):
        assert "create" not in actions
        assert "delete" not in actions
    assert set(registry) == {"aws_ecr_repository", "aws_codeconnections_connection"}
    assert set(dbt) == {"aws_codebuild_project"}
    [project] = boto("codebuild").batch_get_projects(names=["dev-shop"])["projects"]
    assert project["source"]["auth"]["resource"] == connection
    assert json.loads(project["source"]["buildspec"])["phases"]["build"]["commands"] == ["dbt build"]
    assert project["serviceRole"].endswith(":role/taken-dev-dbt-shop")
    [repository] = boto("ecr").describe_repositories(repositoryNames=["dev-dbtbuildkit"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
