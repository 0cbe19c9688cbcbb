"""Schedules that stay in Google Cloud fire when they would fire in Dagster, or are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter

from buildkit_dagster.config.cloud_scheduler import cloud_schedule
from buildkit_dagster.config.eventbridge import ScheduleError, parse

#: Without a change of clocks, which the two treat differently.
START = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parity("B-115")
@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 2 * * ? *)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "cron(30 6 1,15 * ? *)",
        "0 2 ? 1,7 SUN *",
        "rate(12 hours)",
        "rate(5 minutes)",
        "rate(1 day)",
        "rate(7 days)",
    ],
)
def test_five_fields_fire_when_the_six_do(expression: str):
    fields, timezone = cloud_schedule(expression, "UTC")
    assert timezone == "UTC"
    minutes = (START + timedelta(minutes=count) for count in range(0, 32 * 24 * 60, 5))
    wanted = [minute for minute in minutes if parse(expression).fires(minute, "UTC")]
    clock = croniter(fields, START - timedelta(minutes=1))
    assert wanted
    assert [clock.get_next(datetime) for _ in wanted] == wanted


def test_a_rate_counts_in_utc_wherever_the_job_is():
    assert cloud_schedule("rate(12 hours)", "Europe/Berlin") == ("0 0,12 * * *", "UTC")
    assert cloud_schedule("cron(0 2 * * ? *)", "Europe/Berlin") == ("0 2 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    "expression",
    [
        "rate(90 minutes)",
        "rate(2 days)",
        "cron(0 2 L * ? *)",
        "cron(0 2 ? * 2#1 *)",
        "cron(0 2 15W * ? *)",
        "cron(0 2 * * ? 2027)",
    ],
)
def test_what_five_fields_cannot_say_is_refused(expression: str):
    with pytest.raises(ScheduleError, match="Cloud Scheduler has five fields of cron"):
        cloud_schedule(expression, "UTC")
