"""Secrets that the AWS provider marks, or repeats in its errors: the real provider against the emulator."""

from __future__ import annotations

import json
from pathlib import Path

from dagster import DagsterInstance

from buildkit_dagster import TerraformStack
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.terraform.secret_names import MARK
from tests.canaries.planted import found_in, found_in_files
from tests.terraform_runs import REGION, materialize_stack

ROOT = """
provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["123456789012"]
  s3_use_path_style   = true
}

locals {
  innocent  = "canary-literal-77aa"
  api_token = "canary-tag-0b1c2d"
}

resource "aws_ssm_parameter" "marked" {
  name  = "/canary/marked"
  type  = "SecureString"
  value = local.innocent
}

resource "aws_ssm_parameter" "open" {
  name           = "/canary/open"
  type           = "String"
  insecure_value = jsonencode({ note = "next to it", again = local.innocent })
  description    = local.api_token
}

resource "aws_iam_role_policy_attachment" "refused" {
  role       = local.api_token
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
  depends_on = [aws_ssm_parameter.open, aws_ssm_parameter.marked]
}

output "open" {
  value = aws_ssm_parameter.open.insecure_value
}
"""


def test_what_the_provider_marks_or_repeats_is_in_nothing_a_run_leaves(tmp_path: Path, emulator: Emulator) -> None:
    (tmp_path / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    (tmp_path / "home").mkdir()
    root = tmp_path / "provided"
    root.mkdir()
    (root / "main.tf").write_text(ROOT)
    aws = Aws(read_environment(), REGION, tmp_path / "emulator.json")
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        run = materialize_stack(TerraformStack(root), instance=instance, aws=aws)
        logged = run.logged()
    assert not run.success
    assert "aws_iam_role_policy_attachment.refused, main.tf:26: attaching IAM Policy" in run.error
    assert MARK in run.error
    assert "canary" in (root / "terraform.tfstate").read_text()
    assert found_in(run.error.encode()) == []
    assert found_in(logged.encode()) == []
    assert found_in_files(tmp_path / "home") == []
