"""`buildkit dead-letters`: the object events of a bucket that were given up; list them, send them back, delete them."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out

if TYPE_CHECKING:
    from buildkit_dagster.defs.dead_letters import Queues
    from buildkit_dagster.runtimes.dead_letters import DeadLetter

app = typer.Typer(
    help="Object events that were given up: list them, send them back, delete them.", no_args_is_help=True
)

_Bucket = Annotated[str, typer.Argument(help="A bucket of config/platform.yaml with `notifications`.")]
_Json = Annotated[bool, typer.Option("--json", help="Print them as JSON.")]


@app.command("list")
def list_(bucket: _Bucket, json: _Json = False, env: EnvironmentOption = None) -> None:
    """Say what was given up, and what cannot go back."""
    from buildkit_dagster.runtimes.dead_letters import list_letters

    letters = list_letters(_queues(bucket, env).dead)
    _print({"letters": letters}, json)
    if not letters and not json:
        out.print("nothing was given up")


@app.command("replay")
def replay_(bucket: _Bucket, json: _Json = False, env: EnvironmentOption = None) -> None:
    """Send back every event that announces objects; exits 1 when some stay."""
    from buildkit_dagster.runtimes.dead_letters import replay

    queues = _queues(bucket, env)
    went, stayed = replay(queues.dead, queues.events)
    _print({"sent back": went, "left": stayed}, json)
    if stayed:
        raise typer.Exit(1)


@app.command("drop")
def drop_(
    bucket: _Bucket,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids that `list` shows.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete all of them.")] = False,
    json: _Json = False,
    env: EnvironmentOption = None,
) -> None:
    """Delete events for good; exits 1 when one that was named is not there."""
    from buildkit_dagster.runtimes.dead_letters import drop

    if everything == bool(ids):
        raise typer.BadParameter("name ids, or say --all")
    gone = drop(_queues(bucket, env).dead, None if everything else set(ids or ()))
    _print({"deleted": gone}, json)
    missing = sorted(set(ids or ()) - {letter.id for letter in gone})
    if missing and not json:
        out.print(f"not there: {', '.join(missing)}")
    if missing:
        raise typer.Exit(1)


def _queues(bucket: str, env: str | None) -> Queues:
    from buildkit_dagster.defs.dead_letters import queues_of

    opened = open_platform(env)
    return queues_of(opened.platform, opened.process, bucket)


def _print(groups: dict[str, Sequence[DeadLetter]], json: bool) -> None:
    if json:
        told = {name.replace(" ", "_"): [letter.data() for letter in letters] for name, letters in groups.items()}
        out.print(json_text.dumps(told, indent=2))
        return
    for name, letters in groups.items():
        for letter in letters:
            out.print(str(letter) if name == "letters" else f"{name}: {letter}")
