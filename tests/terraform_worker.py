"""A run worker of its own for the tests that kill one: `python -m tests.terraform_worker WORK BUCKET NAME PAUSE`."""

import sys
from pathlib import Path

from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.terraform.rendered_root import ModuleCall, Text, UnitRef
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform_runs import REGION, emulated_stack, materialize_stack


def killable_stack(work: Path, bucket: str, name: str, pause: float) -> TerraformStack:
    """Two units; the first one waits `pause` seconds between its bucket and its role."""
    return emulated_stack(
        name,
        bucket,
        work,
        ModuleCall("first", "store", {"name": f"{name}-first", "pause": pause}),
        ModuleCall("second", "store", {"name": Text(UnitRef("first", "bucket"), "-second")}, depends_on=("first",)),
    )


def main(work: Path, bucket: str, name: str, pause: float) -> int:
    aws = Aws(read_environment(), REGION, work / "emulator.json")
    run = materialize_stack(killable_stack(work, bucket, name, pause), aws=aws)
    sys.stdout.write(f"{run.reported}\n{'' if run.success else run.error}\n")
    return 0 if run.success else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])))
