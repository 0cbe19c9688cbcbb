"""Schedule expressions against an evaluator that shares nothing with ours: it walks the calendar by EventBridge's
rules."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dagster._utils.schedules import is_valid_cron_schedule, schedule_execution_time_iterator
from hypothesis import given, settings
from hypothesis import strategies as st

from buildkit_dagster.config.eventbridge import ScheduleError
from buildkit_dagster.config.schedule import Ticks, ticks

START = datetime(2027, 12, 30, 13, 37, tzinfo=UTC)
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
#: Clocks are set by an hour at night, by an hour at midnight, by half an hour, and never.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata"]
FIRES, UNTIL = 15, 2034


# --- the evaluator ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldText:
    """One field as written, and the values EventBridge gives it."""

    text: str
    values: frozenset[int]


@dataclass(frozen=True)
class DayText:
    """Day-of-month, month-independent text, and day-of-week as written; and whether they mean a day."""

    month: str
    week: str
    means: Callable[[date], bool]


@dataclass(frozen=True)
class Expression:
    minutes: FieldText
    hours: FieldText
    day: DayText
    months: FieldText
    years: FieldText

    @property
    def text(self) -> str:
        fields = (self.minutes, self.hours, self.day.month, self.months, self.day.week, self.years)
        return f"cron({' '.join(field if isinstance(field, str) else field.text for field in fields)})"

    def fires(self, after: datetime, zone: str, until: int) -> Iterator[datetime]:
        """Every local time that matches, exists, and was not there already, before the year `until`."""
        day = after.date() - timedelta(days=1)
        while day.year < until:
            if day.month in self.months.values and day.year in self.years.values and self.day.means(day):
                for minute in range(24 * 60):
                    if minute // 60 in self.hours.values and minute % 60 in self.minutes.values:
                        moment = instant(day, minute, zone)
                        if moment and moment > after:
                            yield moment
            day += timedelta(days=1)


def instant(day: date, minute: int, zone: str) -> datetime | None:
    """The moment of a local time; the later one where there are two, None where clocks leave it out."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60)
    moment = local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    return moment if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local else None


def eventbridge_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def workdays(day: date) -> list[int]:
    """The Mondays to Fridays of the month of `day`."""
    return [
        found for found, weekday in calendar.Calendar().itermonthdays2(day.year, day.month) if found and weekday < 5
    ]


def on_days(field: FieldText) -> DayText:
    return DayText(field.text, "?", lambda day: day.day in field.values)


def on_weekdays(field: FieldText) -> DayText:
    return DayText("?", field.text, lambda day: eventbridge_weekday(day) in field.values)


def nearest(number: int) -> DayText:
    def means(day: date) -> bool:
        exists = number <= calendar.monthrange(day.year, day.month)[1]
        return exists and day.day == min(workdays(day), key=lambda found: abs(found - number))

    return DayText(f"{number}W", "?", means)


def last_of_week(weekday: int) -> DayText:
    def means(day: date) -> bool:
        return eventbridge_weekday(day) == weekday and (day + timedelta(days=7)).month != day.month

    return DayText("?", f"{weekday}L", means)


def nth(weekday: int, count: int) -> DayText:
    def means(day: date) -> bool:
        return eventbridge_weekday(day) == weekday and (day.day - 1) // 7 == count - 1

    return DayText("?", f"{weekday}#{count}", means)


LAST_DAY = DayText("L", "?", lambda day: (day + timedelta(days=1)).day == 1)
LAST_WORKDAY = DayText("LW", "?", lambda day: day.day == workdays(day)[-1])
LAST_OF_WEEK = DayText("?", "L", lambda day: eventbridge_weekday(day) == 7)


def dagster_fires(found: Ticks, after: datetime, until: int) -> Iterator[datetime]:
    """The ticks of Dagster's own iterator that fire."""
    cron = found.cron_strings[0] if len(found.cron_strings) == 1 else list(found.cron_strings)
    assert is_valid_cron_schedule(cron)
    for tick in schedule_execution_time_iterator(after.timestamp() + 1, cron, found.timezone):
        if tick.astimezone(ZoneInfo(found.timezone)).year >= until:
            return
        if found.fires(tick):
            yield tick.astimezone(UTC)


# --- any expression -----------------------------------------------------------------------------------------------


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

    values, steps = st.integers(low, high), st.integers(1, min(high, 99))
    item = st.one_of(
        st.builds(single, values, st.booleans()),
        st.builds(span, st.tuples(values, values), st.booleans(), st.none() | steps),
        st.builds(stepped, st.none() | values, steps),
    )
    joined = st.lists(item, min_size=1, max_size=3).map(
        lambda items: FieldText(",".join(i.text for i in items), frozenset().union(*(i.values for i in items)))
    )
    return every(low, high) | joined


def only(*values: int) -> FieldText:
    return FieldText(",".join(map(str, values)), frozenset(values))


