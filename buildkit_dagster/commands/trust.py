"""`buildkit trust`: which workflows get into the roles of a stack, theirs and other people's."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Column, Table

from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out
from buildkit_dagster.rules.trust import Answer, callers, who_gets_in

_SAID = {True: "yes", False: "-", None: "?"}


def run(
    stack: Annotated[str, typer.Argument(help="The stack whose roles are looked at.")],
    state: Annotated[bool, typer.Option("--state", help="Look at what is there, without a plan.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Evaluate the planned trust policies of a stack's roles against tokens of GitHub; exit 1 if a stranger gets in."""
    from buildkit_dagster.defs.trusting import roles_of

    opened = open_platform(env)
    config = opened.platform.config
    approval = config.approvers.github_environment if config.approvers else None
    environments = [name for name in (config.github.apply_environment, approval) if name]
    matrix = callers(config.github.organization, config.github.repository, config.github.plan_branches, environments)
    roles = roles_of(opened.platform, opened.process, stack, err.print, planned=not state)
    answers = list(who_gets_in(roles, matrix))
    if as_json:
        out.print_json(json.dumps([_data(answer) for answer in answers]))
    else:
        _show(stack, answers)
    if any(answer.is_breach for answer in answers):
        raise typer.Exit(1)


def _show(stack: str, answers: list[Answer]) -> None:
    if not answers:
        out.print(f"No role of stack {stack} trusts a web identity.")
        return
    roles = list(dict.fromkeys(answer.role for answer in answers))
    # Names of roles begin alike: cut off, they would be the same.
    columns = [Column(name, overflow="fold") for name in ("who", "subject", *(role.name for role in roles))]
    table = Table(*columns, title=f"Who gets into the roles of stack {stack}")
    rows: dict[str, list[str]] = {}
    for answer in answers:
        mark = "YES, a stranger" if answer.is_breach else _SAID[answer.admitted]
        rows.setdefault(answer.caller.name, [answer.caller.subject]).append(mark)
    for name, row in rows.items():
        table.add_row(name, *row)
    out.print(table)
    if any(role.document is None for role in roles):
        out.print("? : the policy is known after the apply only.")


def _data(answer: Answer) -> dict[str, object]:
    return {
        "role": answer.role.name,
        "address": answer.role.address,
        "caller": answer.caller.name,
        "subject": answer.caller.subject,
        "audience": answer.caller.claims["aud"],
        "admitted": answer.admitted,
        "stranger": not answer.caller.ours,
    }
