"""`buildkit costs`: what was spent, by the value of a tag, in AWS and in Google Cloud."""

from __future__ import annotations

import json as json_text
from datetime import UTC, datetime
from typing import Annotated

import typer

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.commands.common import EnvironmentOption, err, open_platform, out
from buildkit_dagster.tags.bills import Bills, advice
from buildkit_dagster.tags.costs import Cost, Granularity, Span, first_of_month, tomorrow
from buildkit_dagster.tags.resources import Where

_DAY = ["%Y-%m-%d"]


def run(
    by: Annotated[str, typer.Option(help="The tag, as the configuration calls it.")] = "cost_center",
    value: Annotated[str | None, typer.Option(help="Only this value of it.", show_default=False)] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAY, help="The first day; of this month if not given.", show_default=False),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAY, help="The day after the last; tomorrow if not given.", show_default=False),
    ] = None,
    granularity: Annotated[Granularity, typer.Option(help="By day or by month.")] = "monthly",
    cloud: Annotated[Where, typer.Option(help="Whose bill; all: Google's where an export is configured.")] = "all",
    json: Annotated[bool, typer.Option("--json", help="Print the costs as JSON.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """Print costs by tag. Every request of Cost Explorer costs 0.01 USD, a query of Google's export what it reads."""
    from buildkit_dagster.cloud.gcp import gcp_for  # Google's libraries take a second to import

    opened, now = open_platform(env), datetime.now(UTC)
    first = start.date() if start else first_of_month(now.date())
    span = Span(by, first, end.date() if end else tomorrow(now), granularity, value)
    if span.end <= span.start:
        raise typer.BadParameter(f"the day after the last, {span.end}, is not after the first, {span.start}")
    bills = Bills(opened.platform, aws_for(opened.platform, opened.process), gcp_for(opened.platform, opened.process))
    status = bills.status(by) if cloud != "gcp" else None
    costs = list(bills.costs(span, cloud))
    if json:
        out.print(json_text.dumps({"activation": status, "costs": [_data(each) for each in costs]}, indent=2))
        return
    if status and (told := advice(by, status)):
        err.print(told)
    for each in costs:
        out.print(f"{each.start}  {each.cloud}  {each.value or '(untagged)'}  {each.amount} {each.currency}")
    if not costs:
        out.print(f"no costs from {span.start} to before {span.end}")


def _data(cost: Cost) -> dict[str, str]:
    """Amounts as text: they are exact."""
    return {
        "cloud": cost.cloud,
        "start": cost.start.isoformat(),
        "value": cost.value,
        "amount": str(cost.amount),
        "currency": cost.currency,
    }
