"""The run that gets broken, in a process of its own, and the same run again in this one.

`work` is what a run worker does: it executes one Dagster run, in one process, as Dagster's own worker does. The stack
is the smallest that shows everything: a bucket, then a role, then a key that has no name.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from dagster import DagsterInstance, materialize
from dagster._utils.interrupts import capture_interrupts

from buildkit_dagster import TerraformCliResource, TerraformStack
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.terraform.rendered_root import AwsProvider, ModuleCall, RenderedRoot, S3Backend, UnitRef
from tests.chaos.proxy import PATIENCE
from tests.terraform_runs import ACCOUNT, REGION, assets_of

MODULES = Path(__file__).parent / "modules"
NAME, BUCKET = "tiny", "chaos-state"
STATE_KEY = f"stacks/{NAME}/terraform.tfstate"
BACKEND = S3Backend(BUCKET, STATE_KEY, REGION, path_style=True)


@dataclass(frozen=True)
class Job:
    """What a worker is told: where to work, which instance to report to, and how its runs are to be tagged."""

    work: Path
    home: Path
    tag: str
    lock_timeout: str = "5s"


def stack(work: Path) -> TerraformStack:
    """Two units: `store` makes the bucket, `access`, which needs it, the role and the key."""
    calls = (
        ModuleCall("store", "store", {"name": "tiny-bucket", "tags": _tags("store")}),
        ModuleCall("access", "access", {"name": UnitRef("store", "bucket"), "tags": _tags("access")}),
    )
    provider = AwsProvider(REGION, ACCOUNT, path_style=True)
    return TerraformStack.rendered(RenderedRoot(NAME, calls, provider, BACKEND, MODULES), work)


def _tags(unit: str) -> dict[str, str]:
    """What every unit of a platform is given, to be found by."""
    return {"buildkit_unit": f"{NAME}/{unit}"}


class Patient(Aws):
    """Waits for the answer to a held request: asked again after a minute, it would get past what holds it."""

    def client(self, service: str) -> Any:
        usual = super().client(service)
        session = boto3.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator", region_name=REGION)
        config = usual.meta.config.merge(Config(read_timeout=2 * PATIENCE))
        return session.client(service, endpoint_url=usual.meta.endpoint_url, config=config)


def execute(job: Job) -> bool:
    """One run of the whole stack; True when Dagster calls it a success."""
    with DagsterInstance.local_temp(str(job.home)) as instance:
        aws = Patient(read_environment(), REGION, job.work / "emulator.json")
        resource = TerraformCliResource(aws=aws, lock_timeout=job.lock_timeout, retries=0)
        result = materialize(
            [assets_of(stack(job.work))],
            instance=instance,
            resources={"terraform": resource},
            raise_on_error=False,
            tags={"chaos": job.tag},
        )
    return result.success


def work(job: Job) -> None:
    """The worker's process; the exit code is 0 after a success."""
    log = os.open(job.work / "worker.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with capture_interrupts():
        sys.exit(0 if execute(job) else 1)
