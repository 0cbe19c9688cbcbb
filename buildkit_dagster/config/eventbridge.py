"""EventBridge's schedule expressions: what is one, and when does it fire.

The rules are those of the EventBridge user guide, "Cron expressions reference" and "Rate expressions reference", and,
for time zones, of the EventBridge Scheduler user guide, "Schedule types". How Dagster is made to tick at these times
is in `schedule.py`.
"""

from __future__ import annotations

import re
from calendar import SATURDAY, SUNDAY, monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}

#: Minutes per unit of `rate(...)`.
_UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
#: Where rates count from: a Sunday, so that weeks start there. EventBridge counts from when its rule was made.
RATE_START = datetime(1970, 1, 4, tzinfo=UTC)

_FIELD_COUNT = 6
_FORM = "`cron(minutes hours day-of-month month day-of-week year)`, as in cron(0 2 * * ? *), or `rate(12 hours)`"


class ScheduleError(ValueError):
    """An expression EventBridge would refuse, or one that never fires; the message says what to write."""


@dataclass(frozen=True)
class Days:
    """The days of a month on which a cron expression fires; weekdays count from 1 = SUN.

    `kind` is what `numbers` are: days (`month`), weekdays (`week`), `n` of `nW` (`nearest`), the weekday of `nL`
    (`last`), weekday and count of `n#m` (`nth`); none for `L` (`month_end`) and `LW` (`last_workday`).
    """

    kind: str
    numbers: tuple[int, ...] = ()

    def of(self, year: int, month: int) -> frozenset[int]:
        return _DAYS[self.kind](_Month(year, month), self.numbers)


