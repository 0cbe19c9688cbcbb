"""`buildkit destroy`: everything Terraform made for a platform, or one stack of it, taken away again."""

from __future__ import annotations

from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out
from buildkit_dagster.commands.drift import StackOption
from buildkit_dagster.errors import DestroyNeedsYes


def run(
    stack: StackOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Destroy all stacks backwards through the graph, or one; asks for the environment's (or stack's) name first."""
    from buildkit_dagster.defs.destruction import Destruction

    opened = open_platform(env)
    environment = opened.platform.environment
    destruction = Destruction(opened.platform, opened.process, out.print)
    going = destruction.going(stack)
    if not going:
        out.print("Nothing to destroy.")
        return
    for each in going:
        units = ", ".join(f"{unit} ({count})" for unit, count in each.resources.items())
        out.print(f"{each.stack.name}: {each.total} resources: {units}")
    if destruction.is_guarded and not yes:
        raise DestroyNeedsYes(environment)
    word = stack or environment
    if not yes and typer.prompt(f"All of this goes, with the data in it. Type {word} to destroy it") != word:
        out.print("Nothing was destroyed.")
        raise typer.Exit(1)
    destruction.carry_out(going)
    out.print(f"Destroyed: {', '.join(each.stack.name for each in going)}.")
