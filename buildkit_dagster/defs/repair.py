"""What `buildkit drift` and `adopt` ask of Terraform, stack by stack and outside of any run.

Choosing units is `selection.py`; looking and adopting in one stack are in `terraform/`, destroying is `destruction.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.doors import check_endpoint
from buildkit_dagster.defs.infra import engine_of, terraform_stacks
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.naming import command_use
from buildkit_dagster.terraform.adopt import Adoption, find_adoptions
from buildkit_dagster.terraform.drift import Found, look_for_drift
from buildkit_dagster.terraform.stack import TerraformStack

Say = Callable[[str], None]


def find_drift(
    platform: Platform, process: ProcessEnvironment, selection: str | None, stack: str | None, say: Say
) -> Iterator[Found | BuildkitError]:
    """What was found in each stack that is looked at; a stack that could not be looked at does not end the search."""
    chosen = chosen_units(terraform_stacks(platform), selection, stack)
    check_endpoint(platform, process)
    for each, units in chosen.items():
        wanted = {unit for unit in units if each.drift_mode(unit) != "off"}
        try:
            engine = engine_of(platform, each, process)
            engine.run, engine.tell = command_use("drift"), say
            found = look_for_drift(engine)
        except BuildkitError as error:
            yield error
        else:
            yield replace(found, drifted=tuple(one for one in found.drifted if one.unit in wanted))


def find_adoptions_of(
    platform: Platform, process: ProcessEnvironment, stack: str | None, say: Say
) -> Iterator[tuple[TerraformStack, tuple[Adoption, ...] | BuildkitError]]:
    """What of each stack's creations exists already; a stack that cannot be planned does not end the search."""
    chosen = chosen_units(terraform_stacks(platform), None, stack)
    check_endpoint(platform, process)
    for each in chosen:
        try:
            engine = engine_of(platform, each, process)
            engine.run, engine.tell = command_use("adopt"), say
            yield each, find_adoptions(engine)
        except BuildkitError as error:
            yield each, error
