"""Schedule expressions against an evaluator that shares nothing with the translation: it reads EventBridge's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dagster._utils.schedules import cron_string_iterator, is_valid_cron_string
from hypothesis import given, settings
from hypothesis import strategies as st

from buildkit_dagster.config.schedule import ScheduleError, dagster_cron

START = datetime(2027, 12, 30, 13, 37, tzinfo=UTC)
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIRES = 12


@dataclass(frozen=True)
class FieldText:
    """One field as written, and the values EventBridge gives it."""

    text: str
    values: frozenset[int]


def fields(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[FieldText]:
    """A comma-separated list of `*`, values, ranges and steps over low..high, names allowed."""

    def written(value: int, by_name: bool) -> str:
        return names[value - low] if names and by_name else str(value)

    def single(value: int, by_name: bool) -> FieldText:
        return FieldText(written(value, by_name), frozenset({value}))

    def span(ends: tuple[int, int], by_name: bool, step: int | None) -> FieldText:
        first, last = sorted(ends)
        suffix = f"/{step}" if step else ""
        text = f"{written(first, by_name)}-{written(last, by_name)}{suffix}"
        return FieldText(text, frozenset(range(first, last + 1, step or 1)))

    def stepped(start: int | None, step: int) -> FieldText:
        first = low if start is None else start
        return FieldText(f"{'*' if start is None else start}/{step}", frozenset(range(first, high + 1, step)))

    values, steps = st.integers(low, high), st.integers(1, high)
    item = st.one_of(
        st.builds(single, values, st.booleans()),
        st.builds(span, st.tuples(values, values), st.booleans(), st.none() | steps),
        st.builds(stepped, st.none() | values, steps),
    )
    joined = st.lists(item, min_size=1, max_size=3).map(
        lambda items: FieldText(",".join(i.text for i in items), frozenset().union(*(i.values for i in items)))
    )
    return st.just(FieldText("*", frozenset(range(low, high + 1)))) | joined


@dataclass(frozen=True)
class Expression:
    minutes: FieldText
    hours: FieldText
    days: FieldText
    months: FieldText
    by_weekday: bool

    @property
    def text(self) -> str:
        day = f"? {self.months.text} {self.days.text}" if self.by_weekday else f"{self.days.text} {self.months.text} ?"
        return f"cron({self.minutes.text} {self.hours.text} {day} *)"

    def fires(self, after: datetime) -> Iterator[datetime]:
        """Every minute that matches, within nine years (29 February comes every eighth at the latest)."""
        midnight = after.replace(hour=0, minute=0)
        for day in (midnight + timedelta(days=n) for n in range(9 * 366)):
            # EventBridge's day of the week: 1 is Sunday, Python's isoweekday 7 is.
            of_week = day.isoweekday() % 7 + 1
            if day.month not in self.months.values or (of_week if self.by_weekday else day.day) not in self.days.values:
                continue
            for hour in sorted(self.hours.values):
                for minute in sorted(self.minutes.values):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment > after:
                        yield moment


def expressions() -> st.SearchStrategy[Expression]:
    time = {"minutes": fields(0, 59), "hours": fields(0, 23), "months": fields(1, 12, MONTHS)}
    return st.one_of(
        st.builds(Expression, **time, days=fields(1, 31), by_weekday=st.just(False)),
        st.builds(Expression, **time, days=fields(1, 7, WEEKDAYS), by_weekday=st.just(True)),
    )


def dagster_fires(cron: str, after: datetime) -> Iterator[datetime]:
    return cron_string_iterator(after.timestamp() + 1, cron, "UTC")


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_dagster_fires_when_eventbridge_would(expression: Expression):
    expected = list(islice(expression.fires(START), FIRES))
    cron = dagster_cron(expression.text)
    assert is_valid_cron_string(cron)
    if expected:
        assert list(islice(dagster_fires(cron, START), len(expected))) == expected


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("rate(1 minute)", 1),
        ("rate(5 minutes)", 5),
        ("rate(30 minutes)", 30),
        ("rate(60 minutes)", 60),
        ("rate(1 hour)", 60),
        ("rate(12 hours)", 12 * 60),
        ("rate(24 hours)", 24 * 60),
        ("rate(1 day)", 24 * 60),
        ("rate(7 days)", 7 * 24 * 60),
    ],
)
def test_a_rate_fires_in_even_intervals(expression: str, minutes: int):
    fires = list(islice(dagster_fires(dagster_cron(expression), START), 30))
    assert {later - earlier for earlier, later in pairwise(fires)} == {timedelta(minutes=minutes)}


@pytest.mark.parity("A-37")
@pytest.mark.parametrize(
    ("expression", "cron"),
    [
        ("cron(0 2 * * ? *)", "0 2 * * *"),
        ("0 2 * * ? *", "0 2 * * *"),
        ("'cron(0 2 * * ? *)'", "0 2 * * *"),
        ("cron(0 9 ? * MON-FRI *)", "0 9 * * 1,2,3,4,5"),
        ("cron(0 9 ? * 2-6 *)", "0 9 * * 1,2,3,4,5"),
        ("cron(0 9 ? * 1,7 *)", "0 9 * * 0,6"),
        ("cron(0/15 8-17 ? * * *)", "0-59/15 8-17 * * *"),
        ("cron(0 0 1 jan,jul ? *)", "0 0 1 1,7 *"),
        ("rate(12 hours)", "0 */12 * * *"),
    ],
)
def test_well_known_expressions(expression: str, cron: str):
    assert dagster_cron(expression) == cron


@pytest.mark.parity("A!28")
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cron(0 9 ? * MON-FRI)", r"5 fields.*did you mean cron\(0 9 \? \* MON-FRI \*\)"),
        ("0 2 * * *", r"5 fields.*did you mean cron\(0 2 \* \* \? \*\)"),
        ("cron(0 2 * * * *)", "exactly one of day-of-month and day-of-week"),
        ("cron(0 2 ? * ? *)", "exactly one of day-of-month and day-of-week"),
        ("cron(0 2 1 1 ? 2030)", r"a year \(2030\) cannot be scheduled"),
        ("cron(0 2 L * ? *)", "'L' in day-of-month cannot be scheduled"),
        ("cron(0 2 15W * ? *)", "'15W' in day-of-month cannot be scheduled"),
        ("cron(0 2 ? * 6L *)", "'6L' in day-of-week cannot be scheduled"),
        ("cron(0 2 ? * 6#3 *)", "'6#3' in day-of-week cannot be scheduled"),
        ("cron(60 2 * * ? *)", "'60' is no value for minutes; allowed: 0-59"),
        ("cron(0 2 ? * 0 *)", "'0' is no value for day-of-week; allowed: 1-7 or SUN, MON"),
        ("cron(0 2 ? * FRI-MON *)", "'FRI-MON' in day-of-week runs backwards; write two ranges"),
        ("cron(0 2 * * ? *", "is not a schedule"),
        ("every day", "has 2 field"),
        ("rate(7 hours)", "divides neither an hour nor a day evenly"),
        ("rate(2 days)", "divides neither an hour nor a day evenly"),
        ("rate(1 hours)", r"EventBridge wants `rate\(1 hour\)`"),
        ("rate(5 minute)", r"`rate\(2 minutes\)`"),
        ("rate(0 minutes)", "is not a rate"),
        ("rate(1 month)", "is not a rate"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_with_the_reason(expression: str, message: str):
    with pytest.raises(ScheduleError, match=message):
        dagster_cron(expression)
