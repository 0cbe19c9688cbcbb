"""What the gates said, as checks: written where there is something to say, and only there."""

import json
from pathlib import Path

from dagster import AssetCheckEvaluation, AssetCheckKey, DagsterInstance, Definitions

from buildkit_dagster import TerraformCliResource, TerraformStack
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.defs.checks import POLICY, Result, last_results
from buildkit_dagster.defs.policy import terraform_policy_checks
from buildkit_dagster.emulator.control import Emulator
from tests.terraform_runs import REGION, key_of, materialize_stack

ROOT = """
module "one" {
  source = "./data"
  input  = "one"
}

module "two" {
  source = "./data"
  input  = "two"
}
"""
MODULE = """
variable "input" {
  type = string
}

resource "terraform_data" "it" {
  input = var.input
}
"""
POLICIES = """
package main

import rego.v1

named(word) := change.address if {
  some change in input.resource_changes
  change.change.after.input == word
}

deny contains sprintf("%s is denied", [named("denied")]) if true
warn contains sprintf("%s is warned of", [named("warned")]) if true
deny contains "the whole is denied" if named("whole")
deny contains "nothing is said of this plan" if not input.format_version
"""


class Watched:
    """A root of two units with policies about their inputs."""

    def __init__(self, folder: Path) -> None:
        (folder / "root" / "data").mkdir(parents=True)
        (folder / "policies").mkdir()
        (folder / "root" / "data" / "main.tf").write_text(MODULE)
        (folder / "policies" / "own.rego").write_text(POLICIES)
        self.folder, self.instance = folder, DagsterInstance.ephemeral()

    def stack(self, **inputs: str) -> TerraformStack:
        text = ROOT
        for unit, value in inputs.items():
            text = text.replace(f'"{unit}"\n}}', f'"{value}"\n}}')
        (self.folder / "root" / "main.tf").write_text(text)
        return TerraformStack(self.folder / "root")

    def run(self, *, mode: str = "deny", units: list[str] | None = None, **inputs: str) -> bool:
        gates = Gates.model_validate({"policies": mode})
        policies = str(self.folder / "policies")
        stack = self.stack(**inputs)
        return materialize_stack(stack, units=units, instance=self.instance, gates=gates, policies=policies).success

    def results(self) -> dict[str, Result]:
        keys = {AssetCheckKey(key_of("root", unit), POLICY): unit for unit in ("one", "two")}
        return {keys[key]: result for key, result in last_results(self.instance, keys).items()}


