"""Runs end, people are told: real runs in a real instance, a real server that takes the messages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    SensorDefinition,
    asset,
    asset_check,
    build_sensor_context,
    define_asset_job,
)
from dagster._core.test_utils import create_run_for_test

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.config.projects import NamedSchedule
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.notifications import notification_sensors
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import ApprovalNeeded
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import shop_platform
from tests.receiver import Receiver, receiver


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver(tmp_path, monkeypatch) as box:
        yield box


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A real one: SQLite files, as a platform has them by default."""
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


@pytest.fixture(scope="module")
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@dataclass
class Ticks:
    """The sensor as the daemon evaluates it: tick by tick, with the cursor the tick before left."""

    instance: DagsterInstance
    make: Callable[[], SensorDefinition]
    cursor: str | None = None

    def tick(self) -> str:
        """One tick of a sensor made anew, as after a restart; returns what the tick says."""
        with build_sensor_context(self.instance, self.cursor) as context:
            found = self.make().evaluate_tick(context)
        self.cursor = found.cursor
        return str(found.skip_message)


def settings(post: Receiver, path: str = "/told", **more: Any) -> dict[str, Any]:
    return {"webhook-notification": {"active": True, "webhook_url": post.url + path}, **more}


def with_platform_told(platform: Platform, **keys: Any) -> Platform:
    told = Notifying.model_validate(keys, strict=False)
    return platform.model_copy(
        update={"config": platform.config.model_copy(update={"notifications": told, "ui_url": "https://d.example.com"})}
    )


# --- a dbt project -----------------------------------------------------------------------------------------------


@dataclass
class Shop:
    """The dbt project with its job and sensor, in an instance; what it tells goes to a webhook."""

    platform: Platform
    process: ProcessEnvironment
    instance: DagsterInstance
    post: Receiver
    ticks: Ticks

    def fill(self, *ids: int) -> None:
        with duckdb.connect(str(self.platform.folder / "warehouse.duckdb")) as connection:
            connection.execute("create schema if not exists till")
            connection.execute("create or replace table till.sales (id integer, amount integer)")
            connection.executemany("insert into till.sales values (?, 10)", [[i] for i in ids])

    def build(self, *ids: int) -> list[dict[str, Any]]:
        """Fill the source, build the project, tick; returns the bodies that arrived."""
        self.fill(*ids)
        self.definitions.resolve_job_def("dbt_shop").execute_in_process(instance=self.instance, raise_on_error=False)
        self.ticks.tick()
        return [request.body for request in self.post.take("127.0.0.1")]

    @property
    def assets(self) -> list[AssetsDefinition]:
        return dbt_assets_of(self.platform, self.platform.dbt_projects[0], self.process)

    @property
    def definitions(self) -> Definitions:
        return Definitions(self.assets, jobs=[define_asset_job("dbt_shop")])


@pytest.fixture
def shop(tmp_path: Path, post: Receiver, instance: DagsterInstance, process: ProcessEnvironment) -> Callable[..., Shop]:
    def make(schedules: Sequence[NamedSchedule] = (), **keys: Any) -> Shop:
        platform = shop_platform(tmp_path / "skyline", runtime="local")
        project = platform.dbt_projects[0]
        told = Notifying.model_validate(settings(post, **keys), strict=False)
        fields = {name: getattr(told, name) for name in Notifying.model_fields} | {"schedules": schedules}
        platform = platform.model_copy(update={"dbt_projects": (project.model_copy(update=fields),)})
        prepare_manifest(platform, platform.dbt_projects[0], process.variables)

        def sensor() -> SensorDefinition:
            [found] = notification_sensors(platform, process, {"shop": made.assets}, made.assets)
            return found

        made = Shop(platform, process, instance, post, Ticks(instance, sensor))
        made.ticks.tick()
        return made

    return make


