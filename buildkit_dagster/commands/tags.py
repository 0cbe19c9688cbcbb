"""`buildkit tags`: every tag of the selected units, where it comes from, and how each cloud has it written."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out

if TYPE_CHECKING:
    from buildkit_dagster.defs.tag_rows import TagRow


def run(
    selection: Annotated[
        str | None, typer.Argument(help="Units, in Dagster's selection syntax.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    cloud: Annotated[
        Literal["aws", "gcp"] | None, typer.Option(help="Only what this cloud has written.", show_default=False)
    ] = None,
    env: EnvironmentOption = None,
) -> None:
    """Print the tags of units; tags that are missing are told when the platform is loaded."""
    from buildkit_dagster.defs.tag_rows import tag_rows

    rows = tag_rows(open_platform(env).platform, selection)
    if json:
        out.print(json_text.dumps([_data(row, cloud) for row in rows], indent=2))
        return
    for unit, of_unit in groupby(rows, key=lambda row: row.unit):
        out.print(unit)
        for line in _lines(list(of_unit), cloud):
            out.print(f"  {line}")


def _data(row: TagRow, cloud: str | None) -> dict[str, object]:
    other = {"aws": "gcp", "gcp": "aws"}.get(cloud or "")
    return {name: value for name, value in asdict(row).items() if name != other} | {"changed": _changed(row, cloud)}


def _lines(rows: Sequence[TagRow], cloud: str | None) -> Iterator[str]:
    heads = (
        "tag",
        "value",
        "comes from",
        *(["AWS"] if cloud != "gcp" else []),
        *(["Google"] if cloud != "aws" else []),
    )
    table = [heads, *(_cells(row, cloud) for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(heads))]
    for cells in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    yield from (f"{row.tag}: {change}" for row in rows for change in _changed(row, cloud))


def _cells(row: TagRow, cloud: str | None) -> tuple[str, ...]:
    clouds = (row.aws, row.gcp) if cloud is None else (row.aws if cloud == "aws" else row.gcp,)
    return row.tag, row.value, row.source, *clouds


def _changed(row: TagRow, cloud: str | None) -> list[str]:
    shown = {"aws": "AWS: ", "gcp": "Google: "}.get(cloud or "", "")
    return [change for change in row.changed if change.startswith(shown)]
