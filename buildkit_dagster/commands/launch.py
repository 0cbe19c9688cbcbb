"""`buildkit launch`: a job's run from the command line, to its end if asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out


class State(StrEnum):
    ALL = "all"
    MODIFIED = "modified"


def run(
    job: Annotated[
        str, typer.Argument(help="The job: bootstrap, infrastructure, plan, platform, stack_*, dbt_*, ingest_*.")
    ],
    partition: Annotated[str | None, typer.Option(help="The partition key, such as 2013-01.")] = None,
    select: Annotated[str | None, typer.Option(help="Assets of the job, in Dagster's selection syntax.")] = None,
    state: Annotated[
        State, typer.Option(help="Of a dbt project: all, or what was modified since its last complete build.")
    ] = State.ALL,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run; exit 0 or 1 by its result.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Queue a run of a job; with --wait, bring a daemon when none runs and stream the run's log."""
    from buildkit_dagster.defs.dbt import modified_only
    from buildkit_dagster.defs.doors import launch

    opened = open_platform(env)
    options: dict[str, Any] = {"partition": partition, "selection": select, "wait": wait}
    if state is State.MODIFIED:
        options["run_config"] = modified_only(opened.platform, job)
    if not launch(opened.platform, opened.process, job, out.print, **options):
        raise typer.Exit(1)