@pytest.mark.parity("A-61", "A-196")
def test_a_failure_is_told_once_while_it_lasts_and_its_end_once(shop: Callable[..., Shop]):
    project = shop()
    assert project.build(1, 2) == []
    [told] = project.build(1, 1)
    assert told["event"] == "test-failure"
    assert told["title"] == "shop (dev): 1 failed test"
    assert "- `shop/orders: unique_orders_id`: `1 row`" in told["message"]
    assert told["action"] == "open"
    assert project.build(1, 1) == []
    [ended] = project.build(1, 2)
    assert (ended["event"], ended["key"], ended["action"]) == ("recovered", told["key"], "close")
    assert project.build(1, 2) == []


def test_models_that_failed_are_named_with_what_dbt_said(shop: Callable[..., Shop]):
    project = shop()
    (project.platform.folder / "dbt/shop/models/totals.sql").write_text(
        "select nothing as total from {{ ref('orders') }}"
    )
    [told] = project.build(1, 2)
    assert told["event"] == "build-failure"
    assert [one["name"] for one in told["failed"]] == ["shop/totals"]
    assert "Runtime Error in model totals" in told["message"]


@pytest.mark.parity("A-61")
def test_a_listed_event_is_told_and_no_other(shop: Callable[..., Shop]):
    project = shop(**{"auto-notifications": ["build-success"]})
    assert project.build(1, 1) == []
    [told] = project.build(1, 2)
    assert (told["event"], told["title"][:30]) == ("build-success", "shop (dev): 3 models built in ")


@pytest.mark.parity("A-59", "A-62", "A-196")
def test_tables_that_are_critical_and_the_time_zone_have_their_effect(shop: Callable[..., Shop]):
    [told] = shop(critical_tables=["shop.orders"], utc=-3).build(1, 1)
    assert told["severity"] == "critical"
    assert "UTC-03:00" in told["message"]


def test_a_run_of_a_part_that_fails_before_any_step_is_told_by_the_project(shop: Callable[..., Shop]):
    project = shop(schedules=(NamedSchedule(name="hourly", schedule="rate(1 hour)", select="orders"),))
    lost = create_run_for_test(project.instance, job_name="dbt_shop__hourly")
    project.instance.report_run_failed(lost, message="the worker was lost")
    project.ticks.tick()
    [told] = [request.body for request in project.post.take("127.0.0.1")]
    assert told["title"].startswith("shop (dev): ")
    assert "the worker was lost" in told["message"]


# --- the platform ------------------------------------------------------------------------------------------------


def checked(name: str, severity: AssetCheckSeverity, passed: list[bool]) -> Definitions:
    """An asset with one check, whose result is what `passed` holds."""

    @asset(key=["infra", "lake", "raw"])
    def raw() -> None: ...

    @asset_check(asset=raw, name=name)
    def check() -> AssetCheckResult:
        return AssetCheckResult(passed=passed[0], severity=severity, description="One resource is not as it was left.")

    return Definitions([raw], asset_checks=[check], jobs=[define_asset_job("job")])


@pytest.fixture
def platform_ticks(
    tmp_path: Path, post: Receiver, instance: DagsterInstance, process: ProcessEnvironment
) -> Callable[..., Ticks]:
    def make(**keys: Any) -> Ticks:
        platform = with_platform_told(shop_platform(tmp_path / "skyline"), **settings(post, **keys))

        def sensor() -> SensorDefinition:
            [found] = notification_sensors(platform, process, {}, [])
            return found

        ticks = Ticks(instance, sensor)
        ticks.tick()
        return ticks

    return make


def run(definitions: Definitions, instance: DagsterInstance, job: str = "job") -> None:
    definitions.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)


@pytest.mark.parametrize(
    ("name", "severity", "event", "title"),
    [
        ("drift", AssetCheckSeverity.WARN, "drift", "skyline (dev): 1 unit that drifted"),
        ("freshness", AssetCheckSeverity.ERROR, "freshness", "skyline (dev): 1 stale table"),
    ],
)
def test_drift_and_stale_data_are_told_and_their_end(
    platform_ticks: Callable[..., Ticks],
    post: Receiver,
    instance: DagsterInstance,
    name: str,
    severity: AssetCheckSeverity,
    event: str,
    title: str,
):
    ticks, passed = platform_ticks(), [False]
    definitions = checked(name, severity, passed)
    run(definitions, instance)
    ticks.tick()
    [told] = [request.body for request in post.take("127.0.0.1")]
    assert (told["event"], told["title"]) == (event, title)
    assert told["link"].startswith("https://d.example.com/runs/")
    passed[0] = True
    run(definitions, instance)
    ticks.tick()
    assert [request.body["event"] for request in post.take("127.0.0.1")] == ["recovered"]


