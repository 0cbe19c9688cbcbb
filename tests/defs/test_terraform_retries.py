"""What is tried again, in runs and everywhere else: only what passes by itself, and never a cancelled run.

Real Terraform. Drift that is looked for while S3 throttles is in `test_drift.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dagster import DagsterInstance, Definitions

from buildkit_dagster import TerraformCliResource, TerraformStack, terraform_plan_job
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.defs.policy import terraform_policy_checks
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import PlanFailed
from buildkit_dagster.terraform.adopt import find_adoptions
from buildkit_dagster.terraform.destroy import destroy_stack
from buildkit_dagster.terraform.drift import look_for_drift
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.retries import Retries
from buildkit_dagster.terraform.tag_truth import look_at_tags
from tests.chaos.proxy import Proxy
from tests.terraform_runs import REGION, Run, assets_of, materialize_stack

ROOT = """
variable "message" {
  type = string
}

resource "terraform_data" "this" {
  lifecycle {
    precondition {
      condition     = var.message == ""
      error_message = var.message
    }
  }
}
"""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retries, "wait", lambda *_: 0.1)


def run(folder: Path, message: str) -> Run:
    (folder / "main.tf").write_text(ROOT)
    return materialize_stack(TerraformStack(folder, name="checked", variables={"message": message}), retries=2)


def tries(run: Run) -> list[str]:
    kinds = ("STEP_START", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_FAILURE", "STEP_SUCCESS")
    return [event.event_type_value for event in run.result.all_events if event.event_type_value in kinds]


def test_what_passes_by_itself_is_tried_again_and_the_last_failure_is_told_as_any_other(tmp_path: Path) -> None:
    done = run(tmp_path, "ThrottlingException: Rate exceeded")
    assert tries(done) == ["STEP_START", *["STEP_UP_FOR_RETRY", "STEP_RESTARTED"] * 2, "STEP_FAILURE"]
    assert "ThrottlingException: Rate exceeded" in done.error
    assert "trying again in 0 s (2 of 2)" in done.logged()


def test_what_stays_is_not_tried_again(tmp_path: Path) -> None:
    assert tries(run(tmp_path, "AccessDenied: not authorized")) == ["STEP_START", "STEP_FAILURE"]


ACCOUNT = """
provider "aws" {
  region      = "us-east-1"
  max_retries = 2
}

data "aws_caller_identity" "this" {}

resource "terraform_data" "this" {
  input = data.aws_caller_identity.this.account_id
}
"""


def test_a_plan_job_that_the_cloud_throttles_plans_again(
    tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "main.tf").write_text(ACCOUNT)
    slow = Proxy(emulator.endpoint)
    throttled = slow.add(
        lambda request: request.action == "GetCallerIdentity" and request.sender == "provider",
        lambda _, request: request.error(400, "Throttling", "Rate exceeded"),
    )
    monkeypatch.setattr(Retries, "wait", slow.clear_at_a_wait)
    process = replace(read_environment(), endpoint=slow.endpoint)
    terraform = TerraformCliResource(aws=Aws(process, REGION, tmp_path / "emulator.json"))
    stack, instance = TerraformStack(tmp_path / "asked"), DagsterInstance.ephemeral()
    assets = [assets_of(stack)]
    job = Definitions(assets, jobs=[terraform_plan_job(assets, terraform)], resources={"terraform": terraform})
    done = job.resolve_job_def("plan").execute_in_process(instance=instance, raise_on_error=False)
    slow.close()
    logged = "\n".join(str(entry) for entry in instance.all_logs(done.run_id))
    assert throttled.hits > 0
    assert done.success
    assert "Throttling: Rate exceeded" in logged
    assert "trying again in 0 s (1 of 3)" in logged
    (record,) = Plans(stack, None).records()
    assert done.output_for_node("plan_asked") == record.digest


#: Every command reads this data source, be it to destroy; where its file is not there, the error's words are those of
#: what passes by itself, because of its name.
REMOTE = """
data "terraform_remote_state" "throttled" {
  backend = "local"
  config  = { path = "remote.tfstate" }
}

resource "terraform_data" "this" {
  input = data.terraform_remote_state.throttled.outputs
}
"""


def _judge(engine: Engine) -> bool:
    checks = terraform_policy_checks(stack=engine.stack)
    definitions = Definitions(asset_checks=[checks], resources={"terraform": TerraformCliResource()})
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process(raise_on_error=False).success


@pytest.fixture
def throttled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An applied stack that Terraform can do nothing with before the first wait."""
    (tmp_path / "main.tf").write_text(REMOTE)
    remote, away = tmp_path / "remote.tfstate", tmp_path / "away"
    remote.write_text('{"version": 4, "serial": 1, "lineage": "x", "outputs": {}, "resources": []}')
    stack = TerraformStack(tmp_path, name="rested")
    assert materialize_stack(stack).success
    remote.rename(away)
    monkeypatch.setattr(Retries, "wait", lambda *_: 0.0 if away.rename(remote) else 1.0)
    return TerraformCliResource().engine(stack)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda engine: look_for_drift(engine).applied, True),
        (lambda engine: look_at_tags(engine).applied, True),
        (find_adoptions, ()),
        (_judge, True),
        (destroy_stack, True),
    ],
    ids=["drift", "tags", "adopt", "policy", "destroy"],
)
def test_all_that_is_asked_of_terraform_outside_of_an_apply_is_asked_again(
    throttled: Engine, look: Callable[[Engine], object], said: object
) -> None:
    assert look(throttled) == said
    assert not (throttled.stack.path / "away").exists(), "it was waited for"


def test_what_stays_is_asked_once(throttled: Engine) -> None:
    main = throttled.stack.path / "main.tf"
    main.write_text(main.read_text().replace("throttled", "absent"))
    with pytest.raises(PlanFailed, match="Unable to find remote state"):
        look_for_drift(TerraformCliResource().engine(TerraformStack(throttled.stack.path, name="rested")))
    assert (throttled.stack.path / "away").exists()


def test_a_resource_without_retries_asks_once(throttled: Engine) -> None:
    with pytest.raises(PlanFailed, match="Unable to find remote state"):
        look_for_drift(TerraformCliResource(retries=0).engine(throttled.stack))
    assert (throttled.stack.path / "away").exists()
