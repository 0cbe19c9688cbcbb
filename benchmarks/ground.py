"""The ground a contender works on: an emulator of its own, a state bucket in it, and folders.

A new ground is an empty account, so "from nothing" is the same for every contender and in every round. What is done on
it is in `contenders.py`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildkit_dagster import process
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.emulator.control import Emulator, start_emulator, stop_emulator
from buildkit_dagster.terraform.module_folder import module_outputs
from buildkit_dagster.terraform.providers import Sources, find_sources, write_cli_configuration
from buildkit_dagster.terraform.render import body_of
from buildkit_dagster.terraform.rendered_root import AwsProvider, ModuleCall, RenderedRoot, S3Backend

MODULES = Path(__file__).parent / "modules"
REGION, ACCOUNT, BUCKET = "us-east-1", "123456789012", "benchmark-state"
RESOURCES_PER_UNIT = 3
_MINUTES = 15 * 60.0


class CouldNotMeasure(Exception):
    """A contender failed, so there is no figure."""


@dataclass
class Ground:
    """An empty account, and a folder for everything that is written."""

    folder: Path
    emulator: Emulator
    aws: Aws
    sources: Sources

    @property
    def cli_configuration(self) -> Path:
        return self.folder / "terraform-cli.tfrc.json"

    @property
    def environment(self) -> dict[str, str]:
        """What Terraform gets; the same provider source as ours."""
        kept = {name: value for name, value in self.aws.variables.items() if not name.startswith("TF_")}
        return {**kept, "TF_CLI_CONFIG_FILE": str(self.cli_configuration), "CHECKPOINT_DISABLE": "1"}

    def terraform(self, root: Path, *arguments: str, allowed: tuple[int, ...] = (0,)) -> None:
        """Run Terraform as somebody would by hand."""
        line = [str(self.sources.binary), arguments[0], "-input=false", "-no-color", *arguments[1:]]
        answer = process.run(line, cwd=root, env=self.environment, timeout=_MINUTES)
        if answer.returncode not in allowed:
            raise CouldNotMeasure(f"terraform {' '.join(arguments)} in {root}:\n{answer.stdout}{answer.stderr}")

    def aws_with_path(self, folder: Path) -> Aws:
        """The same account for children that find `folder` first on their PATH."""
        process = self.aws.process
        path = f"{folder}{os.pathsep}{process.variables['PATH']}"
        return replace(self.aws, process=replace(process, variables={**process.variables, "PATH": path}))

    def leave(self) -> None:
        """End the emulator."""
        stop_emulator(self.emulator)


def new_ground(folder: Path) -> Ground:
    """Start an emulator with an empty account; what an earlier one left in `folder` goes."""
    shutil.rmtree(folder, ignore_errors=True)
    environment = read_environment()
    emulator = start_emulator(state_dir=folder, repositories={}, owner_pid=os.getpid())
    aws = Aws(environment, REGION, folder / "emulator.json")
    ground = Ground(folder, emulator, aws, find_sources(aws.variables, environment.provider_mirror))
    write_cli_configuration(ground.cli_configuration, ground.sources.mirror)
    _warm_up(aws)
    return ground


def calls(units: int, changed: Collection[int] = ()) -> tuple[ModuleCall, ...]:
    """`units` calls of the same module; those numbered in `changed` differ in one argument of one resource."""
    retention = dict.fromkeys(changed, 30)
    return tuple(
        ModuleCall(unit_name(index), "service", {"name": unit_name(index), "retention": retention.get(index, 14)})
        for index in range(units)
    )


def unit_name(index: int) -> str:
    return f"svc{index:03}"


def rendered_root(stack: str, called: tuple[ModuleCall, ...]) -> RenderedRoot:
    """The same calls as a root of ours."""
    return RenderedRoot(stack, called, _PROVIDER, _backend(stack), MODULES)


def write_by_hand(folder: Path, stack: str, called: tuple[ModuleCall, ...]) -> Path:
    """The same calls as a root with nothing but what Terraform needs: no root outputs."""
    names = {call.module for call in called}
    body = body_of(rendered_root(stack, called), {name: module_outputs(MODULES / name) for name in names}, MODULES)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.tf.json").write_text(json.dumps({key: body[key] for key in body if key != "output"}, indent=2))
    return folder


_PROVIDER = AwsProvider(REGION, ACCOUNT, path_style=True)


def _backend(stack: str) -> S3Backend:
    return S3Backend(BUCKET, f"stacks/{stack}/terraform.tfstate", REGION, path_style=True)


def _warm_up(aws: Aws) -> None:
    """The emulator loads a service when it is first asked for one; that is nobody's time."""
    s3: Any = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    aws.client("iam").list_roles()
    aws.client("logs").describe_log_groups()
    aws.client("ssm").describe_parameters()
    aws.client("sts").get_caller_identity()
