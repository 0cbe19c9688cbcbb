"""`buildkit launch`: a job's run from the command line, to its end if asked."""

from __future__ import annotations

from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out


def run(
    job: Annotated[
        str, typer.Argument(help="The job: bootstrap, infrastructure, plan, platform, stack_*, dbt_*, ingest_*.")
    ],
    partition: Annotated[str | None, typer.Option(help="The partition key, such as 2013-01.")] = None,
    select: Annotated[str | None, typer.Option(help="Assets of the job, in Dagster's selection syntax.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run; exit 0 or 1 by its result.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Queue a run of a job; with --wait, bring a daemon when none runs and stream the run's log."""
    from buildkit_dagster.defs.doors import launch

    opened = open_platform(env)
    if not launch(opened.platform, opened.process, job, out.print, partition=partition, selection=select, wait=wait):
        raise typer.Exit(1)
