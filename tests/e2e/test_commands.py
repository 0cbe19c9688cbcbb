"""The life of a small platform by its commands alone, typed one after the other in an account of its own.

What they say to wrong input is in `tests/unit/test_cli_refusals.py`, approving in `tests/terraform/test_approvals.py`.
The tests run in the order they stand in; each begins where the one before it ended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.instance import home_of, open_instance
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from tests.chaos.phases import Picks
from tests.chaos.proxy import Proxy
from tests.emulator.helpers import until
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
#: A bucket that somebody made, and the first request by which Terraform changes it.
LANDING, LANDING_TAGS = "module.landing.aws_s3_bucket.this", "/cove-dev-landing-123456789012-eu-west-1?tagging"
LOCK, HOLDER = (f"stacks/lake/terraform.tfstate.{kind}" for kind in ("tflock", "holder"))
#: For what a busy machine may take long over; whoever waits so long has failed.
PATIENCE = 900.0
pytestmark = pytest.mark.timeout(2 * PATIENCE)
BUILDKIT = [sys.executable, "-c", "from buildkit_dagster.cli import main; main()"]


@dataclass(frozen=True)
class Cove:
    """The platform, and its account as boto sees it."""

    platform: Platform
    aws: Aws

    def type(self, *words: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            [*BUILDKIT, *words],
            cwd=self.platform.folder,
            env=self.variables,
            input=answer,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    @contextmanager
    def held(self, *words: str, at: Picks) -> Iterator[subprocess.Popen[str]]:
        """One command in the background, from when its first such request is held; afterwards the request is lost."""
        proxy = Proxy(str(self.aws.endpoint))
        rule = proxy.hold(at, then=lambda *_: None)
        environment = {**self.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
        with self.said.open("w") as file, closing(proxy):
            command = subprocess.Popen(
                [*BUILDKIT, *words], cwd=self.platform.folder, env=environment, stdout=file, stderr=file, text=True
            )
            try:
                until(rule.reached.is_set, lambda reached: reached or command.poll() is not None, PATIENCE)
                yield command
            finally:
                proxy.clear()
                command.wait(PATIENCE)

    def done(self, *words: str, code: int = 0) -> str:
        """What a command prints that ends with this exit code."""
        ended = self.type(*words)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout

    @property
    def said(self) -> Path:
        """What a command in the background printed."""
        return self.platform.folder / "said.txt"

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

    def ids_in_state(self, stack: str, type: str) -> set[str]:
        """Of the resources of this type that the stack's state has."""
        found = self.json_of(f"stacks/{stack}/terraform.tfstate")["resources"]
        return {one["attributes"]["id"] for each in found if each["type"] == type for one in each["instances"]}

    def keeps_versions(self, bucket: str) -> str:
        return str(self.aws.client("s3").get_bucket_versioning(Bucket=self.platform.names.bucket(bucket))["Status"])

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


def test_what_somebody_changes_in_the_cloud_is_drift(cove: Cove) -> None:
    assert cove.done("drift", "--stack", "lake") == "lake: no drift\n"
    cove.aws.client("s3").put_bucket_versioning(
        Bucket=cove.platform.names.bucket("raw"), VersioningConfiguration={"Status": "Suspended"}
    )
    _, *found = cove.done("drift", "--stack", "lake", code=3).splitlines()
    assert found == ["  module.raw.aws_s3_bucket_versioning.this: versioning_configuration"]
    assert cove.keeps_versions("raw") == "Suspended"


@pytest.fixture(scope="module")
def imported(cove: Cove) -> str:
    """The digest of the plan that imports a bucket which somebody made, and puts the drift right."""
    edited(cove.platform.folder, "config/platform.yaml", "    raw: {}\n", "    raw: {}\n    landing: {}\n")
    landing = cove.platform.names.bucket("landing")
    cove.aws.client("s3").create_bucket(
        Bucket=landing, CreateBucketConfiguration={"LocationConstraint": cove.platform.config.region}
    )
    imports = cove.platform.folder / "imports" / "dev" / "lake.tf.json"
    assert str(imports) in cove.done("adopt", "--stack", "lake", "--write")
    assert json.loads(imports.read_text()) == {"import": [{"to": LANDING, "id": landing}]}
    (plan,) = json.loads(cove.done("plan", "--stack", "lake", "--json"))
    changes = {each["address"]: each for each in plan["changes"]}
    assert changes[LANDING]["imported"]
    assert "create" not in changes[LANDING]["actions"]
    assert changes["module.raw.aws_s3_bucket_versioning.this"]["actions"] == ["update"]
    return str(plan["digest"])


def test_the_lock_of_a_run_is_named_while_it_applies_and_let_go_of_when_it_is_dead(cove: Cove, imported: str) -> None:
    with cove.held("apply", "--plan", imported, at=lambda request: LANDING_TAGS in request.target) as applying:
        until(lambda: HOLDER in cove.objects, lambda there: there or applying.poll() is not None, PATIENCE)
        assert applying.poll() is None, cove.said.read_text()
        holder = cove.json_of(HOLDER)
        printed = cove.done("locks")
        with cove.instance() as instance:
            run = instance.get_runs(limit=1)[0]
            os.kill(worker_of(instance, run.run_id), signal.SIGKILL)
        os.killpg(holder["pid"], signal.SIGKILL)
        assert applying.wait(PATIENCE) == 1, cove.said.read_text()
    assert (run.job_name, holder["run"]) == ("stack_lake", run.run_id)
    assert f"lock {holder['lock_id']}), Dagster run {run.run_id} (STARTED); wait: its Terraform still runs" in printed
    assert LOCK in cove.objects
    assert cove.done("locks", "--release") == "no state is locked\n"
    assert LOCK not in cove.objects


def test_the_plan_of_an_apply_that_was_killed_takes_what_exists_into_the_state(cove: Cove, imported: str) -> None:
    cove.done("apply", "--plan", imported)
    assert not {LOCK, HOLDER} & cove.objects
    assert cove.platform.names.bucket("landing") in cove.ids_in_state("lake", "aws_s3_bucket")
    assert (cove.keeps_versions("landing"), cove.keeps_versions("raw")) == ("Enabled", "Enabled")


def test_destroy_asks_and_takes_the_stack_away_at_the_right_word_only(cove: Cove) -> None:
    refused = cove.type("destroy", "--stack", "lake", answer="no\n")
    assert refused.returncode == 1
    assert "lake: 12 resources: landing (6), raw (6)" in refused.stdout
    assert refused.stdout.endswith("Type lake to destroy it: Nothing was destroyed.\n")
    assert cove.buckets == {"tfstate", "artifacts", "raw", "landing"}
    done = cove.type("destroy", "--stack", "lake", answer="lake\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Destroyed: lake.\n")
    assert cove.buckets == {"tfstate", "artifacts"}
    assert cove.ids_in_state("lake", "aws_s3_bucket") == set()
    with cove.instance() as instance:
        assert instance.get_latest_materialization_event(AssetKey(["infra", "lake", "raw"])) is None
        assert instance.get_latest_materialization_event(AssetKey(["infra", "registry", "artifacts"])) is not None


def worker_of(instance: DagsterInstance, run_id: str) -> int:
    """The process of a run, which Dagster writes down."""
    told = (re.search(r"\(pid: (\d+)\)", record.user_message or "") for record in instance.all_logs(run_id))
    return int(next(found for found in told if found).group(1))
