"""EventBridge expressions as Cloud Scheduler takes them: five fields of cron, without years, `L`, `W` and `#`.

Cloud Scheduler documentation, "Cron job format and time zone". How Dagster is made to tick is in `schedule.py`.
"""

from __future__ import annotations

from buildkit_dagster.config.eventbridge import Cron, Rate, ScheduleError, parse
from buildkit_dagster.config.schedule import ticks

_DAY, _WEEK = 24 * 60, 7 * 24 * 60
#: Kinds of days that five fields can name.
_PLAIN = ("month", "week")


def cloud_schedule(expression: str, timezone: str) -> tuple[str, str]:
    """The five fields and the time zone they are in; raises `ScheduleError` where they would fire at other times."""
    parsed = parse(expression)
    fields = ticks(expression, timezone).cron_strings
    exact = _is_plain_cron(parsed) if isinstance(parsed, Cron) else _is_plain_rate(parsed)
    if not exact or len(fields) != 1:
        raise ScheduleError(
            f"{expression!r}: Cloud Scheduler has five fields of cron, and they cannot say this: no years, `L`, `W` "
            "and `#`, and rates that divide a day; use another schedule, or `scheduler: dagster`"
        )
    return fields[0], timezone if isinstance(parsed, Cron) else "UTC"


def _is_plain_cron(cron: Cron) -> bool:
    return cron.days.kind in _PLAIN and cron.text.rstrip(")").split()[-1] == "*"


def _is_plain_rate(rate: Rate) -> bool:
    return _DAY % rate.minutes == 0 or rate.minutes == _WEEK
