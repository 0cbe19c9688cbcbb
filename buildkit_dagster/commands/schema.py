"""`buildkit schema`: JSON Schemas of the configuration files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from buildkit_dagster.commands.common import out
from buildkit_dagster.config.schema import write_schemas


def run(
    output: Annotated[Path, typer.Option(help="The folder to write them to.")] = Path(".buildkit", "schema"),
) -> None:
    """Write one JSON Schema per kind of configuration file, by which editors complete and check."""
    for file in write_schemas(output):
        out.print(str(file))
