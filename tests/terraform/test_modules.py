"""The HCL modules for AWS: what each promises, checked offline, and against the emulator with the real provider."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.data import data_path
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.process import run
from buildkit_dagster.rules.gate import judge
from buildkit_dagster.tags.vocabulary import REQUIRED
from buildkit_dagster.terraform.command import child_environment
from buildkit_dagster.terraform.drift import look_for_drift
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.providers import find_sources, write_cli_configuration
from buildkit_dagster.terraform.stack import TerraformStack
from tests.policies import allows, trusts

MODULES = data_path("modules")
EVERY = sorted(path.name for path in MODULES.iterdir() if path.is_dir())
#: Google's are in `test_google_modules.py`.
NAMES = [name for name in EVERY if not name.startswith("gcp_")]

#: What is changed of each example once it stands.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "approval_key": {"deletion_window_days": 7},
    "bucket": {"raw_days": 30},
    "build_schedule": {"timezone": "Europe/Berlin"},
    "codebuild_project": {"target": "staging"},
    "dbt": {"schedules_enabled": False},
    "ecr_repository": {"tagged_count": 20},
    "ecs_cluster": {"container_insights": "disabled"},
    "github_oidc": {"plan_branches": ["main", "release"]},
    "ingest_access": {"prefix": "flights/2013/"},
    "ingest_ecs_task": {"log_level": "DEBUG"},
    "ingest_key": {"deletion_window_days": 7},
    "ingest_lambda": {"memory": 2048},
    "ingest_schedule": {"timezone": "Europe/Berlin"},
    "registry": {"tags": {"purpose": "images"}},
    "source_connection": {"tags": {"purpose": "sources"}},
    "state_backend": {"noncurrent_version_days": 30},
    "warehouse_access": {"databases": ["analytics"]},
}

Terraform = Callable[..., CompletedProcess[str]]


@dataclass(frozen=True)
class EmulatedCloud:
    """The emulator as the engine wants an account."""

    variables: Mapping[str, str]
    boto: Callable[[str], Any]

    def client(self, service: str) -> Any:
        return self.boto(service)


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """`terraform(folder, "validate")`: offline, without credentials."""
    variables = {"PATH": read_environment().variables["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
    sources = find_sources(variables, read_environment().provider_mirror)
    configuration = write_cli_configuration(tmp_path / "cli.tfrc.json", sources.mirror)
    env = child_environment(variables, tmp_path / "data", configuration, "default")
    return lambda folder, *args: run([str(sources.binary), *args], cwd=folder, env=env, timeout=600)


def blocks(file: Path, kind: str) -> set[str]:
    return set(re.findall(rf'^{kind} "(\w+)"', file.read_text(), flags=re.MULTILINE))


def test_hcl_is_formatted(terraform: Terraform) -> None:
    checked = terraform(MODULES, "fmt", "-check", "-recursive", "-diff", ".")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parity("A-105", "A-165", "A-2")
@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_complete_and_pinned(name: str) -> None:
    module = MODULES / name
    assert {"variables.tf", "outputs.tf", "versions.tf", "README.md"} <= {path.name for path in module.iterdir()}
    versions = (module / "versions.tf").read_text()
    assert 'required_version = ">= 1.10"' in versions
    assert re.findall(r'source\s+= "(.*)"\s+version = "(.*)"', versions) == [("hashicorp/aws", "5.100.0")]
    for kind, file in (("variable", "variables.tf"), ("output", "outputs.tf")):
        text = (module / file).read_text()
        assert len(re.findall(r"^  description = ", text, flags=re.MULTILINE)) == len(blocks(module / file, kind))


@pytest.mark.parity("A!35", "A!36")
@pytest.mark.parametrize("name", EVERY)
def test_a_readme_names_every_input_and_output(name: str) -> None:
    module = MODULES / name
    table = re.findall(r"^\| `(\w+)` \|", (module / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(table) == sorted(
        [*blocks(module / "variables.tf", "variable"), *blocks(module / "outputs.tf", "output")]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parity("A!3", "A!4", "A!16", "A!17", "A!20", "A!22", "A!23", "A!32a", "A!34")
def test_a_module_passes_its_own_tests_without_a_cloud(name: str, terraform: Terraform, tmp_path: Path) -> None:
    # A module may call its neighbours.
    folder = Path(shutil.copytree(MODULES, tmp_path / "modules")) / name
    initialised = terraform(folder, "init", "-no-color", "-input=false")
    assert initialised.returncode == 0, initialised.stderr
    tested = terraform(folder, "test", "-no-color")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "0 passed" not in tested.stdout


@dataclass
class Examples:
    """One root that calls every module's basic example; `converge` returns what was planned before it was applied."""

    folder: Path
    cloud: EmulatedCloud

    def converge(self, changes: Mapping[str, Mapping[str, Any]]) -> Plan:
        calls = {name: {"source": f"./modules/{name}/examples/basic", **changes.get(name, {})} for name in NAMES}
        tags = {name: f"value of {name}" for name in REQUIRED}
        provider = {"aws": {"s3_use_path_style": True, "default_tags": {"tags": tags}}}
        (self.folder / "main.tf.json").write_text(json.dumps({"module": calls, "provider": provider}))
        engine = self.engine()
        engine.write()
        engine.init()
        plan = engine.plan()
        if not plan.is_empty:
            assert [event for batch in engine.apply(plan) for event in batch]
        return plan

    def engine(self) -> Engine:
        return Engine(TerraformStack(self.folder), self.cloud, "examples", lambda _: None)

    def values(self, address: str) -> Mapping[str, Any]:
        return next(one.values for one in self.engine().state().resources if one.address.endswith(address))


