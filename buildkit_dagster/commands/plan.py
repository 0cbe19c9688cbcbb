"""`buildkit plan`: what Terraform would do, stack by stack, with what hangs on it; nothing is applied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from buildkit_dagster.commands.common import EnvironmentOption, err, make_output_folder, open_platform
from buildkit_dagster.terraform.plan_text import Shown, as_data, as_markdown, as_table
from buildkit_dagster.terraform.redaction import SEEN

Format = Literal["table", "markdown", "json"]


def run(
    selection: Annotated[
        str | None, typer.Argument(help="Infrastructure assets, in Dagster's selection syntax; all if not given.")
    ] = None,
    stack: Annotated[str | None, typer.Option(help="Only this stack.")] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Write Markdown parts and plan.json into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    format: Annotated[Format, typer.Option(help="What to print.")] = "table",
    env: EnvironmentOption = None,
) -> None:
    """Plan stacks in the order they depend on each other and store the plans; prints each with its digest.

    Exit codes: 0 planned, 1 a stack could not be planned or a gate refuses its plan, 2 the input is wrong.
    """
    from buildkit_dagster.defs.doors import plans_of

    opened = open_platform(env)
    if out is not None:
        make_output_folder(out)
    shown = list(plans_of(opened.platform, opened.process, selection, stack, err.print))
    typer.echo(SEEN.scrub(_text(shown, "json" if as_json else format)), nl=False)
    if out is not None:
        _write(shown, out)
    if any(each.error or each.is_refused for each in shown):
        raise typer.Exit(1)


def _text(shown: Sequence[Shown], format: Format) -> str:
    if format == "json":
        return json.dumps(as_data(shown), indent=2) + "\n"
    return "\n".join(as_markdown(shown)) if format == "markdown" else as_table(shown)


def _write(shown: Sequence[Shown], folder: Path) -> None:
    """Files for a pull request's comments, and the same as data; none of them holds a value."""
    for old in folder.glob("plan-*.md"):
        old.unlink()
    for number, part in enumerate(as_markdown(shown), start=1):
        (folder / f"plan-{number:02}.md").write_text(SEEN.scrub(part))
    (folder / "plan.json").write_text(SEEN.scrub(json.dumps(as_data(shown), indent=2) + "\n"))
