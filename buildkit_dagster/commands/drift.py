"""`buildkit drift`: what was changed outside of Terraform, looked at now and told; the job `drift` writes checks."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.terraform.drift import Found

#: The exit code that means: there is drift.
FOUND = 3

SelectionArgument = Annotated[
    str | None, typer.Argument(help="Units, in Dagster's selection syntax.", show_default=False)
]
StackOption = Annotated[str | None, typer.Option("--stack", help="Only this stack.", show_default=False)]


def run(
    selection: SelectionArgument = None,
    stack: StackOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Look for drift and orphans; exits 0 for no drift, 1 when a stack could not be looked at, 3 for drift."""
    from buildkit_dagster.defs.repair import find_drift

    opened = open_platform(env)
    found: list[Found] = []
    failed = False
    for each in find_drift(opened.platform, opened.process, selection, stack, err.print):
        if isinstance(each, BuildkitError):
            err.print(f"buildkit: {each}")
            failed = True
            continue
        found.append(each)
        if not json:
            for line in lines_of(each):
                out.print(line)
    if json:
        out.print(json_text.dumps(as_data(found), indent=2))
    if failed or any(each.drifted for each in found):
        raise typer.Exit(1 if failed else FOUND)


def lines_of(found: Found) -> list[str]:
    """One line per stack, resource and orphan."""
    if not found.applied:
        return [f"{found.stack}: never applied"]
    drift = f"{len(found.drifted)} resources differ" if found.drifted else "no drift"
    lines = [f"{found.stack}: {drift}", *(f"  {each}" for each in found.drifted)]
    return lines + [
        f"  {address}: orphan, unit {unit} is no longer in the configuration"
        for unit, addresses in found.orphans.items()
        for address in addresses
    ]


def as_data(found: Sequence[Found]) -> dict[str, object]:
    return {"drift": any(each.drifted for each in found), "stacks": [asdict(each) for each in found]}
