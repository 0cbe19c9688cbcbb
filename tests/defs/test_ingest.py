"""Ingest tables as Dagster runs them: a real task in the emulator, real Pipes over S3, a real warehouse."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.config import Config
from dagster import (
    AssetKey,
    DagsterInstance,
    ExecuteInProcessResult,
    MaterializeResult,
    asset,
    materialize,
)

from buildkit_dagster import process
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.quality import DataQuality, Freshness, Volume
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.pipes.ecs import run_task
from buildkit_dagster.defs.runtimes.ecs import task_request
from buildkit_dagster.emulator.control import Emulator
from tests.defs.function_till import with_runtime_written
from tests.defs.till import Till, new_till, sales
from tests.emulator.helpers import PATIENCE, until

SALES = AssetKey(["till", "sales"])


@pytest.fixture
def till(emulator: Emulator, tmp_path: Path) -> Till:
    made = new_till(tmp_path / "platform", emulator.endpoint, client_of(emulator))
    made.make_lake()
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def client_of(emulator: Emulator) -> Callable[[str, str], Any]:
    session = boto3.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator")
    config = Config(s3={"addressing_style": "path"})
    return lambda service, region: session.client(
        service, region_name=region, endpoint_url=emulator.endpoint, config=config
    )


def failure_of(result: ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


def with_runtime(till: Till, job: str, **values: Any) -> Till:
    """The platform with another runtime for one job; values the models would refuse are allowed."""

    def changed(found: Any) -> Any:
        if found.name != job:
            return found
        infrastructure = found.job.infrastructure
        runtime = infrastructure.runtime.model_copy(update=values)
        file = found.job.model_copy(update={"infrastructure": infrastructure.model_copy(update={"runtime": runtime})})
        return found.model_copy(update={"job": file})

    jobs = tuple(changed(found) for found in till.platform.ingest_jobs)
    platform: Platform = till.platform.model_copy(update={"ingest_jobs": jobs})
    return Till(platform, till.process, till.boto)


def test_the_assets_are_the_dbt_sources_and_stand_on_their_infrastructure(till: Till) -> None:
    by_key = {asset.key.to_user_string(): asset for asset in till.assets}
    assert set(by_key) == {"till/sales", "till/customers"}
    [spec] = by_key["till/sales"].specs
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {"infra/lake/raw", "infra/ingest-acme/sales"}
    assert (spec.group_name, spec.kinds) == ("till", {"dlt", "duckdb", "ecs"})
    assert (list(spec.owners), spec.partitions_def.name) == (["nightly-sales@example.com"], "till_sales")
    assert by_key["till/sales"].op.pool == by_key["till/customers"].op.pool == "warehouse"


def test_a_run_of_everything_registers_and_reports_each_month_once(till: Till, instance: DagsterInstance) -> None:
    till.make_task("sales")
    till.put("sales/2013-02.csv", sales(0, 4))
    till.put("sales/2013-01.csv", sales(4, 10))
    first = till.materialize(instance, "sales")
    assert first.success
    whole, january, february = sorted(
        (event.materialization for event in first.get_asset_materialization_events()), key=lambda m: m.partition or ""
    )
    assert (whole.partition, january.partition, february.partition) == (None, "2013-01", "2013-02")
    assert january.metadata["dagster/partition_row_count"].value == 6
    assert whole.metadata["dagster/row_count"].value == 10
    assert whole.metadata["dagster/column_schema"].value.columns[0].name == "id"
    assert [item["key"] for item in whole.metadata["objects"].data] == ["sales/2013-01.csv", "sales/2013-02.csv"]
    assert whole.metadata["load_package"].value
    assert list(instance.get_dynamic_partitions("till_sales")) == ["2013-01", "2013-02"]
    assert any("read s3://" in entry.user_message for entry in instance.all_logs(first.run_id))
    assert till.client("s3").list_objects_v2(
        Bucket=till.platform.names.bucket("artifacts"), Prefix="pipes/acme/sales/"
    )["KeyCount"]

    again = till.materialize(instance, "sales")
    [event] = again.get_asset_materialization_events()
    assert (event.partition, event.materialization.metadata["rows_loaded"].value) == (None, 0)
    assert event.materialization.tags["dagster/data_version"] == whole.tags["dagster/data_version"]

    till.put("sales/2013-01.csv", sales(0, 3))
    month = till.materialize(instance, "sales", partition_key="2013-01")
    assert month.success
    assert till.rows("SELECT _partition, count(*) FROM till.sales GROUP BY 1 ORDER BY 1") == [
        ("2013-01", 3),
        ("2013-02", 4),
    ]
    assert instance.get_materialized_partitions(SALES) == {"2013-01", "2013-02"}

    span = {"dagster/asset_partition_range_start": "2013-01", "dagster/asset_partition_range_end": "2013-02"}
    forced = {"ops": {"load_acme_sales": {"config": {"force": True}}}}
    both = till.materialize(instance, "sales", tags=span, run_config=forced)
    events = both.get_asset_materialization_events()
    assert sorted(str(event.partition) for event in events) == ["2013-01", "2013-02"]
    assert events[0].materialization.metadata["rows_loaded"].value == 7


def test_a_local_job_does_the_same_in_a_process_of_its_own(till: Till, instance: DagsterInstance) -> None:
    local = with_runtime(till, "customers", type="local")
    local.put("customers/a.csv", b"id\n1\n2\n")
    assert local.materialize(instance, "customers").success
    assert local.rows("SELECT count(*) FROM till.customers") == [(2,)]

    local.put("customers/b.csv", b"id\nthree\n")
    failed = local.materialize(instance, "customers")
    assert "customers/b.csv" in failure_of(failed)
    assert "exit code 1" in failure_of(failed)
    assert local.rows("SELECT count(*) FROM till.customers") == [(2,)]


@pytest.mark.parity("B-46")
def test_the_checks_the_asset_asks_for_come_with_the_load_and_no_others(till: Till, instance: DagsterInstance) -> None:
    quality = DataQuality(freshness=Freshness(hours=1), volume=Volume(min_rows=3, severity="error"))
    local = with_runtime(till, "customers", type="local")
    [job] = [found for found in local.platform.ingest_jobs if found.name == "customers"]
    asset = job.asset.model_copy(update={"data_quality": quality, "primary_key": ("id",)})
    jobs = tuple(
        found.model_copy(update={"asset": asset}) if found is job else found for found in local.platform.ingest_jobs
    )
    checked = Till(local.platform.model_copy(update={"ingest_jobs": jobs}), local.process, local.boto)
    checked.put("customers/a.csv", b"id\n1\n1\n")
    result = checked.materialize(instance, "customers")
    found = {one.check_name: (one.passed, one.severity.value) for one in result.get_asset_check_evaluations()}
    assert found == {
        "nulls": (True, "ERROR"),
        "duplicates": (False, "ERROR"),
        "freshness": (True, "WARN"),
        "volume": (False, "ERROR"),
    }
    # Nothing of it stops the load: the rows are there already.
    assert result.success
    [plain] = [one for one in till.assets if one.key == AssetKey(["till", "customers"])]
    assert {key.name for key in plain.check_keys} == {"nulls"}


def test_without_infrastructure_the_run_names_what_is_missing(till: Till, instance: DagsterInstance) -> None:
    assert "needs infra/registry/cluster, which is not there" in failure_of(till.materialize(instance, "sales"))
    till.make_task("sales")
    assert "needs infra/ingest-acme/customers" in failure_of(till.materialize(instance, "customers"))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["sh", "-c", "echo no luck; exit 3"], r"exit code 3: Essential container in task exited; .*\n  \| no luck"),
        (["sh", "-c", "kill -9 $$"], "exit code 137"),
        (["true"], "ended well and reported nothing"),
    ],
)
def test_a_task_that_fails_says_its_exit_code_and_the_end_of_its_log(
    till: Till, instance: DagsterInstance, command: list[str], says: str
) -> None:
    till.make_task("customers", command)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(failure_of(till.materialize(instance, "customers")))


class BusyEcs:
    """An ECS client that has no room for the first tasks."""

    def __init__(self, client: Any, refusals: int) -> None:
        self.client, self.refusals = client, refusals

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def run_task(self, **parameters: Any) -> Any:
        if not self.refusals:
            return self.client.run_task(**parameters)
        self.refusals -= 1
        return {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}


@pytest.mark.parametrize(("family", "refusals", "says"), [("", 2, ""), ("absent", 0, "did not start a task of absent")])
def test_only_a_start_that_can_succeed_later_is_tried_again(
    till: Till, instance: DagsterInstance, family: str, refusals: int, says: str
) -> None:
    till.make_task("customers", ["true"])
    request = task_request(till.platform, till.job("customers"), till.infrastructure("customers"), "run")
    clients = {name: till.client(name) for name in ("ecs", "logs", "s3")}
    busy = BusyEcs(clients["ecs"], refusals)

    @asset
    def start(context) -> MaterializeResult:  # type: ignore[no-untyped-def]
        wanted = replace(request, family=family or request.family)
        with told_plainly():
            run_task(context, wanted, {}, {**clients, "ecs": busy}, till.platform.names.bucket("artifacts"), 0.0, 0.1)
        return MaterializeResult()

    result = materialize([start], instance=instance, raise_on_error=False)
    assert says in ("" if result.success else failure_of(result))
    assert (result.success, busy.refusals, len(till.tasks())) == (not says, 0, int(not says))


def test_a_task_past_its_deadline_is_stopped(till: Till, instance: DagsterInstance) -> None:
    hasty = with_runtime(till, "customers", timeout=2)
    hasty.make_task("customers", ["sleep", "60"])
    assert "passed its deadline of 2 s and was stopped" in failure_of(hasty.materialize(instance, "customers"))
    [task] = hasty.tasks()
    assert task["lastStatus"] == "STOPPED"
    assert "deadline" in task["stoppedReason"]


def start_worker(till: Till, home: Path, job: str) -> process.Child:
    folder, endpoint = till.platform.folder, str(till.process.endpoint)
    home.mkdir(exist_ok=True)
    return process.start(
        [sys.executable, "-m", "tests.defs.till", str(folder), till.platform.name, endpoint, job],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        stdout=home / "worker.log",
    )


def loading(worker: process.Child) -> list[int]:
    """The processes on this machine that load for a worker; Dagster has children of its own, for its logs."""
    pids = " ".join(told(file) for file in Path(f"/proc/{worker.pid}/task").glob("*/children")).split()
    return [int(pid) for pid in pids if "entrypoints.ingest" in told(Path(f"/proc/{pid}/cmdline"))]


def told(file: Path) -> str:
    """What the kernel tells of a process or thread; nothing of one that has just ended."""
    try:
        return file.read_text()
    except OSError:
        return ""


@contextmanager
def held_warehouse(till: Till) -> Iterator[None]:
    """Whoever has the warehouse holds every load in its middle, wherever it runs."""
    till.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(till.warehouse)):
        yield


@pytest.mark.parity("B-29")
def test_a_local_job_past_its_deadline_is_stopped(till: Till, instance: DagsterInstance) -> None:
    hasty = with_runtime(till, "customers", type="local", timeout=2)
    hasty.put("customers/a.csv", b"id\n1\n2\n")
    with held_warehouse(hasty):
        failure = failure_of(hasty.materialize(instance, "customers"))
    [pid] = re.findall(r"process (\d+) of \S+ passed its deadline of 2 s and was stopped", failure)
    assert process.started_at(int(pid)) is None
    # What was stopped has left nothing that stands in the way.
    assert with_runtime(hasty, "customers", timeout=600).materialize(instance, "customers").success
    assert till.rows("SELECT count(*) FROM till.customers") == [(2,)]


def test_cancelling_the_run_of_a_local_job_stops_it_at_its_next_safe_point(till: Till, tmp_path: Path) -> None:
    with_runtime_written(till.platform.folder, "customers", "{type: local}")
    till.put("customers/a.csv", b"id\n1\n2\n")
    with held_warehouse(till):
        worker = start_worker(till, tmp_path / "home", "customers")
        try:
            until(lambda: "waiting at most 60 s for another writer" in worker.stdout.read_text(), bool)
            [pid] = loading(worker)
            worker.signal(signal.SIGINT)
            worker.wait(PATIENCE)
        finally:
            worker.end()
    assert process.started_at(pid) is None
    assert till.rows("SELECT table_name FROM information_schema.tables") == []


def test_cancelling_the_run_stops_the_task(till: Till, tmp_path: Path) -> None:
    till.make_task("customers", ["sh", "-c", "echo at work; exec sleep 600"])
    worker = start_worker(till, tmp_path / "home", "customers")
    try:
        until(lambda: "at work" in worker.stdout.read_text(), bool)
        worker.signal(signal.SIGINT)
        worker.wait(PATIENCE)
    finally:
        worker.end()
    [task] = till.tasks()
    assert (task["lastStatus"], task["stoppedReason"]) == ("STOPPED", "the Dagster run was cancelled")
