"""What the costs of an environment are counted by: `costs` in config/platform.yaml. Without it nothing is counted."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from buildkit_dagster.config.values import Model, Schedule, TagKey


def _is_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no day: {error}; allowed: a day such as 2026-10-01, in quotes") from None
    return text


class Costs(Model):
    """The asset `costs/daily`: what each value of the tag `by` cost, day by day `since` then.

    Every run asks Cost Explorer twice, for the tag's status and for the costs, which costs 0.02 USD (AWS Cost
    Management pricing). A scheduled run counts the day before yesterday: Cost Explorer is up to 24 hours behind.
    """

    since: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_is_day)]
    by: TagKey = "cost_center"
    schedule: Schedule | None = "cron(0 6 * * ? *)"
