"""The platform's stacks as data: which units, which edges, which names and tags, what the apply role may do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.defs.infra import gatekeeper_of, terraform_stacks
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.errors import InvalidPlatform
from buildkit_dagster.rules.gate import judge
from buildkit_dagster.stacks.build import platform_roots
from buildkit_dagster.stacks.gates import gates_of, policies_of
from buildkit_dagster.stacks.permissions import apply_policy, workload_boundary
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.tags.on_assets import dagster_tags
from buildkit_dagster.tags.vocabulary import REQUIRED
from buildkit_dagster.tags.wanted import job_tags
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.module_folder import module_outputs
from buildkit_dagster.terraform.plan import parse_plan
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref, RenderedRoot, Text, UnitRef, call_refs
from tests.policies import allows
from tests.scenario import edited, write_platform

REPOSITORY = Path(__file__).parents[2]
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


def test_where_there_are_no_images_nothing_builds_any(platform: Platform) -> None:
    config = platform.config.model_copy(update={"images": {}})
    bare = platform.model_copy(update={"config": config, "dbt_projects": (), "ingest_jobs": ()})
    names = [call.name for call in roots_of(bare)["registry"].calls]
    assert names == ["github_connection", "artifacts", "cluster"]


@pytest.mark.parity("A-5")
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


@pytest.mark.parity("A-40", "A-41")
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
    edited(folder, "config/codebuild-config.yml", "dbt-tools", 'dbt-tools\n    ecr_image_tag: "7"')
    assert str(calls_of(load_platform(folder, "dev"))["dbt/shop"].inputs["image"]).endswith("/dbt-tools:7")


@pytest.mark.parity("A-14", "A-16", "A-17", "A-36", "A-38", "A-39", "A-56", "A-58", "A-141", "A-157", "A-170")
def test_what_a_projects_entry_says_about_its_builds_is_what_its_unit_gets(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    entry = """\
    engine: duckdb
    s3_artifacts_bucket: shop-artifacts
    compute_type: BUILD_GENERAL1_LARGE
    environment_variables: {GREETING: 'say "hi" for $5'}
    vpc_config: {vpc_id: vpc-1, subnets: [subnet-1, subnet-2], security_group_ids: [sg-1]}
    policy_arns: ["arn:aws:iam::123456789012:policy/more"]"""
    edited(folder, "config/codebuild-config.yml", "    engine: duckdb", entry)
    platform = load_platform(folder, "dev")
    inputs = calls_of(platform)["dbt/shop"].inputs
    assert inputs["vpc_config"] == {
        "vpc_id": "vpc-1",
        "subnets": ["subnet-1", "subnet-2"],
        "security_group_ids": ["sg-1"],
    }
    assert (inputs["build_timeout"], inputs["compute_type"]) == (30, "BUILD_GENERAL1_LARGE")
    assert inputs["s3_access"] == [
        {"bucket_arn": "arn:aws:s3:::shop-artifacts", "prefix": "dbt-artifacts/project=shop/", "write": True}
    ]
    assert inputs["environment_variables"] == {
        "BUILDKIT_DBT_TARGET": {"value": "duckdb"},
        "BUILDKIT_DUCKDB_PATH": {"value": str(platform.warehouse_path)},
        "GREETING": {"value": 'say "hi" for $5'},
    }
    assert inputs["additional_policy_arns"] == ["arn:aws:iam::123456789012:policy/more"]


def test_a_project_of_another_organization_gets_a_connection_of_its_own(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/codebuild-config.yml", "org: example-org", "org: other-org")
    calls = calls_of(load_platform(folder, "prod"))
    assert calls["registry/github_connection_other_org"].inputs["name"] == "harbour-prd-other-org"
    source = calls["dbt/shop"].inputs["source_location"]
    assert source["connection_arn"] == Ref("registry", "github_connection_other_org", "arn")


@pytest.mark.parity("A!24", "A!38", "A-164")
def test_organizations_are_told_apart_exactly_and_by_provider(tmp_path: Path) -> None:
    """No name is part of another that matters, and hyphens, dots and underscores make another organization."""
    folder = write_platform(tmp_path)
    owners = (
        *(("github", "acme"), ("github", "dev-acme-labs"), ("github", "Acme"), ("gitlab", "acme")),
        *(("gitlab", "ac.me"), ("gitlab", "ac-me"), ("bitbucket", "ac_me")),
    )
    entry = "  - {name: p%d, active: true, provider: %s, org: %s, repo: r, engine: duckdb, commands: [dbt build]}\n"
    with (folder / "config/codebuild-config.yml").open("a") as file:
        file.writelines(entry % (number, *owner) for number, owner in enumerate(owners))
    calls = calls_of(load_platform(folder, "dev"))
    used = {
        owner: calls[f"dbt/p{number}"].inputs["source_location"]["connection_arn"].unit
        for number, owner in enumerate(owners)
    }
    # GitHub knows no difference between capitals and others.
    assert used["github", "acme"] == used["github", "Acme"]
    assert len(set(used.values())) == len(owners) - 1
    connections = {unit: calls[f"registry/{unit}"].inputs for unit in used.values()}
    assert len({inputs["name"] for inputs in connections.values()}) == len(owners) - 1
    assert {used[owner]: connections[used[owner]]["provider_type"] for owner in owners[3:]} == {
        used["gitlab", "acme"]: "GitLab",
        used["gitlab", "ac.me"]: "GitLab",
        used["gitlab", "ac-me"]: "GitLab",
        used["bitbucket", "ac_me"]: "Bitbucket",
    }
    assert calls["dbt/p3"].inputs["source_location"]["location"] == "https://gitlab.com/acme/r"


@pytest.mark.parity("A-77", "A-124")
def test_a_connection_that_exists_is_used_and_none_is_made(tmp_path: Path) -> None:
    arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c"
    folder = write_platform(tmp_path)
    edited(folder, "config/codebuild-config.yml", "org: example-org", f"org: other-org\n    connection: '{arn}'")
    calls = calls_of(load_platform(folder, "dev"))
    assert calls["dbt/shop"].inputs["source_location"]["connection_arn"] == arn
    assert [name for name in calls if "connection" in name] == ["registry/github_connection"]


@pytest.mark.parity("A-8", "A-130", "A!5")
def test_a_deploy_key_is_the_way_to_the_source_and_stays_a_reference(tmp_path: Path) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deploy-a1b2c3"
    folder = write_platform(tmp_path)
    edited(folder, "config/codebuild-config.yml", "org: example-org", f"org: other-org\n    deploy_key: '{arn}'")
    calls = calls_of(load_platform(folder, "dev"))
    inputs = calls["dbt/shop"].inputs
    assert inputs["source_location"] == {"type": "NO_SOURCE"}
    variables = inputs["environment_variables"]
    assert variables["BUILDKIT_DEPLOY_KEY"] == {"value": arn, "type": "SECRETS_MANAGER"}
    assert variables["BUILDKIT_REPOSITORY"] == {"value": "git@github.com:other-org/harbour-dbt.git"}
    assert variables["BUILDKIT_KNOWN_HOSTS"]["value"].startswith("github.com ssh-ed25519 ")
    phases = json.loads(inputs["buildspec"])["phases"]
    assert "git fetch" in phases["pre_build"]["commands"][0]
    assert [name for name in calls if "connection" in name] == ["registry/github_connection"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "deploy_key: {secret}, connection: 'arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c'",
            "`connection` and `deploy_key` are two ways to the source; keep one",
        ),
        ("known_hosts: x", "`deploy_key` is missing"),
        (
            "deploy_key: {secret}, elementary: {active: true, gitpages: true}",
            "`elementary.gitpages` pushes through the project's connection, which `deploy_key` takes the place of",
        ),
    ],
)
def test_two_ways_to_the_source_are_refused(tmp_path: Path, keys: str, said: str) -> None:
    folder = write_platform(tmp_path)
    lines = keys.replace("{secret}", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deploy-a1b2c3")
    entry = f"  - {{name: other, active: true, org: o, repo: r, engine: duckdb, commands: [dbt build], {lines}}}\n"
    with (folder / "config/codebuild-config.yml").open("a") as file:
        file.write(entry)
    with pytest.raises(InvalidPlatform, match=re.escape(said)):
        load_platform(folder, "dev")


@pytest.mark.parity("A-101", "A!29")
def test_the_image_that_jobs_run_in_never_expires(platform: Platform) -> None:
    assert calls_of(platform)["registry/repository"].inputs["tags_in_use"] == [TAGS["platform"]]


def test_what_a_project_says_about_its_builds_reaches_its_module(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    key = "arn:aws:kms:eu-west-1:123456789012:key/0b7c"
    said = (
        f"engine: duckdb\n    kms_key: '{key}'\n    cache: s3\n    log_retention_days: 90\n    queued_timeout: 15\n"
        "    concurrency: 2\n"
        "    policy_statements: [{effect: Deny, actions: ['sns:Publish'], resources: ['*']}]\n"
        "    policy_arns: ['arn:aws:iam::123456789012:policy/extra']\n"
        "    vpc_config: {vpc_id: vpc-1, subnets: [subnet-1], security_group_ids: [sg-1]}"
    )
    edited(folder, "config/codebuild-config.yml", "engine: duckdb", said)
    inputs = calls_of(load_platform(folder, "dev"))["dbt/shop"].inputs
    assert (inputs["kms_key_arn"], inputs["log_retention_days"], inputs["queued_timeout"]) == (key, 90, 15)
    assert inputs["concurrent_build_limit"] == 2
    assert inputs["cache"] == {
        "type": "S3",
        "location": Text(Ref("registry", "artifacts", "name"), "/dbt-cache/project=shop"),
    }
    [statement] = inputs["policy_statements"]
    assert (statement["effect"], statement["actions"]) == ("Deny", ["sns:Publish"])
    assert inputs["additional_policy_arns"] == ["arn:aws:iam::123456789012:policy/extra"]
    assert inputs["vpc_config"] == {"vpc_id": "vpc-1", "subnets": ["subnet-1"], "security_group_ids": ["sg-1"]}


@pytest.mark.parity("A-7", "A!28")
def test_a_schedule_may_stay_in_aws_and_may_start_its_own_project_only(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    name = "a-project-whose-name-is-as-long-as-one-can-be-in-this-file"
    edited(folder, "config/codebuild-config.yml", "name: shop", f"name: {name}")
    edited(folder, "config/platform.yaml", "      shop: {engine: athena", f"      {name}: {{engine: athena")
    edited(
        folder,
        "config/codebuild-config.yml",
        "    timeout: 30",
        "    scheduler: eventbridge\n    timezone: Europe/Berlin",
    )
    edited(folder, "config/codebuild-config.yml", "schedule: cron(0 2 * * ? *)", "schedule: 0 2 L * ? *")
    platform = load_platform(folder, "dev")
    inputs = calls_of(platform)[f"dbt/{name}__schedule"].inputs
    assert (inputs["expression"], inputs["timezone"]) == ("cron(0 2 L * ? *)", "Europe/Berlin")
    assert len(inputs["name"]) <= 64
    assert inputs["project_arn"] == UnitRef(name, "arn")
    given = next(call.inputs for call in calls_of(platform).values() if "workload_boundary" in call.inputs)
    boundary = json.loads(given["workload_boundary"]["policy"])
    (start,) = [each for each in boundary["Statement"] if each["Sid"] == "StartBuilds"]
    assert start["Resource"] == [
        f"arn:aws:codebuild:eu-west-1:123456789012:project/{platform.names.codebuild_project(name)}"
    ]
    assert [found.name for found in schedules(platform)] == ["ingest_acme_sales_schedule"]


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
    assert sales.inputs["tags"] == {**job_tags(platform, job).tags, "buildkit_unit": "ingest-acme/sales"}
    assert sales.tags == job_tags(platform, job).tags
    assert dagster_tags(sales.tags)["tenant_id"] == "acme"
    assert sales.owners == ("nightly-sales@example.com",)


@pytest.mark.parity("A-6")
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


def test_each_environment_judges_the_same_plan_by_its_own_gates(tmp_path: Path) -> None:
    folder, process = write_platform(tmp_path), read_environment()
    gates = "gates: {protected: deny, tags: warn, every_change: true, plan_minutes: 30}"
    edited(folder, "config/platform.yaml", "    segment: prd\n", f"    segment: prd\n    {gates}\n")
    before = {"bucket": "raw", "tags_all": {}}
    deletion = {"actions": ["delete"], "before": before, "after": None, "after_unknown": {}}
    creation = {"actions": ["create"], "before": None, "after": before, "after_unknown": {}}
    changes = [
        {"address": f"module.raw.aws_s3_bucket.{name}", "mode": "managed", "type": "aws_s3_bucket", "change": change}
        for name, change in {"old": deletion, "new": creation}.items()
    ]

    def gatekeeper(environment: str) -> Gatekeeper:
        platform = load_platform(folder, environment)
        (lake,) = [stack for stack in terraform_stacks(platform) if stack.name == "lake"]
        return gatekeeper_of(platform, process, lake, "run", lambda _: None)

    def verdicts(keeper: Gatekeeper) -> set[tuple[str, str]]:
        text = json.dumps({"resource_changes": changes})
        stack = keeper.engine.stack
        plan = parse_plan(text, "lake", stack.root, tmp_path / "plan.tfplan")
        return {(verdict.rule, verdict.severity.value) for verdict in judge(plan, stack, keeper.gates, keeper.policies)}

    dev, prod = gatekeeper("dev"), gatekeeper("prod")
    assert verdicts(dev) == {("protected/delete", "approve"), ("tags/required", "deny")}
    assert verdicts(prod) == {("protected/delete", "deny"), ("tags/required", "warn")}
    assert (dev.gates.every_change, dev.gates.plan_minutes) == (False, 1440)
    assert (prod.gates.every_change, prod.gates.plan_minutes) == (True, 30)


@pytest.mark.parity("A-15", "A-180", "A!4")
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


@pytest.mark.parity("A-49", "A-194")
def test_a_build_that_sends_elementarys_alerts_may_read_the_slack_secret_and_no_other(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    slack = "slack-notification: {active: true, channel: '#a', secret_name: slack-token}"
    entry = f"    engine: duckdb\n    {slack}\n    elementary: {{active: true, channel: '#data'}}"
    edited(folder, "config/codebuild-config.yml", "    engine: duckdb", entry)
    [statement] = calls_of(load_platform(folder, "dev"))["dbt/shop"].inputs["policy_statements"]
    assert statement == {
        "actions": ["secretsmanager:GetSecretValue"],
        "resources": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-token-??????"],
    }


def test_a_job_reads_its_own_files_and_writes_its_own_messages_only(platform: Platform) -> None:
    sales = calls_of(platform)["ingest-acme/sales"].inputs
    assert sales["s3_access"] == [
        {"bucket_arn": "arn:aws:s3:::harbour-dev-raw-123456789012-eu-west-1", "prefix": "sales/"},
        {"bucket_arn": Ref("registry", "artifacts", "arn"), "prefix": "pipes/acme/sales/", "write": True},
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

    @pytest.mark.parity("A!33", "A-20")
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
            ("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:123456789012:function:harbour-dev-acme-sales"),
            ("events:PutRule", "arn:aws:events:eu-west-1:123456789012:rule/harbour-dev-acme-sales_failed"),
            (
                "cloudwatch:PutMetricAlarm",
                "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:harbour-dev-acme-sales_failed",
            ),
            ("logs:CreateLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:/buildkit/harbour/dev/dbt/shop"),
        ],
    )
    def test_manages_the_platforms_own_resources(self, policy: str, action: str, resource: str) -> None:
        assert allows(policy, action, resource)
        assert not allows(policy, action, resource.replace("harbour", "harvest"))

    def test_makes_keys_for_ingest_jobs_and_touches_no_other_key(self, policy: str) -> None:
        def tags(place: str, unit: str, environment: str = "dev") -> dict[str, str]:
            values = {"project": "harbour", "environment": environment, "buildkit_unit": unit}
            return {f"aws_{place}/{name}": value for name, value in values.items()}

        key = "arn:aws:kms:eu-west-1:123456789012:key/0"
        assert allows(policy, "kms:CreateKey", **tags("RequestTag", "ingest-acme/sales"))
        assert allows(policy, "kms:PutKeyPolicy", key, **tags("ResourceTag", "ingest-acme/sales"))
        assert not allows(policy, "kms:PutKeyPolicy", key, **tags("ResourceTag", "bootstrap/approval_key"))
        assert not allows(policy, "kms:ScheduleKeyDeletion", key, **tags("ResourceTag", "ingest-acme/sales", "prod"))
        assert not allows(policy, "kms:CreateKey")

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

    def test_hands_roles_to_builds_tasks_and_functions_only(self, policy: str) -> None:
        role = "arn:aws:iam::123456789012:role/harbour-dev-dbt-shop"
        assert allows(policy, "iam:PassRole", role, iam_PassedToService="codebuild.amazonaws.com")
        assert allows(policy, "iam:PassRole", role, iam_PassedToService="lambda.amazonaws.com")
        assert not allows(policy, "iam:PassRole", role, iam_PassedToService="ec2.amazonaws.com")

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


def test_what_stands_in_place_of_dbtbuildkits_inputs_and_outputs_is_there() -> None:
    table = re.findall(
        r"^\| (A-\d+) \| `\w+` \| (.*) \|$", (REPOSITORY / "docs/dbtbuildkit.md").read_text(), re.MULTILINE
    )
    assert [row for row, _ in table] == [
        f"A-{number}"
        for first, last in ((70, 86), (90, 97), (120, 141), (145, 151))
        for number in range(first, last + 1)
    ]
    modules = data_path("modules")
    ours = {"name", "branch", "deploy_key", "access", "policy_arns", "defaults", "iam"}
    for module in ("registry", "dbt"):
        for file in ("variables.tf", "outputs.tf"):
            ours |= set(
                re.findall(r'^(?:variable|output) "(\w+)"', (modules / module / file).read_text(), re.MULTILINE)
            )
    for row, text in table:
        if not text.startswith("none"):
            named = set(re.findall(r"`(\w+)", text))
            assert named & ours, f"{row}: {text}"