@dataclass(frozen=True)
class Cron:
    """`cron(...)`: the allowed values of each field."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: Days
    months: frozenset[int]
    years: frozenset[int]

    def fires(self, moment: datetime, timezone: str) -> bool:
        """Whether it fires at `moment` (any time zone). A local time that comes twice counts once: the second time."""
        local = moment.astimezone(ZoneInfo(timezone))
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and local.year in self.years
            and local.day in self.days.of(local.year, local.month)
            and not (local.second or local.microsecond)
            and not _comes_again(local)
        )


@dataclass(frozen=True)
class Rate:
    """`rate(...)`: every so many minutes of elapsed time since `RATE_START`, whatever clocks are set to."""

    text: str
    minutes: int

    def fires(self, moment: datetime, timezone: str) -> bool:  # noqa: ARG002 - the same question as of a cron
        """Whether it fires at `moment` (any time zone)."""
        return (moment - RATE_START) % timedelta(minutes=self.minutes) == timedelta()


def parse(expression: str) -> Cron | Rate:
    """`cron(...)`, `rate(...)` or the six fields alone, in single quotes or not; raises `ScheduleError`."""
    text = expression.strip().strip("'").strip()
    rate = re.fullmatch(r"rate\(\s*(\S+)\s+(\S+)\s*\)", text)
    if rate:
        return _rate(text, *rate.groups())
    wrapped = re.fullmatch(r"cron\((.*)\)", text)
    fields = (wrapped.group(1) if wrapped else text).split()
    if "(" in text and not wrapped:
        raise ScheduleError(f"{text!r} is not a schedule; write {_FORM}")
    if len(fields) == _FIELD_COUNT - 1:
        raise ScheduleError(f"{text!r} has 5 fields; EventBridge has 6: {_six_fields(fields)}")
    if len(fields) != _FIELD_COUNT:
        raise ScheduleError(f"{text!r} has {len(fields)} field(s); write {_FORM}")
    return _cron(text, [field.upper() for field in fields])


# --- fields -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Field:
    """The values one field of a cron expression may take."""

    name: str
    low: int
    high: int
    names: dict[str, int]


_MINUTES = _Field("minutes", 0, 59, {})
_HOURS = _Field("hours", 0, 23, {})
_DAY_OF_MONTH = _Field("day-of-month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_DAY_OF_WEEK = _Field("day-of-week", 1, 7, _WEEKDAYS)
_YEAR = _Field("year", 1970, 2199, {})


def _six_fields(fields: list[str]) -> str:
    """The expression a five-field cron string was probably meant to be."""
    minutes, hours, day, month, weekday = fields
    if weekday in "*?":
        weekday = "?" if day != "?" else "*"
    elif day in "*?":
        day = "?"
    return f"did you mean cron({minutes} {hours} {day} {month} {weekday} *)? Days of the week count from 1 = SUN"


def _cron(text: str, fields: list[str]) -> Cron:
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ScheduleError(
            f"{text!r}: exactly one of day-of-month and day-of-week must be `?`, as in cron(0 2 * * ? *)"
        )
    cron = Cron(
        text=f"cron({' '.join(fields)})",
        minutes=_values(text, minutes, _MINUTES),
        hours=_values(text, hours, _HOURS),
        days=_days_of_month(text, day) if weekday == "?" else _days_of_week(text, weekday),
        months=_values(text, month, _MONTH),
        years=_values(text, year, _YEAR),
    )
    if not any(cron.days.of(year, month) for year in cron.years for month in cron.months):
        raise ScheduleError(f"{text!r} never fires: none of its months has such a day")
    return cron


def _days_of_month(text: str, field: str) -> Days:
    if field == "L":
        return Days("month_end")
    if field in ("LW", "WL"):
        return Days("last_workday")
    if field.endswith("W") and "," not in field:
        return Days("nearest", (_number(text, field[:-1], _DAY_OF_MONTH),))
    return Days("month", tuple(sorted(_values(text, field, _DAY_OF_MONTH))))


def _days_of_week(text: str, field: str) -> Days:
    if field == "L":
        return Days("week", (_DAY_OF_WEEK.high,))
    if field.endswith("L") and "," not in field:
        return Days("last", (_number(text, field[:-1], _DAY_OF_WEEK),))
    if "#" in field and "," not in field:
        weekday, _, count = field.partition("#")
        times = _Field("the number after #", 1, 5, {})
        return Days("nth", (_number(text, weekday, _DAY_OF_WEEK), _number(text, count, times)))
    return Days("week", tuple(sorted(_values(text, field, _DAY_OF_WEEK))))


def _values(text: str, field: str, allowed: _Field) -> frozenset[int]:
    return frozenset(value for item in field.split(",") for value in _item(text, item, allowed))


def _item(text: str, item: str, allowed: _Field) -> range:
    """The values of one item of a list: `*`, `5`, `5-10`, `*/2`, `5/2`, `5-10/2`, `MON-FRI`."""
    if item not in allowed.names and re.search(r"\d[LW]|#|^L|\?", item):
        raise ScheduleError(
            f"{text!r}: {item!r} cannot stand in {allowed.name}; L and W belong to day-of-month, L and # to "
            "day-of-week, and each stands alone there, as in L, LW, 15W, 6L, 2#1"
        )
    span, _, step_text = item.partition("/")
    step = _number(text, step_text, _Field(allowed.name, 1, allowed.high, {})) if "/" in item else 1
    if span == "*":
        return range(allowed.low, allowed.high + 1, step)
    first, dash, last = span.partition("-")
    low = _number(text, first, allowed)
    if not dash:
        return range(low, (allowed.high if "/" in item else low) + 1, step)
    high = _number(text, last, allowed)
    if high < low:
        raise ScheduleError(f"{text!r}: {span!r} in {allowed.name} runs backwards; write two ranges")
    return range(low, high + 1, step)


def _number(text: str, value: str, allowed: _Field) -> int:
    number = allowed.names.get(value, int(value) if re.fullmatch(r"\d{1,4}", value) else None)
    if number is None or not allowed.low <= number <= allowed.high:
        names = f" or {', '.join(allowed.names)}" if allowed.names else ""
        raise ScheduleError(
            f"{text!r}: {value!r} is no value for {allowed.name}; allowed: {allowed.low}-{allowed.high}{names}"
        )
    return number


def _rate(text: str, value: str, unit: str) -> Rate:
    count = int(value) if re.fullmatch(r"[1-9]\d{0,5}", value) else None
    singular = unit.removesuffix("s")
    if count is None or singular not in _UNITS:
        raise ScheduleError(f"{text!r} is not a rate; write rate(<1 or more> minutes|hours|days)")
    if (count == 1) == unit.endswith("s"):
        raise ScheduleError(f"{text!r}: EventBridge wants `rate(1 {singular})` and `rate(2 {singular}s)`")
    return Rate(f"rate({count} {unit})", count * _UNITS[singular])


# --- days ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Month:
    year: int
    month: int

    @property
    def last(self) -> int:
        return monthrange(self.year, self.month)[1]

    def weekday(self, day: int) -> int:
        """Of Python: 0 is Monday."""
        return date(self.year, self.month, day).weekday()

    def all_of(self, weekday: int) -> list[int]:
        """The days that are a weekday of EventBridge: 1 is Sunday."""
        return [day for day in range(1, self.last + 1) if (self.weekday(day) + 1) % 7 + 1 == weekday]

    def nearest_workday(self, day: int) -> int:
        """Monday to Friday, without leaving the month."""
        if self.weekday(day) == SATURDAY:
            return day - 1 if day > 1 else day + 2
        if self.weekday(day) == SUNDAY:
            return day + 1 if day < self.last else day - 2
        return day


_DAYS: dict[str, Callable[[_Month, tuple[int, ...]], frozenset[int]]] = {
    "month": lambda month, days: frozenset(day for day in days if day <= month.last),
    "week": lambda month, weekdays: frozenset(day for weekday in weekdays for day in month.all_of(weekday)),
    "month_end": lambda month, _: frozenset({month.last}),
    "last_workday": lambda month, _: frozenset({month.nearest_workday(month.last)}),
    # A month without the day has no nearest one to it either.
    "nearest": lambda month, days: frozenset(month.nearest_workday(day) for day in days if day <= month.last),
    "last": lambda month, weekdays: frozenset({month.all_of(weekdays[0])[-1]}),
    "nth": lambda month, numbers: frozenset(month.all_of(numbers[0])[numbers[1] - 1 : numbers[1]]),
}


def _comes_again(local: datetime) -> bool:
    """The first of two moments with the same local time, before clocks are set back."""
    return local.fold == 0 and local.utcoffset() != local.replace(fold=1).utcoffset()
