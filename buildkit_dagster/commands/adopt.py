"""`buildkit adopt`: import blocks for what exists already under the names a stack would create."""

from __future__ import annotations

from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out
from buildkit_dagster.commands.drift import StackOption
from buildkit_dagster.errors import BuildkitError


def run(
    stack: StackOption = None,
    write: Annotated[bool, typer.Option("--write", help="Write the blocks into the platform folder.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Print import blocks for resources that exist already; --write puts them where the next run reads them."""
    from buildkit_dagster.defs.repair import find_adoptions_of
    from buildkit_dagster.terraform.adopt import import_blocks, write_imports

    opened = open_platform(env)
    failed = False
    for each, found in find_adoptions_of(opened.platform, opened.process, stack, err.print):
        if isinstance(found, BuildkitError):
            err.print(f"buildkit: {found}")
            failed = True
        elif not found:
            out.print(f"{each.name}: nothing to adopt")
        elif write:
            write_imports(each.imports, found)
            out.print(f"{each.name}: {len(found)} resources in {each.imports}")
        else:
            out.print(f"{each.name}:\n{import_blocks(found)}")
    if failed:
        raise typer.Exit(1)
