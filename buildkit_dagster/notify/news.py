"""Which facts are news: a failure is told once while it lasts, and its end once.

What is remembered of each subject is only what is failing and since when; `defs/notifications.py` keeps it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildkit_dagster.notify.facts import Failed, Outcome


@dataclass(frozen=True)
class Known:
    """What was told as failing: item → mark; `since` is when the first of it was found."""

    items: dict[str, str] = field(default_factory=dict)
    since: datetime | None = None
    #: Whether an end of it is worth telling: of a plan that waited it is not.
    ends: bool = False

    def to_data(self) -> dict[str, Any]:
        return {"items": self.items, "since": self.since.isoformat() if self.since else None, "ends": self.ends}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Known:
        since = datetime.fromisoformat(data["since"]) if data["since"] else None
        return cls(data["items"], since, data["ends"])


@dataclass(frozen=True)
class News:
    """What is to be told about one subject: `failed` is everything that failed in the run where any of it is new.

    `opens` says that nothing of the subject was failing before, `closes` that nothing is any more, since `since`.
    """

    subject: str
    failed: tuple[Failed, ...] = ()
    opens: bool = False
    closes: bool = False
    recovered: bool = False
    since: datetime | None = None
    built: int = 0


def judge(known: Known, outcome: Outcome, events: Collection[str], now: datetime) -> tuple[Known, News]:
    """What is known after a run, and what of it is news; what nobody subscribed to is neither told nor remembered."""
    failed = tuple(each for each in outcome.failed if each.event in events)
    well = set(known.items) - {each.item for each in failed} if outcome.complete else outcome.passed
    before = {item: mark for item, mark in known.items.items() if item not in well}
    fresh = [each for each in failed if before.get(each.item) != each.mark]
    items = {**before, **{each.item: each.mark for each in failed}}
    after = Known(
        items,
        (known.since or now) if items else None,
        bool(items) and (known.ends or any(each.event != "plan" for each in failed)),
    )
    closes = bool(known.items) and not items
    return after, News(
        outcome.subject,
        failed if fresh else (),
        opens=bool(fresh) and not known.items,
        closes=closes,
        recovered=closes and known.ends,
        since=known.since,
        built=outcome.built,
    )