def test_each_plan_that_waits_for_approval_is_told_once(
    platform_ticks: Callable[..., Ticks], post: Receiver, instance: DagsterInstance
):
    ticks, digest = platform_ticks(), ["aaaa1111"]

    @asset
    def lake() -> None:
        with told_plainly():
            if digest[0]:
                raise ApprovalNeeded("lake", digest[0], ["protected"], "Approve it: buildkit approve")

    definitions = Definitions([lake], jobs=[define_asset_job("stack_lake")])
    titles = []
    for waiting in ("aaaa1111", "aaaa1111", "bbbb2222", ""):
        digest[0] = waiting
        run(definitions, instance, "stack_lake")
        ticks.tick()
        titles += [(request.body["event"], request.body["message"]) for request in post.take("127.0.0.1")]
    assert [event for event, _ in titles] == ["plan", "plan"]
    assert "plan aaaa1111 needs an approval" in titles[0][1]
    assert "plan bbbb2222 needs an approval" in titles[1][1]


def test_one_message_tells_all_steps_that_failed_in_a_run(
    platform_ticks: Callable[..., Ticks], post: Receiver, instance: DagsterInstance
):
    def failing(name: str) -> AssetsDefinition:
        @asset(name=name)
        def made() -> None:
            raise ValueError(f"{name} is broken")

        return made

    ticks = platform_ticks()
    run(Definitions([failing(f"table_{n}") for n in range(12)], jobs=[define_asset_job("job")]), instance)
    ticks.tick()
    [told] = [request.body for request in post.take("127.0.0.1")]
    assert told["title"] == "skyline (dev): 12 failures"
    assert "- and 4 more" in told["message"]
    assert len(told["failed"]) == 12


def test_a_channel_that_is_down_holds_up_no_other_and_is_named(
    platform_ticks: Callable[..., Ticks], post: Receiver, instance: DagsterInstance
):
    url = "https://discord.com/api/webhooks/1234567890/abcDEFghijkl"
    ticks = platform_ticks(**{"discord-notification": {"active": True, "webhook_url": url}})
    post.answers["discord.com"] = (503, "later")
    fail_runs(instance, 1)
    said = ticks.tick()
    assert len(post.of("127.0.0.1")) == 1
    assert "(platform)/discord: could not be sent" in said
    assert "1 waiting" in said
    assert "abcDEFghijkl" not in said


# --- many runs ---------------------------------------------------------------------------------------------------


def fail_runs(instance: DagsterInstance, count: int) -> list[str]:
    """That many runs, each of another job, recorded as failed."""
    jobs = [f"ingest_{number}" for number in range(count)]
    for job in jobs:
        instance.report_run_failed(create_run_for_test(instance, job_name=job), message="the task ended with code 1")
    return jobs


@pytest.fixture
def one_file(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A SQLite instance with all events in one file: a file for each run takes half a second to make."""
    events = {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(tmp_path / "events")},
    }
    (tmp_path / "one_file").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "one_file"), overrides={"event_log_storage": events}) as instance:
        yield instance


def test_a_thousand_runs_are_all_told_about_exactly_once(
    platform_ticks: Callable[..., Ticks], post: Receiver, one_file: DagsterInstance
):
    ticks = replace(platform_ticks(), instance=one_file, cursor=None)
    ticks.tick()
    jobs = fail_runs(one_file, 1000)
    began = time.process_time()
    said = [ticks.tick()]
    while not said[-1].startswith("0 runs read, 0 messages sent, 0 waiting"):
        said.append(ticks.tick())
    assert Counter(request.body["job"] for request in post.of("127.0.0.1")) == Counter(jobs)
    # Within two minutes, on a machine that has nothing else to do.
    assert time.process_time() - began < 120
    assert len(str(ticks.cursor)) < 500_000
