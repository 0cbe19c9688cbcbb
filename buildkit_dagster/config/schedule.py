"""EventBridge expressions -> when a Dagster schedule ticks, and which of its ticks fire.

Dagster takes five-field cron strings only. Where they cannot say what an expression does (years, `W`, most rates, an
hour that clocks leave out), the schedule ticks at every time that may be one, and `fires` decides. When an expression
fires is in `eventbridge.py`, the schedules are made in `defs/schedules.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import gcd

from buildkit_dagster.config.eventbridge import Cron, Days, Rate, parse

_HOUR, _DAY, _WEEK = 60, 24 * 60, 7 * 24 * 60


@dataclass(frozen=True)
class Ticks:
    """The cron strings a schedule ticks by, in `timezone`; it fires at the ticks that are times of `expression`."""

    cron_strings: tuple[str, ...]
    timezone: str
    expression: Cron | Rate

    def fires(self, tick: datetime) -> bool:
        return self.expression.fires(tick, self.timezone)


def ticks(expression: str, timezone: str) -> Ticks:
    """Raises `ScheduleError` for what EventBridge would refuse."""
    parsed = parse(expression)
    if isinstance(parsed, Rate):
        return Ticks(_ticks_of_rate(parsed.minutes), "UTC", parsed)
    return Ticks((_ticks_of_cron(parsed),), timezone, parsed)


def _ticks_of_cron(cron: Cron) -> str:
    day, weekday = _day_fields(cron.days)
    months = _listed(cron.months, range(1, 13))
    return f"{_listed(cron.minutes, range(60))} {_listed(cron.hours, range(24))} {day} {months} {weekday}"


def _day_fields(days: Days) -> tuple[str, str]:
    """Day of the month and day of the week; cron counts weekdays 0 = SUN to 6 = SAT."""
    numbers = days.numbers
    match days.kind:
        case "month":
            return _listed(numbers, range(1, 32)), "*"
        case "week":
            return "*", _listed([number - 1 for number in numbers], range(7))
        case "month_end":
            return "L", "*"
        case "last_workday":
            return "26-31", "*"
        case "nearest":
            return _listed([day for day in range(numbers[0] - 2, numbers[0] + 3) if 1 <= day <= 31], range(1, 32)), "*"
        case "last":
            return "*", f"L{numbers[0] - 1}"
        case _:
            return "*", f"{numbers[0] - 1}#{numbers[1]}"


def _ticks_of_rate(minutes: int) -> tuple[str, ...]:
    """A rate that divides a day ticks at the same times every day, any other at the times of one that does."""
    if minutes % _WEEK == 0:
        return ("0 0 * * 0",)
    times = range(0, _DAY, gcd(minutes, _DAY))
    by_minute: dict[int, list[int]] = {}
    for time in times:
        by_minute.setdefault(time % _HOUR, []).append(time // _HOUR)
    # Minutes that are at the same hours share a string.
    by_hours = sorted((hours, minute) for minute, hours in by_minute.items())
    return tuple(
        f"{_listed([minute for _, minute in same], range(_HOUR))} {_listed(hours, range(24))} * * *"
        for hours, same in groupby(by_hours, key=lambda pair: pair[0])
    )


def _listed(values: Collection[int], every: range) -> str:
    """`*`, or the values with runs of three and more as ranges."""
    if set(values) == set(every):
        return "*"
    # In a run, the value grows as its place does.
    runs = groupby(enumerate(sorted(values)), key=lambda pair: pair[1] - pair[0])
    return ",".join(_run([value for _, value in run]) for _, run in runs)


def _run(values: list[int]) -> str:
    return f"{values[0]}-{values[-1]}" if len(values) > 2 else ",".join(map(str, values))