@pytest.fixture(scope="module")
def examples(emulator: Emulator, boto: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Every example, made."""
    variables = emulated_variables(read_environment(), emulator.endpoint, "us-east-1")
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(MODULES, folder / "modules")
    made = Examples(folder, EmulatedCloud(variables, boto))
    assert not made.converge({}).is_empty
    return made


@pytest.mark.parity("A-85", "A-100", "A-101", "A-103", "A-160", "B-90")
def test_a_change_of_every_example_is_made_in_place_and_then_nothing_is_left_to_do(examples: Examples) -> None:
    changed = examples.converge(CHANGES)
    assert {change.address.split(".")[1] for change in changed.resources} == set(NAMES)
    # AWS knows no change of a task definition, the provider none of a lifecycle policy.
    remade = {change.type for change in changed.resources if "delete" in change.actions}
    assert remade <= {"aws_ecs_task_definition", "aws_ecr_lifecycle_policy"}
    # This plan knows every policy document, as the first one, which made their ARNs, did not.
    assert judge(changed, examples.engine().stack, Gates(required_tags=REQUIRED)) == ()
    assert examples.converge(CHANGES).is_empty


def test_what_the_provider_fills_in_is_no_drift(examples: Examples) -> None:
    found = look_for_drift(examples.engine())
    assert (found.applied, found.drifted, found.orphans) == (True, (), {})


def test_every_resource_that_can_carry_tags_has_the_required_ones(examples: Examples) -> None:
    resources = examples.engine().state().resources
    tagged = {one.address: set(one.values["tags_all"]) for one in resources if "tags_all" in one.values}
    assert len(tagged) > len(NAMES)
    assert {address for address, tags in tagged.items() if not set(REQUIRED) <= tags} == set()


@pytest.mark.parity("A!17", "A-208", "A-209", "D!1")
def test_the_plan_role_reads_states_writes_locks_and_plans_and_does_nothing_else(examples: Examples) -> None:
    policy = examples.values("aws_iam_role_policy.plan_state")["policy"]
    bucket = "arn:aws:s3:::example-dev-tfstate-123456789012-eu-west-1"
    state = f"{bucket}/stacks/lake/terraform.tfstate"
    assert allows(policy, "s3:GetObject", state)
    assert allows(policy, "s3:PutObject", f"{state}.tflock")
    assert allows(policy, "s3:DeleteObject", f"{state}.tflock")
    assert allows(policy, "s3:PutObject", f"{bucket}/plans/lake/1.tfplan")
    for action, resource in (
        ("s3:PutObject", state),
        ("s3:DeleteObject", state),
        ("s3:GetObject", f"{bucket}/plans/lake/1.tfplan"),
        ("s3:PutBucketPolicy", bucket),
        ("s3:GetObject", "arn:aws:s3:::example-dev-raw/flights.csv"),
        ("iam:CreateRole", "arn:aws:iam::123456789012:role/example-dev-mine"),
    ):
        assert not allows(policy, action, resource), f"{action} on {resource}"


def test_the_plan_role_holds_locks_in_the_table_and_cannot_touch_a_states_digest(examples: Examples) -> None:
    policy = examples.values("aws_iam_role_policy.plan_state")["policy"]
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/example-dev-tflocks"
    item = "example-dev-tfstate-123456789012-eu-west-1/stacks/lake/terraform.tfstate"
    assert allows(policy, "dynamodb:PutItem", table, dynamodb_LeadingKeys=item)
    assert not allows(policy, "dynamodb:PutItem", table, dynamodb_LeadingKeys=f"{item}-md5")


@pytest.mark.parity("A!17", "A-208", "A!32a", "D!1")
def test_only_the_repositorys_own_workflows_take_on_the_roles(examples: Examples) -> None:
    plan = examples.values("aws_iam_role.plan")["assume_role_policy"]
    apply = examples.values("aws_iam_role.apply")["assume_role_policy"]
    own, audience = "repo:example-org/skyline", "sts.amazonaws.com"
    assert trusts(plan, aud=audience, sub=f"{own}:pull_request")
    assert trusts(plan, aud=audience, sub=f"{own}:ref:refs/heads/main")
    assert trusts(apply, aud=audience, sub=f"{own}:environment:dev")
    for subject in (
        "repo:somebody/skyline:pull_request",
        "repo:example-org/skyline-fork:pull_request",
        "repo:Example-Org/skyline:pull_request",
        f"{own}:ref:refs/heads/feature",
        f"{own}:environment:production",
    ):
        assert not trusts(plan, aud=audience, sub=subject)
        assert not trusts(apply, aud=audience, sub=subject)
    assert not trusts(apply, aud=audience, sub=f"{own}:pull_request")
    assert not trusts(plan, aud="https://github.com/example-org", sub=f"{own}:pull_request")
