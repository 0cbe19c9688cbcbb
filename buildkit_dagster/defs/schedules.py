"""EventBridge expressions of the configuration, as Dagster schedules of the jobs they started.

Reading an expression is in `config/schedule.py`, the jobs are in `jobs.py`. Schedules run from the start: what a
platform folder says is what happens; an emulated platform lives too short to notice.
"""

from __future__ import annotations

from dagster import DefaultScheduleStatus, ScheduleDefinition

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.schedule import dagster_cron
from buildkit_dagster.naming import DRIFT_JOB, dbt_job_name, ingest_job_name


def schedules(platform: Platform, *, has_drift: bool = False) -> list[ScheduleDefinition]:
    """One schedule per dbt project and ingest job that has an expression, and one of the job `drift`, if any."""
    projects = [
        _schedule(dbt_job_name(project.name), project.schedule, project.timezone)
        for project in platform.dbt_projects
        if project.schedule
    ]
    jobs = [
        _schedule(ingest_job_name(job.tenant, job.name), job.job.schedule, job.job.timezone)
        for job in platform.ingest_jobs
        if job.job.schedule
    ]
    drift = platform.config.drift_schedule
    return [*projects, *jobs, *([_schedule(DRIFT_JOB, drift, "UTC")] if drift and has_drift else [])]


def _schedule(job: str, expression: str, timezone: str) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=dagster_cron(expression),
        execution_timezone=timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=expression,
    )
