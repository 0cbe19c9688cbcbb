"""What somebody made by hand is found by the names planned, imported by the next apply, and not made anew."""

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.adopt import find_adoptions, write_imports
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform.test_modules import EmulatedCloud
from tests.terraform_runs import MODULES

ROOT = """
provider "aws" {
  s3_use_path_style = true
}

variable "name" {
  type = string
}

module "each" {
  source   = "./store"
  for_each = toset(["a", "b c"])
  name     = "${var.name}-${replace(each.key, " ", "-")}"
}

module "counted" {
  source = "./store"
  count  = 2
  name   = "${var.name}-${count.index}"
}

resource "aws_cloudwatch_log_group" "log" {
  count = 1
  name  = "/${var.name}/log"
}

resource "aws_ecr_repository" "images" {
  name = "${var.name}/images"
}

resource "aws_iam_openid_connect_provider" "git" {
  url             = "https://${var.name}.example.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

resource "aws_codebuild_project" "build" {
  name         = "${var.name}-build"
  service_role = "arn:aws:iam::123456789012:role/${var.name}-0-role"

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    type         = "LINUX_CONTAINER"
  }

  source {
    type     = "S3"
    location = "${var.name}-0/source.zip"
  }
}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}],
}


def make_by_hand(boto: Callable[[str], Any], name: str) -> None:
    for key in ("a", "b-c", "0"):
        boto("s3").create_bucket(Bucket=f"{name}-{key}")
        boto("iam").create_role(RoleName=f"{name}-{key}-role", AssumeRolePolicyDocument=json.dumps(TRUST))
    boto("logs").create_log_group(logGroupName=f"/{name}/log")
    boto("iam").create_open_id_connect_provider(
        Url=f"https://{name}.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["6" * 40]
    )
    boto("codebuild").create_project(
        name=f"{name}-build",
        source={"type": "S3", "location": f"{name}-0/source.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "old", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=f"arn:aws:iam::123456789012:role/{name}-0-role",
    )


def test_what_was_made_by_hand_is_imported_and_nothing_of_it_is_made_anew(
    tmp_path: Path, aws_env: Mapping[str, str], boto: Callable[[str], Any]
) -> None:
    name = f"adopt-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "root"
    shutil.copytree(MODULES / "store", folder / "store")
    (folder / "main.tf").write_text(ROOT)
    make_by_hand(boto, name)
    boto("ecr").create_repository(repositoryName=f"{name}/images")
    stack = TerraformStack(folder, variables={"name": name})
    engine = Engine(stack, EmulatedCloud(aws_env, boto), "adopt", lambda _: None)

    found = find_adoptions(engine)
    assert {one.address for one in found} == {
        'module.each["a"].aws_s3_bucket.this',
        'module.each["b c"].aws_s3_bucket.this',
        "module.counted[0].aws_s3_bucket.this",
        'module.each["a"].aws_iam_role.this',
        'module.each["b c"].aws_iam_role.this',
        "module.counted[0].aws_iam_role.this",
        "aws_cloudwatch_log_group.log[0]",
        "aws_ecr_repository.images",
        "aws_iam_openid_connect_provider.git",
        "aws_codebuild_project.build",
    }
    write_imports(stack.imports, found)
    write_imports(stack.imports, found)
    assert len(json.loads(stack.imports.read_text())["import"]) == len(found)

    engine.write()
    plan = engine.plan()
    created = {change.address for change in plan.changes if "create" in change.actions}
    assert created.isdisjoint(one.address for one in found)
    assert {change.address for change in plan.resources if change.importing} == {one.address for one in found}
    assert [event for batch in engine.apply(plan) for event in batch]
    assert engine.plan().is_empty, "blocks of what is imported already do no harm"
    assert find_adoptions(engine) == ()


def test_a_rendered_root_has_the_blocks_of_its_environment_as_long_as_the_folder_has_them(
    tmp_path: Path, aws_env: Mapping[str, str], boto: Callable[[str], Any]
) -> None:
    root = RenderedRoot("lake", (ModuleCall("raw", "store", {"name": "raw"}),), None, None, MODULES)
    stack = TerraformStack.rendered(root, tmp_path / ".buildkit" / "dev")
    assert stack.imports == tmp_path / "imports" / "dev" / "lake.tf.json"
    engine = Engine(stack, EmulatedCloud(aws_env, boto), "adopt", lambda _: None)
    stack.imports.parent.mkdir(parents=True)
    stack.imports.write_text('{"import": []}')
    engine.write()
    assert (stack.path / "imports.tf.json").read_text() == '{"import": []}'
    stack.imports.unlink()
    engine.write()
    assert not (stack.path / "imports.tf.json").exists()
