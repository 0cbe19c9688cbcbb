"""`buildkit locks`: who holds which state since when, and what to do about it; `--release` lets go of dead ones."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out


def run(
    release: Annotated[bool, typer.Option("--release", help="Release those that are proven ours and dead.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the locks as JSON.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """List the locks of every stack; exits 1 when one needs a person."""
    from buildkit_dagster.defs.locks import locks_of

    opened = open_platform(env)
    rows = locks_of(opened.platform, opened.process, err.print, release=release)
    if json:
        out.print(json_text.dumps([row.data() for row in rows], indent=2))
    else:
        for row in rows:
            out.print(str(row))
        if not rows:
            out.print("no state is locked")
    if any(row.needs_a_person for row in rows):
        raise typer.Exit(1)