def every(low: int, high: int) -> st.SearchStrategy[FieldText]:
    return st.just(FieldText("*", frozenset(range(low, high + 1))))


def years_between(first: int, length: int, step: int) -> FieldText:
    return FieldText(f"{first}-{first + length}/{step}", frozenset(range(first, first + length + 1, step)))


EVERY_YEAR = FieldText("*", frozenset(range(1970, 2200)))

days = st.one_of(
    st.builds(on_days, fields(1, 31)),
    st.builds(on_weekdays, fields(1, 7, WEEKDAYS)),
    st.builds(nearest, st.integers(1, 31)),
    st.builds(last_of_week, st.integers(1, 7)),
    st.builds(nth, st.integers(1, 7), st.integers(1, 5)),
    st.sampled_from([LAST_DAY, LAST_WORKDAY, LAST_OF_WEEK]),
)
years = st.builds(years_between, st.integers(2026, 2033), st.integers(0, 5), st.integers(1, 3))
single = {
    "minutes": st.integers(0, 59).map(lambda value: only(value)),
    "hours": st.integers(0, 23).map(lambda value: only(value)),
}
expressions = st.one_of(
    st.builds(
        Expression,
        minutes=fields(0, 59),
        hours=fields(0, 23),
        day=days,
        months=fields(1, 12, MONTHS),
        years=st.just(EVERY_YEAR),
    ),
    st.builds(Expression, **single, day=days, months=fields(1, 12, MONTHS), years=years),
)


@settings(max_examples=150)
@given(expressions, st.sampled_from(ZONES))
def test_dagster_fires_when_eventbridge_would(expression: Expression, zone: str):
    expected = list(islice(expression.fires(START, zone, UNTIL), FIRES))
    try:
        found = ticks(expression.text, zone)
    except ScheduleError:
        # It never fires.
        assert expected == []
        return
    assert list(islice(dagster_fires(found, START, UNTIL), FIRES)) == expected


# --- expressions with a catch -------------------------------------------------------------------------------------


ANY_MONTH, MIDNIGHT = FieldText("*", frozenset(range(1, 13))), only(0)
EVERY_DAY, WORKDAYS = FieldText("*", frozenset(range(1, 8))), FieldText("MON-FRI", frozenset(range(2, 7)))
#: The months in which clocks are set.
SET = only(3, 4, 9, 10, 11)
CATCHES = [
    Expression(only(0), only(10), last_of_week(6), ANY_MONTH, EVERY_YEAR),
    Expression(MIDNIGHT, MIDNIGHT, LAST_DAY, ANY_MONTH, EVERY_YEAR),
    Expression(MIDNIGHT, MIDNIGHT, LAST_WORKDAY, ANY_MONTH, EVERY_YEAR),
    Expression(MIDNIGHT, MIDNIGHT, LAST_OF_WEEK, ANY_MONTH, EVERY_YEAR),
    *(Expression(only(30), only(6), nearest(day), ANY_MONTH, EVERY_YEAR) for day in (1, 3, 15, 28, 29, 30, 31)),
    Expression(only(30), only(8), nth(2, 1), ANY_MONTH, EVERY_YEAR),
    Expression(only(30), only(8), nth(2, 5), ANY_MONTH, EVERY_YEAR),
    Expression(only(0, 30), only(2), on_days(only(29)), only(2), EVERY_YEAR),
    Expression(only(0), only(2), on_days(only(29)), only(2), years_between(2028, 32, 4)),
    Expression(only(0), only(12), on_days(only(31)), ANY_MONTH, years_between(2026, 4, 2)),
    Expression(only(5), only(4), on_weekdays(WORKDAYS), ANY_MONTH, EVERY_YEAR),
    *(Expression(only(0, 15, 30), only(hour), on_weekdays(EVERY_DAY), SET, EVERY_YEAR) for hour in (0, 1, 2, 3, 23)),
    Expression(only(30), FieldText("*", frozenset(range(24))), on_weekdays(only(1)), SET, EVERY_YEAR),
]


@pytest.mark.parity("A-37", "A-7", "A!28")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", CATCHES, ids=lambda expression: expression.text)
def test_the_next_500_fires_are_eventbridges(expression: Expression, zone: str):
    expected = list(islice(expression.fires(START, zone, 2100), 500))
    assert expected
    assert list(islice(dagster_fires(ticks(expression.text, zone), START, 2100), 500)) == expected


