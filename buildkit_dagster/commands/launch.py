"""`buildkit launch`: a job's run from the command line, to its end if asked."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out
from buildkit_dagster.errors import InvalidVariable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
    ref: Annotated[
        str | None, typer.Option(help="Of a dbt project: the branch, tag, commit or pull request (pr/7) to build.")
    ] = None,
    var: Annotated[
        list[str] | None, typer.Option(help="Of a dbt project: a plain variable of this run, NAME=VALUE; repeatable.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run; exit 0 or 1 by its result.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Queue a run of a job; with --wait, bring a daemon when none runs and stream the run's log."""
    from buildkit_dagster.defs.dbt import run_config
    from buildkit_dagster.defs.doors import launch

    opened = open_platform(env)
    options: dict[str, Any] = {"partition": partition, "selection": select, "wait": wait}
    of_dbt = {"state": state.value, "ref": ref, "variables": dict(map(_assignment, var or ()))}
    if of_dbt != {"state": "all", "ref": None, "variables": {}}:
        options["run_config"] = run_config(opened.platform, job, **of_dbt)
    if not launch(opened.platform, opened.process, job, out.print, **options):
        raise typer.Exit(1)


def _assignment(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise InvalidVariable(given)
    return name, value
