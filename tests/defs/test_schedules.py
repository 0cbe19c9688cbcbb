"""A schedule's ticks become runs when its expression fires, and are skipped with the reason when not."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dagster import DagsterInstance, Definitions, build_schedule_context, job
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import NamedSchedule
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.dbt_jobs import scheduled_jobs
from buildkit_dagster.defs.left_out import LeftOut
from buildkit_dagster.defs.schedules import schedules
from buildkit_dagster.errors import NothingScheduled
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import shop_platform


def tick(folder: Path, local: datetime, **changes: object) -> ScheduleExecutionData:
    """What the only schedule of the small platform makes of a tick."""

    @job(name="dbt_shop")
    def build() -> None: ...

    (schedule,) = schedules(shop_platform(folder, **changes))
    repository = Definitions(jobs=[build], schedules=[schedule]).get_repository_def()
    with DagsterInstance.ephemeral() as instance:
        context = build_schedule_context(instance, scheduled_execution_time=local, repository_def=repository)
        return schedule.evaluate_tick(context)


@pytest.mark.parity("A-7", "A-37")
def test_a_tick_between_the_fires_is_skipped_with_the_reason(tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    weekday, sunday = datetime(2027, 8, 16, 6, 30, tzinfo=berlin), datetime(2027, 8, 15, 6, 30, tzinfo=berlin)
    changes = {"schedule": "30 6 15W * ? *", "timezone": "Europe/Berlin"}
    (request,) = tick(tmp_path, weekday, **changes).run_requests or ()
    assert request.run_key is None
    skipped = tick(tmp_path, sunday, **changes)
    assert not skipped.run_requests
    assert skipped.skip_message == "cron(30 6 15W * ? *) does not fire at 2027-08-15T06:30:00+02:00"


WEEKLY = {"name": "totals", "schedule": "cron(0 6 ? * 2#1 *)", "timezone": "Europe/Berlin", "select": "+totals"}
NIGHTLY = {"name": "all", "schedule": "rate(1 day)"}


@pytest.fixture
def shop(tmp_path: Path) -> Platform:
    schedules = tuple(NamedSchedule(**each) for each in (WEEKLY, NIGHTLY))
    platform = shop_platform(tmp_path, schedules=schedules)
    prepare_manifest(platform, platform.dbt_projects[0], dict(os.environ))
    return platform


def test_a_schedule_that_selects_has_a_job_of_just_that(shop: Platform) -> None:
    (project,) = shop.dbt_projects
    assets = dbt_assets_of(shop, project, read_environment())
    (selecting,) = scheduled_jobs(shop, project, assets, LeftOut())
    assert selecting.name == "dbt_shop__totals"
    found = {key.path[-1] for key in selecting.selection.resolve(assets)}
    assert found == {"orders", "totals"}
    weekly, nightly = schedules(shop)
    assert (weekly.job_name, weekly.cron_schedule, weekly.execution_timezone) == (
        "dbt_shop__totals", "0 6 * * 1#1", "Europe/Berlin"
    )  # fmt: skip
    assert (nightly.job_name, nightly.name) == ("dbt_shop", "dbt_shop__all_schedule")


def test_a_schedule_that_selects_nothing_is_refused_at_load(shop: Platform) -> None:
    (project,) = shop.dbt_projects
    project = project.model_copy(update={"schedules": (NamedSchedule(**{**WEEKLY, "select": "tag:daily"}),)})
    assets = dbt_assets_of(shop, project, read_environment())
    with pytest.raises(NothingScheduled, match="schedule 'totals' of the dbt project 'shop' selects 'tag:daily'"):
        scheduled_jobs(shop, project, assets, LeftOut())


def test_a_project_whose_models_are_not_known_yet_is_built_as_a_whole(tmp_path: Path) -> None:
    platform = shop_platform(tmp_path, path=None, schedules=(NamedSchedule(**WEEKLY),))
    (project,) = platform.dbt_projects
    assets = dbt_assets_of(platform, project, read_environment())
    (selecting,) = scheduled_jobs(platform, project, assets, LeftOut())
    assert selecting.selection.resolve(assets) == {key for asset in assets for key in asset.keys}
