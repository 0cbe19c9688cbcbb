"""One bootstrapped platform with approvers, in an emulator of its own, for all tests that sign or verify."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from dagster import DagsterInstance, materialize

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import infra_assets
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from buildkit_dagster.terraform.approvals import KmsKey
from tests.scenario import edited, write_platform
from tests.terraform_runs import ACCOUNT, Run

_APPROVERS = f"approvers: {{github_environment: approval, principals: ['arn:aws:iam::{ACCOUNT}:user/ben']}}"


@dataclass
class Approvals:
    """`approver` and `applier` are the key as either role sees it. The bucket `raw` has no queue, which takes long."""

    platform: Platform
    aws: Aws

    def key(self, role: str, session: str = "session") -> KmsKey:
        taken = self.aws.as_role(f"arn:aws:iam::{ACCOUNT}:role/{role}", session)
        return KmsKey(self.platform.names.approval_alias(), taken("kms"))

    @property
    def approver(self) -> KmsKey:
        return self.key(self.platform.names.approver_role())

    @property
    def applier(self) -> KmsKey:
        return self.key(self.platform.names.apply_role())


@pytest.fixture(scope="session")
def approvals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    folder = write_platform(tmp_path_factory.mktemp("platform"))
    edited(folder, "config/platform.yaml", "    cloud: emulator\n", f"    cloud: emulator\n    {_APPROVERS}\n")
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", "raw: {}")
    platform = load_platform(folder, "dev")
    emulator = start_emulator(state_dir=platform.work, repositories={}, owner_pid=os.getpid())
    made = Approvals(platform, aws_for(platform, replace(read_environment(), endpoint=None)))
    instance = DagsterInstance.ephemeral()
    run = Run(
        materialize([infra_assets(platform, made.aws.process)[0]], instance=instance, raise_on_error=False), instance
    )
    assert run.success, run.error
    yield made
    stop_emulator(emulator)
