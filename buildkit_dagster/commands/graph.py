"""`buildkit graph`: the asset graph as JSON, Mermaid or SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform
from buildkit_dagster.graph import RENDERERS


def run(
    format: Annotated[Literal["json", "mermaid", "svg"], typer.Option(help="What to print.")] = "json",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
    env: EnvironmentOption = None,
) -> None:
    """Print the asset graph; assets are marked materialized as this environment's instance knows them."""
    from buildkit_dagster.defs.doors import graph_of

    opened = open_platform(env)
    text = RENDERERS[format](graph_of(opened.platform, opened.process))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
