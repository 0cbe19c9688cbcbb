"""The sensor on the raw bucket's queue, ticked by hand against the emulator's S3 and SQS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    DagsterInstance,
    Definitions,
    DynamicPartitionsDefinition,
    RunRequest,
    SensorDefinition,
    SkipReason,
    build_sensor_context,
)

from buildkit_dagster.defs.jobs import dbt_job
from buildkit_dagster.defs.object_jobs import Build
from buildkit_dagster.defs.object_requests import OBJECT_TAG, RANGE_END, RANGE_START
from buildkit_dagster.defs.object_sensor import TickLimits
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.emulator.control import Emulator
from tests.defs.object_daemon import Daemon
from tests.defs.test_ingest import client_of
from tests.defs.till import Till, new_till, sales, till_at
from tests.scenario import edited, write_platform


@pytest.fixture
def till(emulator: Emulator, tmp_path: Path) -> Till:
    return new_till(tmp_path / "platform", emulator.endpoint, client_of(emulator))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def daemon(till: Till, instance: DagsterInstance) -> Daemon:
    till.make_lake()
    for job in ("sales", "customers"):
        instance.report_runless_asset_event(AssetMaterialization(["infra", "ingest-acme", job]))
    [sensor] = object_sensors(till.platform, till.process, {}, TickLimits(messages=10))
    return Daemon(till, instance, sensor, till.make_queue())


def ranges(requests: Sequence[RunRequest]) -> list[tuple[str | None, str | None]]:
    return [(request.tags.get(RANGE_START), request.tags.get(RANGE_END)) for request in requests]


def test_before_the_queue_exists_the_tick_is_skipped_and_says_why(
    till: Till, instance: DagsterInstance, tmp_path: Path
) -> None:
    def skipped(found: Till) -> str:
        [sensor] = object_sensors(found.platform, found.process, {})
        skipped = sensor(build_sensor_context(instance))
        assert isinstance(skipped, SkipReason), skipped
        return str(skipped.skip_message)

    assert "materialize infra/lake/raw" in skipped(till)
    gone = new_till(tmp_path / "gone", "http://127.0.0.1:9", till.boto)
    assert "cannot be reached" in skipped(gone)
    unset = Till(gone.platform, replace(gone.process, endpoint=None), till.boto)
    assert "not running" in skipped(unset)


def test_new_objects_become_one_run_per_table_and_range_and_messages_go_when_it_is_recorded(daemon: Daemon) -> None:
    for month in ("2013-03", "2013-01", "2013-02"):
        daemon.till.put(f"sales/{month}.csv", sales(0, 1))
    daemon.till.put("customers/all of them.csv", b"id\n1\n")
    requests = daemon.tick()
    assert {(request.tags.get(RANGE_START), request.tags.get(RANGE_END)) for request in requests} == {
        (None, None),
        ("2013-01", "2013-03"),
    }
    assert {request.job_name for request in requests} == {"ingest_acme_sales", "ingest_acme_customers"}
    assert "customers/all of them.csv" in {value for request in requests for value in request.tags.values()}
    assert list(daemon.instance.get_dynamic_partitions("till_sales")) == ["2013-01", "2013-02", "2013-03"]
    assert daemon.waiting() == 4

    assert daemon.tick() == []
    assert daemon.waiting() == 0

    daemon.till.put("sales/2013-02.csv", sales(0, 2))
    assert ranges(daemon.tick()) == [("2013-02", "2013-02")]


def test_each_object_has_one_run_through_duplicates_disorder_and_a_crash(daemon: Daemon) -> None:
    sqs = daemon.till.client("sqs")
    for month in ("2013-01", "2013-02"):
        daemon.till.put(f"sales/{month}.csv", sales(0, 1))
    lost = daemon.evaluate()
    assert len(lost.run_requests or ()) == 1

    bodies = []
    daemon.show_everything()
    while received := sqs.receive_message(QueueUrl=daemon.url, MaxNumberOfMessages=10, VisibilityTimeout=0).get(
        "Messages"
    ):
        bodies += [item["Body"] for item in received if item["Body"] not in bodies]
        if len(bodies) >= 2:
            break
    for body in reversed(bodies):
        sqs.send_message(QueueUrl=daemon.url, MessageBody=body)

    requested = daemon.tick()
    assert [request.run_key for request in requested] == [request.run_key for request in lost.run_requests or ()]
    assert daemon.tick() == []
    assert daemon.waiting() == 0

    for body in bodies:
        sqs.send_message(QueueUrl=daemon.url, MessageBody=body)
    assert daemon.tick() == []
    assert daemon.waiting() == 0
    assert len(daemon.runs) == 1


def test_objects_of_a_job_without_infrastructure_wait_in_the_queue(daemon: Daemon) -> None:
    daemon.instance.wipe_assets([AssetKey(["infra", "ingest-acme", "sales"])])
    daemon.till.put("sales/2013-01.csv", sales(0, 1))
    assert "1 messages wait" in str(daemon.evaluate().skip_reason)
    assert (daemon.runs, daemon.waiting()) == ([], 1)


def test_strange_messages_stop_nothing_and_only_malformed_ones_stay(daemon: Daemon) -> None:
    sqs = daemon.till.client("sqs")
    for body in ("no json", json.dumps({"Event": "s3:TestEvent"})):
        sqs.send_message(QueueUrl=daemon.url, MessageBody=body)
    daemon.till.put("elsewhere/x.csv", b"")
    daemon.till.put("customers/a.csv", b"id\n1\n")
    assert len(daemon.tick()) == 1
    daemon.tick()
    assert daemon.waiting() == 1


def test_a_tick_is_bounded_and_the_next_ones_do_the_rest(daemon: Daemon) -> None:
    months = [f"{year}-{month:02}" for year in (2013, 2014) for month in range(1, 13)]
    for month in months:
        daemon.till.put(f"sales/{month}.csv", sales(0, 1))
    for _ in range(8):
        daemon.tick()
        if not daemon.waiting():
            break
    assert daemon.objects() == sorted(f"sales/{month}.csv" for month in months)
    assert len(daemon.cursor or "") < 2000


def test_what_has_its_run_is_settled_beside_what_a_tick_takes_on(daemon: Daemon) -> None:
    months = [f"{year}-{month:02}" for year in (2013, 2014) for month in range(1, 13)]
    for month in months:
        daemon.till.put(f"sales/{month}.csv", sales(0, 1))
    asked = [sum(tag.startswith(OBJECT_TAG) for run in daemon.tick() for tag in run.tags) for _ in range(4)]
    assert (asked, daemon.waiting()) == ([10, 10, 4, 0], 0)


def test_a_tick_receives_so_many_messages_and_no_more_though_all_have_their_run(daemon: Daemon) -> None:
    for month in range(1, 8):
        daemon.till.put(f"sales/2013-0{month}.csv", sales(0, 1))
    daemon.tick()
    assert daemon.waiting() == 7
    [daemon.sensor] = object_sensors(daemon.till.platform, daemon.till.process, {}, TickLimits(received=3, at_once=2))
    left = []
    while daemon.waiting():
        assert daemon.tick() == []
        left.append(daemon.waiting())
    assert left == [4, 1, 0]


def test_the_sensor_and_its_tables_load_as_definitions(till: Till) -> None:
    [sensor] = object_sensors(till.platform, till.process, {})
    repository = Definitions(assets=till.assets, sensors=[sensor]).get_repository_def()
    found: SensorDefinition = repository.get_sensor_def("objects_raw")
    assert found.minimum_interval_seconds == 5
    assert found.default_status.value == "RUNNING"
    assert repository.get_job("ingest_acme_sales").partitions_def == DynamicPartitionsDefinition(name="till_sales")


DROPS = "on_objects: {bucket: raw, prefix: drops/, suffix: .done}"


def test_objects_start_the_build_of_a_dbt_project_and_a_job_that_reads_no_files(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance
) -> None:
    folder = write_platform(tmp_path / "platform")
    with (folder / "config/codebuild-config.yml").open("a") as file:
        file.write(f"    {DROPS}\n")
    (folder / "config/connectors/api.yaml").write_text("name: api\ntype: rest_api\nbase_url: https://a.example.com\n")
    job = edited(folder, "config/jobs/acme/customers.yaml", "connectors/raw.yaml", "connectors/api.yaml")
    with job.open("a") as file:
        file.write(f"infrastructure: {{runtime: {{type: local}}}}\n{DROPS}\n")
    till = till_at(folder, f"till-{uuid.uuid4().hex[:8]}", emulator.endpoint, client_of(emulator))
    till.make_lake()
    build = Build(dbt_job("shop", AssetSelection.keys("shop/orders")), (AssetKey(["shop", "orders"]),))
    [sensor] = object_sensors(till.platform, till.process, {"shop": build})
    daemon = Daemon(till, instance, sensor, till.make_queue())
    instance.report_runless_asset_event(AssetMaterialization(["infra", "dbt", "shop"]))
    for key in ("drops/monday.csv", "drops/tuesday.done"):
        till.put(key, b"")
    assert sorted(request.job_name or "" for request in daemon.tick()) == ["dbt_shop", "ingest_acme_customers"]
    assert daemon.objects() == ["drops/tuesday.done"] * 2
