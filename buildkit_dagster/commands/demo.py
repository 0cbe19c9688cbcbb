"""`buildkit demo`: the whole platform in the local emulator, from nothing to tested marts, and an account of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from buildkit_dagster.commands.common import EnvironmentOption, Opened, make_output_folder, open_platform, out
from buildkit_dagster.commands.doctor import check_machine
from buildkit_dagster.process import interrupts_heard_by


def run(
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the account as data to this file.")
    ] = None,
    env: EnvironmentOption = None,
) -> None:
    """Build everything in a new emulator, check it, say what was made, and end all of it."""
    from buildkit_dagster.defs.demo import account, bring_up, local_platform

    opened = open_platform(env, otherwise="dev")
    check_machine(opened.process)
    if json_file is not None:
        make_output_folder(json_file.parent)
    started = time.monotonic()
    with ending_on_sigterm(), local_platform(opened.platform, opened.process, say_since(started)) as local:
        bring_up(local)
        told = account(local, time.monotonic() - started)
    if json_file is not None:
        json_file.write_text(json.dumps(told, indent=2) + "\n")
    print_account(opened, told)


def say_since(started: float) -> Any:
    """A function that prints a line after the seconds since `started`."""

    def say(line: str) -> None:
        out.print(f"{time.monotonic() - started:6.1f}  {line}")

    return say


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does, so that nothing stays behind.

    SIGINT gets the handler too: a script's background job inherits it ignored, and Dagster gives SIGTERM whatever
    SIGINT has.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature is Python's
        raise KeyboardInterrupt

    with interrupts_heard_by(interrupt):
        yield


def print_account(opened: Opened, told: dict[str, Any]) -> None:
    """The table at the end: what was materialized and checked, then where to look."""
    checks: dict[str, list[bool]] = {}
    for check in told["checks"]:
        checks.setdefault(check["asset"], []).append(check["passed"])
    # Without a terminal rich assumes 80 columns; a key must be readable in a CI log too.
    table = Table(Column("asset", no_wrap=True), "kinds", "materialized", "checks passed", title="What was made")
    for asset in sorted(told["assets"], key=lambda asset: asset["key"]):
        results = checks.get(asset["key"], [])
        table.add_row(
            asset["key"],
            " ".join(asset["kinds"]),
            "yes" if asset["materialized"] else "no",
            f"{sum(map(bool, results))} of {len(results)}" if results else "",
        )
    out.print(table)
    out.print(_totals(told))
    out.print(f"Where to look: {opened.platform.work} holds the rendered Terraform, the logs and the warehouse;")
    out.print("`buildkit dev` serves the same in Dagster's UI; `buildkit graph --format svg` draws it.")


def _totals(told: dict[str, Any]) -> str:
    made = sum(asset["materialized"] for asset in told["assets"])
    passed = sum(bool(check["passed"]) for check in told["checks"])
    runs = Counter(run["status"] for run in told["runs"])
    return (
        f"{made} of {len(told['assets'])} assets materialized, {passed} of {len(told['checks'])} checks passed, "
        f"{runs['SUCCESS']} of {runs.total()} runs succeeded, {told['seconds']:.0f} seconds."
    )
