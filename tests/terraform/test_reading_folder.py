"""A plan is read without the provider being hashed again; what plans and applies makes sure of it as ever."""

from pathlib import Path

import pytest

from buildkit_dagster.cloud.aws import Ambient
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.errors import ApplyFailed, PlanFailed
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.workdir import LOCK_FILE

ROOT = """
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

module "parameter" {
  source = "./parameter"
}
"""
PARAMETER = """
resource "aws_ssm_parameter" "one" {
  name  = "/one"
  type  = "String"
  value = "1"
}
"""


def tamper_with_provider(data: Path) -> None:
    """Another file in the provider's folder: its program is the same, its hash is not."""
    [folder] = data.glob("providers/*/*/aws/*/*")
    original = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for file in original.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "added").write_text("by somebody")


def test_a_changed_provider_neither_plans_nor_applies_though_it_is_not_looked_at_to_read_a_plan(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(ROOT)
    (tmp_path / "parameter").mkdir()
    (tmp_path / "parameter/main.tf").write_text(PARAMETER)
    engine = Engine(TerraformStack(tmp_path, name="net"), Ambient(read_environment()), "run", lambda _: None)
    engine.write()
    engine.init()
    plan = engine.plan()
    assert [change.address for change in plan.changes] == ["module.parameter.aws_ssm_parameter.one"]
    assert "hashes" in (tmp_path / LOCK_FILE).read_text()

    tamper_with_provider(engine.workdir.data)
    assert engine.read_plan().changes == plan.changes
    with pytest.raises(ApplyFailed, match="does not match any of the checksums"):
        list(engine.apply(plan))
    with pytest.raises(PlanFailed, match="does not match any of the checksums"):
        engine.plan()