def test_a_run_without_verdicts_writes_no_result(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert watched.run()
    assert watched.results() == {}


def test_a_refused_plan_fails_the_check_of_its_unit_and_a_right_one_mends_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert not watched.run(one="denied")
    (result,) = watched.results().values()
    assert (result.check.asset_key, result.passed, result.severity.value) == (key_of("root", "one"), False, "ERROR")
    assert "module.one.terraform_data.it is denied [rego/main.deny]" in result.description
    assert watched.run()
    assert watched.results()["one"].passed
    assert watched.results().keys() == {"one"}


def test_a_warning_is_a_warning_and_stays_while_nothing_changes(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert watched.run(two="warned")
    result = watched.results()["two"]
    assert (result.passed, result.severity.value) == (False, "WARN")
    assert watched.run(two="warned")
    assert watched.results()["two"] == result
    assert watched.run()
    assert watched.results()["two"].passed


def test_a_plan_that_waits_for_an_approval_fails_the_check(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert not watched.run(mode="approve", one="denied")
    assert not watched.results()["one"].passed


def test_the_check_can_be_run_by_itself_and_applies_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    stack = watched.stack(one="denied", two="warned")
    terraform = TerraformCliResource(policies=str(tmp_path / "policies"))
    said = {unit: (each.passed, each.severity.value) for unit, each in looked_at(stack, terraform).items()}
    assert said == {"one": (False, "ERROR"), "two": (False, "WARN")}
    assert not (tmp_path / "root" / "terraform.tfstate").exists()
    assert not list(tmp_path.rglob("*.tfplan"))


def looked_at(stack: TerraformStack, terraform: TerraformCliResource) -> dict[str, AssetCheckEvaluation]:
    """Unit → what its check says when it is run by itself."""
    definitions = Definitions(asset_checks=[terraform_policy_checks(stack=stack)], resources={"terraform": terraform})
    done = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
    return {each.asset_key.path[-1]: each for each in done.get_asset_check_evaluations()}


def test_what_is_said_of_the_stack_as_a_whole_fails_the_check_of_its_first_unit(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert not watched.run(two="whole")
    assert {unit: result.passed for unit, result in watched.results().items()} == {"one": False}
    assert "root: the whole is denied [rego/main.deny]" in watched.results()["one"].description
    terraform = TerraformCliResource(policies=str(tmp_path / "policies"))
    said = looked_at(watched.stack(two="whole"), terraform)
    assert {unit: each.passed for unit, each in said.items()} == {"one": False, "two": True}
    assert watched.run()
    assert watched.results()["one"].passed
    assert watched.run(), "a plan that changes nothing"
    assert watched.results()["one"].passed
    said = looked_at(watched.stack(), terraform)
    assert {unit: each.passed for unit, each in said.items()} == {"one": True, "two": True}


def test_a_run_of_a_part_that_is_refused_as_a_whole_fails_the_check_of_the_first_unit_it_is_about(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    assert not watched.run(units=["two"], two="whole")
    assert {unit: result.passed for unit, result in watched.results().items()} == {"two": False}
    assert watched.run(units=["two"])
    assert watched.results()["two"].passed


STORED = """
provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
}

module "kept" {
  source = "./kept"
}
"""
LEFT = """
module "gone" {
  source = "./gone"
}
"""
BUCKET = """
resource "aws_s3_bucket" "it" {
  bucket = "left-the-configuration"
}
"""


def test_what_is_said_of_a_unit_that_left_the_configuration_fails_the_check_of_the_first_unit(
    tmp_path: Path, emulator: Emulator
) -> None:
    (tmp_path / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    root, instance = tmp_path / "stored", DagsterInstance.ephemeral()
    for name, text in {"kept": 'resource "terraform_data" "it" {}\n', "gone": BUCKET}.items():
        (root / name).mkdir(parents=True)
        (root / name / "main.tf").write_text(text)
    aws = Aws(read_environment(), REGION, tmp_path / "emulator.json")
    (root / "main.tf").write_text(STORED + LEFT)
    run = materialize_stack(TerraformStack(root), instance=instance, aws=aws)
    assert run.success, run.error
    (root / "main.tf").write_text(STORED)
    smaller = TerraformStack(root)
    assert not materialize_stack(smaller, instance=instance, aws=aws).success
    (result,) = last_results(instance, [AssetCheckKey(key_of("stored", "kept"), POLICY)]).values()
    alone = looked_at(smaller, TerraformCliResource(aws=aws))["kept"]
    for passed, description in ((result.passed, result.description), (alone.passed, alone.description or "")):
        assert not passed
        assert "[orphans/remove]" in description
        assert "module.gone.aws_s3_bucket.it" in description
        assert "[protected/delete]" in description


OPEN_ROLE = """
provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
}

resource "aws_s3_bucket" "data" {
  bucket = "told-late-data"
}

resource "aws_iam_role" "reader" {
  name               = "told-late-reader"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "reader" {
  role   = aws_iam_role.reader.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = [aws_s3_bucket.data.arn, "*"] }]
  })
}
"""


def test_a_document_that_only_the_apply_tells_is_judged_right_after_it(tmp_path: Path, emulator: Emulator) -> None:
    (tmp_path / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "main.tf").write_text(OPEN_ROLE)
    aws, instance = Aws(read_environment(), REGION, tmp_path / "emulator.json"), DagsterInstance.ephemeral()
    run = materialize_stack(TerraformStack(tmp_path / "late"), instance=instance, aws=aws)
    assert run.success
    (result,) = last_results(instance, [AssetCheckKey(key_of("late", "root"), POLICY)]).values()
    assert (result.passed, result.severity.value) == (False, "WARN")
    assert "policy/" in result.description
    assert "aws_iam_role_policy.reader" in result.description
