"""What `buildkit drift` and `adopt` ask of Terraform, stack by stack and outside of any run.

Choosing units is `selection.py`; looking and adopting in one stack are in `terraform/`, destroying is `destruction.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import engine_of, terraform_stacks
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.terraform.adopt import Adoption, find_adoptions
from buildkit_dagster.terraform.drift import Found, look_for_drift
from buildkit_dagster.terraform.stack import TerraformStack

Say = Callable[[str], None]


def find_drift(
    platform: Platform, process: ProcessEnvironment, selection: str | None, stack: str | None, say: Say
) -> Iterator[Found | BuildkitError]:
    """What was found in each stack that is looked at; a stack that could not be looked at does not end the search."""
    for each, units in chosen_units(terraform_stacks(platform), selection, stack).items():
        wanted = {unit for unit in units if each.drift_mode(unit) != "off"}
        try:
            engine = engine_of(platform, each, process)
            engine.tell = say
            found = look_for_drift(engine)
        except BuildkitError as error:
            yield error
        else:
            yield replace(found, drifted=tuple(one for one in found.drifted if one.unit in wanted))


def find_adoptions_of(
    platform: Platform, process: ProcessEnvironment, stack: str | None
) -> Iterator[tuple[TerraformStack, tuple[Adoption, ...] | BuildkitError]]:
    """What of each stack's creations exists already; a stack that cannot be planned does not end the search."""
    for each in chosen_units(terraform_stacks(platform), None, stack):
        try:
            yield each, find_adoptions(engine_of(platform, each, process))
        except BuildkitError as error:
            yield each, error
