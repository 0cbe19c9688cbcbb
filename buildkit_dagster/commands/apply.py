"""`buildkit apply`: apply stored plans exactly as they are."""

from __future__ import annotations

from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out


def run(
    plan: Annotated[list[str], typer.Option(help="The digest of a stored plan, or its first 8 signs; repeatable.")],
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Queue the runs and return.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Run the job of each plan's stack with that plan, in the order the stacks depend on each other.

    Nothing is planned again: what a plan was made from must be as it was, else the run fails and names what changed.
    Exit codes: 0 applied, 1 refused or failed, 2 the input is wrong.
    """
    from buildkit_dagster.defs.doors import apply_plans

    opened = open_platform(env)
    if not apply_plans(opened.platform, opened.process, plan, out.print, wait=not no_wait):
        raise typer.Exit(1)
