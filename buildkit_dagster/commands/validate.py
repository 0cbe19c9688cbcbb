"""`buildkit validate`: every problem of the platform folder at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from buildkit_dagster.commands.common import err, out
from buildkit_dagster.config.validate import validate


def run(
    path: Annotated[Path, typer.Argument(help="A file or folder of the platform folder.")] = Path("config"),
) -> None:
    """Check the configuration; prints `file:line: path: problem` for each and exits 2."""
    problems = validate(path)
    for problem in problems:
        err.print(str(problem), markup=False)
    if problems:
        raise typer.Exit(2)
    out.print(f"{path} is valid.")
