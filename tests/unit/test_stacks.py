"""The platform's stacks as data: which units, which edges, which names and tags, what the apply role may do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.errors import InvalidPlatform
from buildkit_dagster.stacks.build import platform_roots
from buildkit_dagster.stacks.gates import gates_of, policies_of
from buildkit_dagster.stacks.permissions import apply_policy, workload_boundary
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.tags import REQUIRED, dagster_tags, job_tags
from buildkit_dagster.terraform.render import ModuleCall, Ref, RenderedRoot, Text, UnitRef, call_refs
from buildkit_dagster.terraform.root import module_outputs
from tests.policies import allows
from tests.scenario import edited, write_platform

TAGS = {"platform": "3f1c9a20b7de0000"}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return load_platform(write_platform(tmp_path), "dev")


def roots_of(platform: Platform) -> dict[str, RenderedRoot]:
    return {root.stack: root for root in platform_roots(platform, TAGS)}


def calls_of(platform: Platform) -> dict[str, ModuleCall]:
    return {f"{root.stack}/{call.name}": call for root in roots_of(platform).values() for call in root.calls}


def unit_refs(value: Any) -> Iterator[UnitRef]:
    if isinstance(value, UnitRef):
        yield value
    elif isinstance(value, Text):
        yield from (part for part in value.parts if isinstance(part, UnitRef))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from unit_refs(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from unit_refs(inner)


def test_every_part_of_the_platform_has_its_stack_and_unit(platform: Platform) -> None:
    units = {stack: [call.name for call in root.calls] for stack, root in roots_of(platform).items()}
    assert units == {
        "bootstrap": ["state_backend", "github_oidc"],
        "registry": ["repository", "github_connection", "artifacts", "image_builder", "cluster"],
        "lake": ["raw"],
        "dbt": ["shop"],
        "ingest-acme": ["customers", "sales"],
    }


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_reference_is_to_an_output_its_module_has(tmp_path: Path, environment: str) -> None:
    platform = load_platform(write_platform(tmp_path), environment)
    calls = calls_of(platform)
    outputs = {call.module: module_outputs(data_path("modules") / call.module) for call in calls.values()}
    for name, call in calls.items():
        for ref in call_refs(call):
            assert ref.output in outputs[calls[f"{ref.stack}/{ref.unit}"].module], f"{name}: {ref}"
        for ref in unit_refs(call.inputs):
            assert ref.output in outputs[calls[f"{name.split('/')[0]}/{ref.unit}"].module], f"{name}: {ref}"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_input_is_a_variable_of_its_module(tmp_path: Path, environment: str) -> None:
    for name, call in calls_of(load_platform(write_platform(tmp_path), environment)).items():
        text = (data_path("modules") / call.module / "variables.tf").read_text()
        unknown = [key for key in call.inputs if f'variable "{key}" {{' not in text]
        assert not unknown, f"{name}: {unknown}"


def test_a_stack_refers_to_earlier_stacks_only(platform: Platform) -> None:
    seen: set[str] = set()
    for root in platform_roots(platform, TAGS):
        assert {ref.stack for ref in root.refs()} <= seen
        seen.add(root.stack)


def test_everything_but_the_bootstrap_needs_the_bucket_its_state_lies_in(platform: Platform) -> None:
    for name, call in calls_of(platform).items():
        needs_bucket = ("infra", "bootstrap", "state_backend") in call.asset_deps
        assert needs_bucket != name.startswith("bootstrap/"), name


def test_jobs_need_the_image_they_run_in_by_the_tag_of_its_content(platform: Platform) -> None:
    calls = calls_of(platform)
    for name in ("dbt/shop", "ingest-acme/sales"):
        assert ("image", "platform") in calls[name].asset_deps
        assert calls[name].inputs["image"] == Text(Ref("registry", "repository", "url"), ":3f1c9a20b7de0000")


def test_an_image_from_elsewhere_is_no_asset_to_wait_for(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(
        folder, "config/jobs/acme/sales.yaml", "cpu: 256, memory: 512", "cpu: 256, memory: 512, image_uri: 'x.io/a:1'"
    )
    edited(
        folder, "config/codebuild-config.yml", "    engine: duckdb", "    engine: duckdb\n    ecr_repository: dbt-tools"
    )
    calls = calls_of(load_platform(folder, "dev"))
    assert calls["ingest-acme/sales"].inputs["image"] == "x.io/a:1"
    assert calls["dbt/shop"].inputs["image"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dbt-tools:latest"
    for name in ("dbt/shop", "ingest-acme/sales"):
        assert ("image", "platform") not in calls[name].asset_deps


def test_a_project_of_another_organization_gets_a_connection_of_its_own(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/codebuild-config.yml", "org: example-org", "org: other-org")
    calls = calls_of(load_platform(folder, "prod"))
    assert calls["registry/github_connection_other_org"].inputs["name"] == "harbour-prd-other-org"
    source = calls["dbt/shop"].inputs["source_location"]
    assert source["connection_arn"] == Ref("registry", "github_connection_other_org", "arn")


def test_what_does_not_run_in_a_cloud_has_no_stack(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/codebuild-config.yml", "active: true", "active: true\n    runtime: local")
    edited(folder, "config/jobs/acme/sales.yaml", "type: aws_ecs_fargate, cpu: 256, memory: 512", "type: local")
    with (folder / "config/jobs/acme/customers.yaml").open("a") as file:
        file.write("infrastructure:\n  runtime: {type: local}\n")
    assert set(roots_of(load_platform(folder, "dev"))) == {"bootstrap", "registry", "lake"}


def test_required_tags_come_from_the_provider_and_a_jobs_own_from_its_unit(platform: Platform) -> None:
    for root in roots_of(platform).values():
        assert root.provider is not None
        assert set(REQUIRED) <= set(root.provider.default_tags)
    sales = calls_of(platform)["ingest-acme/sales"]
    [job] = [job for job in platform.ingest_jobs if job.name == "sales"]
    assert sales.inputs["tags"] == {**job_tags(platform, job), "buildkit_unit": "ingest-acme/sales"}
    assert sales.tags == job_tags(platform, job)
    assert dagster_tags(sales.tags)["tenant_id"] == "acme"
    assert sales.owners == ("nightly-sales@example.com",)


def test_environments_differ_in_data_only(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    dev, prod = (calls_of(load_platform(folder, name)) for name in ("dev", "prod"))
    assert {name: call.module for name, call in dev.items()} == {name: call.module for name, call in prod.items()}
    assert prod["bootstrap/state_backend"].inputs["bucket_name"] == "harbour-prd-tfstate-111122223333-eu-west-1"
    assert prod["bootstrap/state_backend"].inputs["force_destroy"] is False
    assert roots_of(load_platform(folder, "prod"))["lake"].provider.path_style is False  # type: ignore[union-attr]


def test_a_lock_table_is_made_and_used_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "  region: eu-west-1", "  region: eu-west-1\n  lock_table: true")
    platform = load_platform(folder, "dev")
    assert calls_of(platform)["bootstrap/state_backend"].inputs["lock_table_name"] == "harbour-dev-tflocks"
    backends = [root.backend for root in roots_of(platform).values()]
    assert all(backend and backend.dynamodb_table == "harbour-dev-tflocks" for backend in backends)


APPROVERS = "  region: eu-west-1\n  approvers: {github_environment: approval}"


def test_approvers_bring_a_key_and_a_role_that_the_apply_role_cannot_touch(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    assert "bootstrap/approval_key" not in calls_of(load_platform(folder, "dev"))
    edited(folder, "config/platform.yaml", "  region: eu-west-1", APPROVERS)
    platform = load_platform(folder, "dev")
    inputs = calls_of(platform)["bootstrap/approval_key"].inputs
    assert inputs["github"]["provider_arn"] == UnitRef("github_oidc", "provider_arn")
    assert inputs["plans_arn"] == "arn:aws:s3:::harbour-dev-tfstate-123456789012-eu-west-1/plans"
    policy, role = apply_policy(Scope(platform)), f"arn:aws:iam::123456789012:role/{inputs['role_name']}"
    for action in ("iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"):
        assert not allows(policy, action, role, iam_PassedToService="ecs-tasks.amazonaws.com")
    key, alias = "arn:aws:kms:eu-west-1:123456789012:key/0", f"alias/{inputs['alias']}"
    assert allows(policy, "kms:Verify", key, kms_ResourceAliases=alias)
    assert not allows(policy, "kms:Verify", key, kms_ResourceAliases="alias/another")
    assert not allows(policy, "kms:Sign", key, kms_ResourceAliases=alias)
    assert len(policy) < 10240


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("approvers: {}", "names nobody"),
        ("approvers: {github_environment: dev}", "it would approve its own plans"),
        ("approvers: {principals: ['arn:aws:iam::123456789012:root']}", "principals"),
        ("gates: {four_eyes: true}", "say in `approvers` who gives them"),
    ],
)
def test_approvers_are_somebody_else_and_named(tmp_path: Path, written: str, message: str) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "  region: eu-west-1", f"  region: eu-west-1\n  {written}")
    with pytest.raises(InvalidPlatform, match=message):
        load_platform(folder, "dev")


def test_the_gates_of_a_platform_ask_for_its_tags_and_except_its_boundary(platform: Platform) -> None:
    gates = gates_of(platform)
    assert gates.required_tags == REQUIRED
    (boundary,) = gates.exceptions
    assert boundary.address == "module.github_oidc.aws_iam_policy.workload_boundary[0]"
    assert policies_of(platform) is None
    (platform.folder / "policies").mkdir()
    assert policies_of(platform) == platform.folder / "policies"


def test_secrets_reach_jobs_as_references(tmp_path: Path) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:warehouse-a1b2c3"
    folder = write_platform(tmp_path)
    edited(
        folder,
        "config/platform.yaml",
        "warehouse: {type: athena, settings: {schema: harbour}}",
        f"warehouse: {{type: snowflake, settings: {{schema: harbour}}, secrets: {{password: '{arn}'}}}}",
    )
    edited(folder, "config/platform.yaml", "engine: athena", "engine: snowflake")
    calls = calls_of(load_platform(folder, "prod"))
    assert calls["ingest-acme/sales"].inputs["secrets"] == {"DESTINATION__SNOWFLAKE__CREDENTIALS__PASSWORD": arn}
    variables = calls["dbt/shop"].inputs["environment_variables"]
    assert {"value": arn, "type": "SECRETS_MANAGER"} in variables.values()


def test_a_job_reads_its_own_files_and_writes_its_own_messages_only(platform: Platform) -> None:
    sales = calls_of(platform)["ingest-acme/sales"].inputs
    assert sales["s3_access"] == [
        {"bucket_arn": "arn:aws:s3:::harbour-dev-raw-123456789012-eu-west-1", "prefix": "sales/"},
        {"bucket_arn": Ref("registry", "artifacts", "arn"), "prefix": "pipes/", "write": True},
    ]


class TestApplyRole:
    """What the role that applies may do, and that it cannot make itself more."""

    @pytest.fixture
    def policy(self, platform: Platform) -> str:
        return apply_policy(Scope(platform))

    @pytest.fixture
    def boundary(self, platform: Platform) -> str:
        return Scope(platform).boundary_arn()

    def test_fits_into_an_inline_policy(self, policy: str) -> None:
        assert len(policy) < 8000

    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            ("s3:CreateBucket", "arn:aws:s3:::harbour-dev-raw-123456789012-eu-west-1"),
            ("sqs:CreateQueue", "arn:aws:sqs:eu-west-1:123456789012:harbour-dev-raw-events"),
            ("sqs:CreateQueue", "arn:aws:sqs:eu-west-1:123456789012:harbour-dev-raw-events-dead"),
            ("ecr:CreateRepository", "arn:aws:ecr:eu-west-1:123456789012:repository/harbour-dev-platform"),
            ("codebuild:UpdateProject", "arn:aws:codebuild:eu-west-1:123456789012:project/harbour-dev-dbt-shop"),
            ("ecs:CreateCluster", "arn:aws:ecs:eu-west-1:123456789012:cluster/harbour-dev"),
            (
                "ecs:RegisterTaskDefinition",
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/harbour-dev-acme-sales:3",
            ),
            ("logs:CreateLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:/buildkit/harbour/dev/dbt/shop"),
        ],
    )
    def test_manages_the_platforms_own_resources(self, policy: str, action: str, resource: str) -> None:
        assert allows(policy, action, resource)
        assert not allows(policy, action, resource.replace("harbour", "harvest"))

    @pytest.mark.parity("A!17")
    def test_makes_roles_below_the_boundary_only(self, policy: str, boundary: str) -> None:
        role = "arn:aws:iam::123456789012:role/harbour-dev-dbt-shop"
        for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"):
            assert allows(policy, action, role, iam_PermissionsBoundary=boundary)
            assert not allows(policy, action, role)
            assert not allows(policy, action, role.replace("harbour", "other"), iam_PermissionsBoundary=boundary)

    @pytest.mark.parity("A!17", "A-209")
    def test_cannot_widen_its_own_rights(self, policy: str, platform: Platform, boundary: str) -> None:
        own = f"arn:aws:iam::123456789012:role/{platform.names.apply_role()}"
        assert not allows(policy, "iam:PutRolePolicy", own, iam_PermissionsBoundary=boundary)
        assert not allows(policy, "iam:UpdateAssumeRolePolicy", own)
        assert not allows(policy, "iam:CreatePolicyVersion", boundary)
        assert not allows(policy, "iam:DeleteRolePermissionsBoundary", "arn:aws:iam::123456789012:role/harbour-dev-x")
        assert not allows(policy, "iam:CreateUser", "arn:aws:iam::123456789012:user/me")

    def test_hands_roles_to_builds_and_tasks_only(self, policy: str) -> None:
        role = "arn:aws:iam::123456789012:role/harbour-dev-dbt-shop"
        assert allows(policy, "iam:PassRole", role, iam_PassedToService="codebuild.amazonaws.com")
        assert not allows(policy, "iam:PassRole", role, iam_PassedToService="lambda.amazonaws.com")

    def test_the_boundary_leaves_jobs_their_data_and_no_identities(self) -> None:
        document = workload_boundary()
        assert allows(document, "s3:GetObject", "arn:aws:s3:::x/y")
        assert allows(document, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:x:*")
        for action in ("iam:CreateRole", "sts:AssumeRole", "organizations:LeaveOrganization", "ec2:RunInstances"):
            assert not allows(document, action)


@pytest.mark.parametrize(
    ("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), ("eu-west-1", "aws")]
)
@pytest.mark.parity("A!34")
def test_arns_fit_the_partition_of_the_region(tmp_path: Path, region: str, partition: str) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "region: eu-west-1", f"region: {region}")
    scope = Scope(load_platform(folder, "dev"))
    arns = [
        arn
        for statement in json.loads(apply_policy(scope))["Statement"]
        for arn in statement["Resource"]
        if arn.startswith("arn:")
    ]
    assert arns
    assert {arn.split(":")[1] for arn in arns} == {partition}