@pytest.mark.parity("A-37", "A-7")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("rate(1 minute)", 1),
        ("rate(5 minutes)", 5),
        ("rate(7 minutes)", 7),
        ("rate(60 minutes)", 60),
        ("rate(90 minutes)", 90),
        ("rate(1 hour)", 60),
        ("rate(7 hours)", 7 * 60),
        ("rate(12 hours)", 12 * 60),
        ("rate(36 hours)", 36 * 60),
        ("rate(1 day)", 24 * 60),
        ("rate(5 days)", 5 * 24 * 60),
        ("rate(7 days)", 7 * 24 * 60),
        ("rate(14 days)", 14 * 24 * 60),
    ],
)
def test_a_rate_fires_in_even_intervals_from_a_sunday_in_1970(expression: str, minutes: int, zone: str):
    """Elapsed time: setting clocks changes nothing."""
    start, step = datetime(1970, 1, 4, tzinfo=UTC), timedelta(minutes=minutes)
    first = start + ((START - start) // step + 1) * step
    expected = [first + number * step for number in range(500)]
    assert list(islice(dagster_fires(ticks(expression, zone), START, 2100), 500)) == expected


@settings(max_examples=60)
@given(st.integers(2, 300), st.sampled_from([("minutes", 1), ("hours", 60), ("days", 24 * 60)]))
def test_any_rate_fires_in_even_intervals(count: int, unit: tuple[str, int]):
    name, minutes = unit
    step = timedelta(minutes=count * minutes)
    fires = list(islice(dagster_fires(ticks(f"rate({count} {name})", "UTC"), START, 2060), 4))
    assert {later - earlier for earlier, later in pairwise(fires)} <= {step}
    assert len(fires) == 4 or step > timedelta(days=365)


# --- what Dagster is told, and what is refused --------------------------------------------------------------------


@pytest.mark.parity("A-37")
@pytest.mark.parametrize(
    ("expression", "cron"),
    [
        ("cron(0 2 * * ? *)", "0 2 * * *"),
        ("0 2 * * ? *", "0 2 * * *"),
        ("'cron(0 2 * * ? *)'", "0 2 * * *"),
        ("cron(0 9 ? * MON-FRI *)", "0 9 * * 1-5"),
        ("cron(0 9 ? * 2-6 *)", "0 9 * * 1-5"),
        ("cron(0 9 ? * 1,7 *)", "0 9 * * 0,6"),
        ("cron(0/15 8-17 ? * * *)", "0,15,30,45 8-17 * * *"),
        ("cron(0 0 1 jan,jul ? *)", "0 0 1 1,7 *"),
        ("cron(0 0 L * ? *)", "0 0 L * *"),
        ("cron(0 10 ? * 6L *)", "0 10 * * L5"),
        ("cron(0 10 ? * 2#1 *)", "0 10 * * 1#1"),
        ("cron(0 10 15W * ? *)", "0 10 13-17 * *"),
        ("rate(12 hours)", "0 0,12 * * *"),
    ],
)
def test_a_schedule_ticks_no_more_than_it_must(expression: str, cron: str):
    assert ticks(expression, "UTC").cron_strings == (cron,)


@pytest.mark.parity("A!28")
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cron(0 9 ? * MON-FRI)", r"5 fields.*did you mean cron\(0 9 \? \* MON-FRI \*\)"),
        ("0 2 * * *", r"5 fields.*did you mean cron\(0 2 \* \* \? \*\)"),
        ("cron(0 2 * * * *)", "exactly one of day-of-month and day-of-week"),
        ("cron(0 2 ? * ? *)", "exactly one of day-of-month and day-of-week"),
        ("cron(0 2 1 1 ? 2200)", "'2200' is no value for year; allowed: 1970-2199"),
        ("cron(0 2 30 2 ? *)", "never fires: none of its months has such a day"),
        ("cron(0 2 29 2 ? 2027)", "never fires: none of its months has such a day"),
        ("cron(0 2 L,15 * ? *)", "'L' cannot stand in day-of-month; .* each stands alone there"),
        ("cron(0 2 ? * 3#1,6#3 *)", "'3#1' cannot stand in day-of-week"),
        ("cron(0 2 6L * ? *)", "'6L' cannot stand in day-of-month"),
        ("cron(0 2 ? * 3W *)", "'3W' cannot stand in day-of-week"),
        ("cron(0 L * * ? *)", "'L' cannot stand in hours"),
        ("cron(0 2 32W * ? *)", "'32' is no value for day-of-month; allowed: 1-31"),
        ("cron(0 2 ? * 6#6 *)", "'6' is no value for the number after #; allowed: 1-5"),
        ("cron(60 2 * * ? *)", "'60' is no value for minutes; allowed: 0-59"),
        ("cron(0 2 ? * 0 *)", "'0' is no value for day-of-week; allowed: 1-7 or SUN, MON"),
        ("cron(0 2 ? * FRI-MON *)", "'FRI-MON' in day-of-week runs backwards; write two ranges"),
        ("cron(0 2 * * ? *", "is not a schedule"),
        ("every day", "has 2 field"),
        ("rate(1 hours)", r"EventBridge wants `rate\(1 hour\)`"),
        ("rate(5 minute)", r"`rate\(2 minutes\)`"),
        ("rate(0 minutes)", "is not a rate"),
        ("rate(1 month)", "is not a rate"),
    ],
)
def test_what_eventbridge_would_refuse_is_refused_with_the_reason(expression: str, message: str):
    with pytest.raises(ScheduleError, match=message):
        ticks(expression, "UTC")
