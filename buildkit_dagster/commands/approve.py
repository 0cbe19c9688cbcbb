"""`buildkit approve`: let a stored plan through, signed as the approver role."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out

_MINUTES = typer.Option(min=1, help="How long it counts; `gates.approval_minutes` if not given.")
_UNTIL = typer.Option(help="Instead of --minutes: until when, in UTC.", formats=["%Y-%m-%dT%H:%M"])


def run(
    digest: Annotated[str, typer.Argument(help="The plan's digest, or its first 8 characters or more.")],
    minutes: Annotated[int | None, _MINUTES] = None,
    until: Annotated[datetime | None, _UNTIL] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the approval.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Show a stored plan and approve it: for its stack, once, until then. The signature is made with the approver
    role, which is taken on if these credentials are not its own."""
    from buildkit_dagster.defs.approving import approving_of

    opened = open_platform(env)
    approving = approving_of(opened.platform, opened.process, digest)
    for line in approving.shown(opened.platform.environment):
        out.print(line)
    if not yes:
        typer.confirm("Approve this plan?", abort=True)
    approval = approving.approve(minutes=minutes, until=until, reason=reason)
    out.print(
        f"{approval.who} approved plan {approval.digest} until {approval.until}. "
        f"Apply exactly this plan: buildkit apply --plan {approval.digest}",
    )
