"""EventBridge expressions of the configuration, as Dagster schedules of the jobs they started.

Reading an expression is in `config/schedule.py`, the jobs are in `jobs.py`. Schedules run from the start: what a
platform folder says is what happens; an emulated platform lives too short to notice.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime

from dagster import (
    AssetKey,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
)

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.schedule import Ticks, ticks
from buildkit_dagster.naming import DRIFT_JOB, TAGS_JOB, dbt_job_name, dbt_schedule_name, ingest_job_name, table_key


def schedules(
    platform: Platform, *, has_drift: bool = False, left_out: AbstractSet[AssetKey] = frozenset()
) -> list[ScheduleDefinition]:
    """One schedule per dbt project and ingest job that has an expression, and those of the jobs `drift` and `tags`,
    which are there where drift is looked for. That of a job whose table is `left_out` does not run."""
    projects = [
        schedule_of(dbt_job_name(project.name), project.schedule, project.timezone)
        for project in platform.dbt_projects
        if project.schedule and project.scheduler == "dagster"
    ]
    jobs = [
        schedule_of(
            ingest_job_name(job.tenant, job.name),
            job.job.schedule,
            job.job.timezone,
            runs=AssetKey(table_key(job.asset.source_type, job.asset.object)) not in left_out,
        )
        for job in platform.ingest_jobs
        if job.job.schedule and job.job.scheduler == "dagster"
    ]
    looks = {DRIFT_JOB: platform.config.drift_schedule, TAGS_JOB: platform.config.tags_schedule} if has_drift else {}
    looking = [schedule_of(job, expression, "UTC") for job, expression in looks.items() if expression]
    named = [schedule for project in platform.dbt_projects for schedule in _named_schedules(project)]
    return [*projects, *named, *jobs, *looking]


def _named_schedules(project: DbtProject) -> list[ScheduleDefinition]:
    found = []
    for each in project.schedules:
        name = dbt_schedule_name(project.name, each.name)
        job = name if each.select else dbt_job_name(project.name)
        found.append(schedule_of(job, each.schedule, each.timezone or project.timezone, name))
    return found


def schedule_of(
    job: str,
    expression: str,
    timezone: str,
    name: str = "",
    request: Callable[[datetime], RunRequest] = lambda _: RunRequest(),
    *,
    runs: bool = True,
) -> ScheduleDefinition:
    """A schedule of a job by an EventBridge expression; `request` makes the run of a tick, `runs` is whether it runs
    without being started."""
    times = ticks(expression, timezone)
    return ScheduleDefinition(
        name=f"{name or job}_schedule",
        job_name=job,
        cron_schedule=times.cron_strings if len(times.cron_strings) > 1 else times.cron_strings[0],
        execution_timezone=times.timezone,
        execution_fn=_at(times, request),
        default_status=DefaultScheduleStatus.RUNNING if runs else DefaultScheduleStatus.STOPPED,
        description=expression,
    )


def _at(
    times: Ticks, request: Callable[[datetime], RunRequest]
) -> Callable[[ScheduleEvaluationContext], RunRequest | SkipReason]:
    """A run at the ticks that the expression fires at."""

    def evaluate(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        tick = context.scheduled_execution_time
        if times.fires(tick):
            return request(tick)
        return SkipReason(f"{times.expression.text} does not fire at {tick.isoformat()}")

    return evaluate
