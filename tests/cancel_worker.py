"""A run worker that is cancelled: `python -m tests.cancel_worker ROOT HOME`; HOME holds its Dagster instance."""

import sys
from pathlib import Path

from dagster import DagsterInstance

from buildkit_dagster import TerraformStack
from tests.terraform_runs import materialize_stack


def main(root: Path, home: Path) -> int:
    stack = TerraformStack(root, variables={"pause": 600})
    with DagsterInstance.local_temp(str(home)) as instance:
        return 0 if materialize_stack(stack, instance=instance, stop_minutes=0.5).success else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
