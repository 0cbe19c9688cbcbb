"""A small platform destroyed: backwards, through a kill in the middle, with nothing left in the cloud or on record."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSelection, materialize

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.destruction import Destruction
from buildkit_dagster.defs.infra import infra_assets
from buildkit_dagster.defs.instance import open_instance, prepare_home
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from buildkit_dagster.errors import DestroyStopped, NoSuchStack, StackInUse
from buildkit_dagster.process import start
from buildkit_dagster.terraform.journal import unsettled
from tests.scenario import edited, write_platform
from tests.terraform_runs import key_of

#: Units that need no waiting for.
MADE = [
    key_of("bootstrap", "state_backend"),
    key_of("bootstrap", "github_oidc"),
    key_of("registry", "repository"),
    key_of("registry", "artifacts"),
    key_of("lake", "raw"),
]


@dataclass
class Made:
    """A platform of three stacks in an emulator of its own."""

    platform: Platform
    process: ProcessEnvironment

    @property
    def home(self) -> Path:
        return prepare_home(self.platform, self.process)

    def client(self, service: str) -> Any:
        return aws_for(self.platform, self.process).client(service)

    def destruction(self) -> Destruction:
        return Destruction(self.platform, self.process, lambda _: None)

    def converge(self) -> None:
        with open_instance(self.home) as instance:
            selection = AssetSelection.assets(*MADE)
            assert materialize(
                infra_assets(self.platform, self.process), selection=selection, instance=instance
            ).success

    def recorded(self) -> set[str]:
        with open_instance(self.home) as instance:
            return {key.path[-1] for key in MADE if instance.get_latest_materialization_event(key)}

    def in_the_cloud(self) -> list[str]:
        iam = self.client("iam")
        return [
            *(bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]),
            *(found["repositoryName"] for found in self.client("ecr").describe_repositories()["repositories"]),
            *(role["RoleName"] for role in iam.list_roles()["Roles"]),
            *(policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]),
            *(provider["Arn"] for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]),
        ]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", "raw: {}")
    platform = load_platform(folder, "dev")
    emulator = start_emulator(state_dir=platform.work, repositories={})
    try:
        found = Made(platform, replace(read_environment(), endpoint=None))
        found.converge()
        yield found
    finally:
        stop_emulator(emulator)


@pytest.mark.parity("A!37")
@pytest.mark.thorough
def test_everything_goes_backwards_through_a_failure_and_a_kill_and_nothing_is_left(made: Made) -> None:
    assert made.recorded() == {key.path[-1] for key in MADE}
    s3, names = made.client("s3"), made.platform.names
    s3.put_object(Bucket=names.bucket("raw"), Key="a.csv", Body=b"id\n")
    with pytest.raises(StackInUse, match=r"stack bootstrap is not destroyed.*rest on it: lake, registry"):
        made.destruction().going("bootstrap")
    with pytest.raises(NoSuchStack, match="allowed: bootstrap, registry, lake"):
        made.destruction().going("laek")
    assert [each.stack.name for each in made.destruction().going(None)] == ["lake", "registry", "bootstrap"]

    state = {"Bucket": names.state_bucket(), "Key": names.state_key("registry")}
    good = s3.get_object(**state)["Body"].read()
    s3.put_object(**state, Body=json.dumps(json.loads(good) | {"version": 99}).encode())
    with pytest.raises(DestroyStopped, match="at stack registry; still there, at least in part: registry, bootstrap"):
        made.destruction().carry_out(made.destruction().going(None))
    s3.put_object(**state, Body=good)
    assert made.recorded() == {key.path[-1] for key in MADE} - {"raw"}

    command = [
        sys.executable,
        "-c",
        "from buildkit_dagster.cli import main; main()",
        "destroy",
        "--yes",
        "--env",
        "dev",
    ]
    environment = {**made.process.variables, "BUILDKIT_PROJECT": str(made.platform.folder)}
    child = start(command, cwd=made.platform.folder, env=environment, stdout=made.platform.work / "destroy.txt")
    local = made.platform.work / "bootstrap" / "terraform.tfstate"
    deadline = time.monotonic() + 300
    while not local.exists():
        assert child.poll() is None, child.stdout.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.signal(signal.SIGKILL)
    child.wait()

    destruction = made.destruction()
    going = destruction.going(None)
    # What is read is what the killed worker's Terraform left, not what it is writing.
    assert not any(journal.alive for journal in unsettled(made.platform.work / "bootstrap" / "journal"))
    assert {each.stack.name for each in going} <= {"bootstrap"}
    destruction.carry_out(going)
    assert made.in_the_cloud() == []
    assert not local.exists()
    assert made.destruction().going(None) == []
    assert made.recorded() <= ({"state_backend", "github_oidc"} if not going else set())
