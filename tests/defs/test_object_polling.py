"""The sensor on a bucket that tells nobody of its objects, ticked by hand against the emulator's S3."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, SkipReason, build_sensor_context

from buildkit_dagster.defs.object_polling import polling_sensors
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.object_listing import PollLimits
from tests.defs.object_daemon import Daemon
from tests.defs.test_ingest import client_of
from tests.defs.till import Till, till_at
from tests.scenario import edited, write_platform

_LIMITS = PollLimits()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def polled(folder: Path, emulator: Emulator, how: str) -> Till:
    """A platform whose raw bucket is listed, its jobs run on this machine."""
    write_platform(folder)
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", f"raw: {{poll: {how}}}")
    edited(folder, "config/jobs/acme/sales.yaml", "{type: aws_ecs_fargate, cpu: 256, memory: 512}", "{type: local}")
    with (folder / "config/jobs/acme/customers.yaml").open("a") as file:
        file.write("infrastructure: {runtime: {type: local}}\n")
    return till_at(folder, f"till-{uuid.uuid4().hex[:8]}", emulator.endpoint, client_of(emulator))


def daemon_of(till: Till, instance: DagsterInstance, limits: PollLimits = _LIMITS) -> Daemon:
    till.make_lake()
    [sensor] = polling_sensors(till.platform, till.process, {}, limits)
    return Daemon(till, instance, sensor)


def put(till: Till, *keys: str) -> list[str]:
    for key in keys:
        till.put(key, b"id\n1\n")
    return list(keys)


def test_objects_of_one_second_are_each_run_once_in_whatever_order_their_keys_are(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance
) -> None:
    till = polled(tmp_path / "platform", emulator, "any_keys")
    daemon = daemon_of(till, instance)
    came = put(till, "customers/m", "customers/b", "customers/z")
    assert len(daemon.tick()) == 1
    time.sleep(1 - time.time() % 1)  # the next objects share a second, whatever it is
    came += put(till, "customers/a", "customers/zz", "customers/m/n", "sales/2013-02.csv")
    daemon.tick()
    came += put(till, "customers/c")
    for _ in range(3):
        daemon.tick()
    assert daemon.objects() == sorted(came)
    till.put("customers/b", b"id\n2\n")
    daemon.tick()
    assert daemon.objects() == sorted([*came, "customers/b"])


def test_a_tick_whose_result_is_lost_is_made_up_for_and_nothing_is_run_twice(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance
) -> None:
    till = polled(tmp_path / "platform", emulator, "growing_keys")
    daemon = daemon_of(till, instance)
    came = put(till, "customers/1", "customers/2")
    lost = daemon.evaluate()
    assert [request.run_key for request in daemon.tick()] == [request.run_key for request in lost.run_requests or ()]
    assert daemon.tick() == []
    assert daemon.objects() == came


def test_the_object_where_reading_stopped_may_be_deleted(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance
) -> None:
    till = polled(tmp_path / "platform", emulator, "growing_keys")
    daemon = daemon_of(till, instance)
    put(till, "customers/1", "customers/2")
    daemon.tick()
    daemon.tick()
    till.client("s3").delete_object(Bucket=till.platform.names.bucket("raw"), Key="customers/2")
    put(till, "customers/3")
    daemon.tick()
    assert daemon.objects() == ["customers/1", "customers/2", "customers/3"]


@pytest.mark.parametrize("how", ["growing_keys", "any_keys"])
def test_a_tick_takes_on_no_more_than_its_limits_and_the_next_ones_do_the_rest(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance, how: str
) -> None:
    till = polled(tmp_path / "platform", emulator, how)
    daemon = daemon_of(till, instance, PollLimits(pages=1, objects=20, requests=2))
    came = put(till, *(f"customers/{number:03}" for number in range(0, 90, 2)))
    most = 0
    for _ in range(6):
        most = max(most, sum(len(request.tags) for request in daemon.tick()))
    assert (daemon.objects(), most) == (came, 20)
    assert len(daemon.cursor or "") < 500
    late = put(till, *(f"customers/{number:03}" for number in range(1, 60, 2)))
    for _ in range(6):
        daemon.tick()
    assert daemon.objects() == sorted(came + (late if how == "any_keys" else []))


def test_a_bucket_that_is_not_there_yet_is_said_to_be_so(
    emulator: Emulator, tmp_path: Path, instance: DagsterInstance
) -> None:
    till = polled(tmp_path / "platform", emulator, "any_keys")
    [sensor] = polling_sensors(till.platform, till.process, {})
    skipped = sensor(build_sensor_context(instance))
    assert isinstance(skipped, SkipReason)
    assert "NoSuchBucket" in str(skipped.skip_message)
