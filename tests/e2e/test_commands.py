"""The life of a small platform by its commands alone, typed one after the other in an account of its own.

What they say to wrong input is in `tests/unit/test_cli_refusals.py`, approving in `tests/terraform/test_approvals.py`.
The tests run in the order they stand in; each begins where the one before it ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from dagster import AssetKey

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.instance import home_of, open_instance
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from tests.scenario import edited

PLATFORM = """\
name: cove
defaults:
  region: eu-west-1
  tags:
    project: cove
    owner: platform@example.com
    department: data
    cost_center: DATA-1
    data_sensitivity: internal
    purpose: analytics
  github: {organization: example-org, repository: cove}
  buckets:
    raw: {}
  images: {}
environments:
  dev:
    cloud: emulator
    account: "123456789012"
    github: {apply_environment: dev}
    warehouse: {type: duckdb, path: .buildkit/dev/warehouse.duckdb}
"""
#: For what a busy machine may take long over; whoever waits so long has failed.
PATIENCE = 900.0
pytestmark = pytest.mark.timeout(2 * PATIENCE)
BUILDKIT = [sys.executable, "-c", "from buildkit_dagster.cli import main; main()"]


@dataclass(frozen=True)
class Cove:
    """The platform, and its account as boto sees it."""

    platform: Platform
    aws: Aws

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            [*BUILDKIT, *words],
            cwd=self.platform.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def done(self, *words: str, code: int = 0) -> str:
        """What a command prints that ends with this exit code."""
        ended = self.type(*words)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout

    @property
    def variables(self) -> dict[str, str]:
        """The environment of somebody without an account."""
        passed = {name: os.environ[name] for name in ("PATH", "BUILDKIT_PROVIDER_MIRROR") if name in os.environ}
        home = str(self.platform.folder)
        return {**passed, "HOME": home, "TERM": "dumb", "COLUMNS": "80", "BUILDKIT_ENV": "dev"}

    @property
    def buckets(self) -> set[str]:
        """The last words of their names."""
        listed = self.aws.client("s3").list_buckets()["Buckets"]
        return {bucket["Name"].removeprefix("cove-dev-").partition("-")[0] for bucket in listed}

    @property
    def objects(self) -> set[str]:
        """The keys in the bucket of states and plans."""
        bucket = self.platform.names.state_bucket()
        return {each["Key"] for each in self.aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())}

    def json_of(self, key: str) -> dict[str, Any]:
        """One of those objects."""
        answer = self.aws.client("s3").get_object(Bucket=self.platform.names.state_bucket(), Key=key)
        return dict(json.loads(answer["Body"].read()))

    def instance(self) -> Any:
        return open_instance(home_of(self.platform, self.aws.process))


@pytest.fixture(scope="module")
def cove(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cove]:
    folder = tmp_path_factory.mktemp("commands") / "cove"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "platform.yaml").write_text(PLATFORM)
    platform = load_platform(folder, "dev")
    emulator = start_emulator(state_dir=platform.work, repositories={}, owner_pid=os.getpid())
    try:
        yield Cove(platform, aws_for(platform, replace(read_environment(), endpoint=None)))
    finally:
        stop_emulator(emulator)


@pytest.fixture(scope="module")
def planned(cove: Cove) -> dict[str, dict[str, Any]]:
    """The plans of an empty account by their stacks, as the file for programs has them."""
    printed = cove.done("plan", "--format", "markdown", "--out", "pr")
    assert (cove.platform.folder / "pr" / "plan-01.md").read_text() == printed
    return {each["stack"]: each for each in json.loads((cove.platform.folder / "pr" / "plan.json").read_text())}


def test_an_empty_account_is_planned_and_nothing_is_made(cove: Cove, planned: dict[str, dict[str, Any]]) -> None:
    assert list(planned) == ["bootstrap", "registry", "lake"]
    assert "module.state_backend.aws_s3_bucket.state" in {each["address"] for each in planned["bootstrap"]["changes"]}
    assert (planned["bootstrap"]["speculative"], len(planned["lake"]["speculative"])) == ([], 1)
    text = (cove.platform.folder / "pr" / "plan-01.md").read_text()
    for stack, plan in planned.items():
        marked = " speculative" if plan["speculative"] else ""
        assert f"| {stack} | {plan['counts']['add']} | 0 | 0 | `{plan['digest']}`{marked} |" in text
    assert cove.buckets == set()


def test_where_one_of_several_plans_cannot_be_applied_none_is(cove: Cove, planned: dict[str, dict[str, Any]]) -> None:
    refused = cove.type("apply", "--plan", planned["bootstrap"]["digest"], "--plan", planned["lake"]["digest"])
    assert refused.returncode == 1
    assert f"plan {planned['lake']['digest']} of stack 'lake' is speculative" in refused.stderr
    assert cove.buckets == set()


def test_a_stored_plan_is_applied_once_by_the_beginning_of_its_digest(
    cove: Cove, planned: dict[str, dict[str, Any]]
) -> None:
    begins = planned["bootstrap"]["digest"][:8]
    assert "materialized infra/bootstrap/state_backend" in cove.done("apply", "--plan", begins)
    assert "stacks/bootstrap/terraform.tfstate" in cove.objects
    again = cove.type("apply", "--plan", begins)
    assert again.returncode == 1
    with cove.instance() as instance:
        (run,) = instance.get_runs()
    assert f"was applied already, by run {run.run_id}" in again.stderr


def test_trust_tells_of_the_plan_who_would_get_in_and_keeps_no_plan(cove: Cove) -> None:
    file = edited(cove.platform.folder, "config/platform.yaml", "apply_environment: dev", "apply_environment: release")
    answers = json.loads(cove.done("trust", "bootstrap", "--json"))
    printed = cove.done("trust", "bootstrap", "--state")
    file.write_text(PLATFORM)
    admitted = {(each["role"], each["caller"]) for each in answers if each["admitted"]}
    assert admitted == {
        ("cove-dev-github-plan", "own branch main"),
        ("cove-dev-github-plan", "own pull request"),
        ("cove-dev-github-apply", "own environment release"),
    }
    assert "Who gets into the roles of stack bootstrap" in printed
    assert "…" not in printed, "what begins alike must not be cut off"
    assert list(cove.platform.work.glob("bootstrap/*.tfplan")) == []


def test_several_plans_are_applied_in_the_order_their_stacks_have(cove: Cove) -> None:
    printed = cove.done("plan", 'key:"infra/lake/*" or key:"infra/registry/*"', "--json")
    digests = {each["stack"]: each["digest"] for each in json.loads(printed)}
    assert list(digests) == ["registry", "lake"]
    cove.done("apply", "--plan", digests["lake"], "--plan", digests["registry"])
    assert cove.buckets == {"tfstate", "artifacts", "raw"}
    with cove.instance() as instance:
        lake, registry, _ = instance.get_runs()
        assert (lake.job_name, registry.job_name) == ("stack_lake", "stack_registry")
        assert lake.run_config == {"ops": {"terraform_lake": {"config": {"plan": digests["lake"]}}}}
        assert instance.get_latest_materialization_event(AssetKey(["infra", "lake", "raw"])).run_id == lake.run_id
    assert cove.json_of(f"plans/lake/{digests['lake']}.json")["applied"] == lake.run_id
    assert f"plans/lake/{digests['lake']}.tfplan" not in cove.objects
