"""EventBridge schedule expressions -> the five-field cron strings Dagster's schedules take.

Dagster reads them with its own cron iterator. Which asset has which schedule is in `models.py` and `defs/schedules.py`.
The rules of the expressions: EventBridge user guide, "Setting a schedule pattern for scheduled rules".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}

#: Minutes per unit of `rate(...)`.
_UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
_HOUR = 60
_DAY = 24 * 60

_FIELD_COUNT = 6
_FORM = "`cron(minutes hours day-of-month month day-of-week year)`, as in cron(0 2 * * ? *), or `rate(12 hours)`"


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


class ScheduleError(ValueError):
    """An expression EventBridge would refuse, or one that no cron string says; the message says what to write."""


def dagster_cron(expression: str) -> str:
    """The five-field cron string that fires when `expression` does in EventBridge.

    `expression` is `cron(...)`, `rate(...)` or the six fields alone. A rate counts from midnight, where EventBridge
    counts from when its rule was made. Raises `ScheduleError` for anything else, and
    for what five fields cannot say: years, `L`, `W`, `#`, and rates that do not divide an hour or a day.
    """
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
    return _cron(text, fields)


def _six_fields(fields: list[str]) -> str:
    """The expression a five-field cron string was probably meant to be."""
    minutes, hours, day, month, weekday = fields
    if weekday in "*?":
        weekday = "?" if day != "?" else "*"
    elif day in "*?":
        day = "?"
    return f"did you mean cron({minutes} {hours} {day} {month} {weekday} *)? Days of the week count from 1 = SUN"


def _cron(text: str, fields: list[str]) -> str:
    minutes, hours, day, month, weekday, year = (part.upper() for part in fields)
    if year != "*":
        raise ScheduleError(f"{text!r}: a year ({year}) cannot be scheduled; the last field must be *")
    if (day == "?") == (weekday == "?"):
        raise ScheduleError(
            f"{text!r}: exactly one of day-of-month and day-of-week must be `?`, as in cron(0 2 * * ? *)"
        )
    days = "*" if day == "?" else _values(text, day, _DAY_OF_MONTH)
    weekdays = "*" if weekday == "?" else _weekdays(text, weekday)
    return " ".join(
        (_values(text, minutes, _MINUTES), _values(text, hours, _HOURS), days, _values(text, month, _MONTH), weekdays)
    )


def _values(text: str, field: str, allowed: _Field) -> str:
    """The field as it stands, names as numbers; steps without a start are written out for cron."""
    return ",".join(_item(text, item, allowed) for item in field.split(","))


def _item(text: str, item: str, allowed: _Field) -> str:
    low, high, step = _parsed(text, item, allowed)
    if (low, high, step) == (allowed.low, allowed.high, 1):
        return "*"
    span = str(low) if low == high else f"{low}-{high}"
    return f"{span}/{step}" if step > 1 and low != high else span


def _weekdays(text: str, field: str) -> str:
    """EventBridge counts 1 = SUN to 7 = SAT, cron 0 = SUN to 6 = SAT."""
    days: set[int] = set()
    for item in field.split(","):
        low, high, step = _parsed(text, item, _DAY_OF_WEEK)
        days |= {day - 1 for day in range(low, high + 1, step)}
    return "*" if len(days) == len(_WEEKDAYS) else ",".join(str(day) for day in sorted(days))


def _parsed(text: str, item: str, allowed: _Field) -> tuple[int, int, int]:
    """First, last and step of one comma-separated item: `*`, `5`, `5-10`, `*/2`, `5/2`, `5-10/2`, `MON-FRI`."""
    if item not in allowed.names and re.search(r"[LW#?]", _without_names(item, allowed)):
        raise ScheduleError(
            f"{text!r}: {item!r} in {allowed.name} cannot be scheduled: L, W, # have no cron equivalent"
        )
    span, _, step_text = item.partition("/")
    step = _number(text, step_text, _Field(allowed.name, 1, allowed.high, {})) if "/" in item else 1
    if span == "*":
        return allowed.low, allowed.high, step
    first, dash, last = span.partition("-")
    low = _number(text, first, allowed)
    if not dash:
        return low, (allowed.high if "/" in item else low), step
    high = _number(text, last, allowed)
    if high < low:
        raise ScheduleError(f"{text!r}: {span!r} in {allowed.name} runs backwards; write two ranges")
    return low, high, step


def _without_names(item: str, allowed: _Field) -> str:
    return re.sub("|".join(allowed.names) or r"(?!)", "", item)


def _number(text: str, value: str, allowed: _Field) -> int:
    number = allowed.names.get(value, int(value) if re.fullmatch(r"\d{1,4}", value) else None)
    if number is None or not allowed.low <= number <= allowed.high:
        names = f" or {', '.join(allowed.names)}" if allowed.names else ""
        raise ScheduleError(
            f"{text!r}: {value!r} is no value for {allowed.name}; allowed: {allowed.low}-{allowed.high}{names}"
        )
    return number


def _rate(text: str, value: str, unit: str) -> str:
    count = int(value) if re.fullmatch(r"[1-9]\d{0,5}", value) else None
    singular = unit.removesuffix("s")
    if count is None or singular not in _UNITS:
        raise ScheduleError(f"{text!r} is not a rate; write rate(<1 or more> minutes|hours|days)")
    if (count == 1) == unit.endswith("s"):
        raise ScheduleError(f"{text!r}: EventBridge wants `rate(1 {singular})` and `rate(2 {singular}s)`")
    return _every(text, count * _UNITS[singular])


def _every(text: str, minutes: int) -> str:
    """A cron string can only repeat what divides an hour, a day, or is a day or a week."""
    if minutes < _HOUR and _HOUR % minutes == 0:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    if minutes % _HOUR == 0 and _DAY % minutes == 0 and minutes < _DAY:
        hours = minutes // _HOUR
        return f"0 */{hours} * * *" if hours > 1 else "0 * * * *"
    if minutes == _DAY:
        return "0 0 * * *"
    if minutes == 7 * _DAY:
        return "0 0 * * 0"
    raise ScheduleError(
        f"{text!r} divides neither an hour nor a day evenly; write a rate that does "
        "(such as 5 minutes, 6 hours, 1 day, 7 days) or a cron(...) expression"
    )
