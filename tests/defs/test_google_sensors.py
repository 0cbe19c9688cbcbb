"""Sensors on buckets of Cloud Storage, ticked by hand against the stand-in for Google."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, SkipReason, build_sensor_context

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.defs.google_sensors import google_sensors
from buildkit_dagster.defs.object_sensor import TickLimits
from buildkit_dagster.runtimes.object_listing import PollLimits
from tests.defs.object_daemon import Daemon
from tests.defs.till import Till, till_at
from tests.google.server import GoogleStandIn, google
from tests.scenario import edited, write_platform

SUBSCRIPTION = "projects/p/subscriptions/objects"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[GoogleStandIn]:
    with google({"PATH": os.environ["PATH"]}) as started:
        yield started


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def no_client(service: str, region: str) -> Any:
    raise AssertionError((service, region))


def till_on(folder: Path, stand_in: GoogleStandIn, bucket: str, heard: str) -> Till:
    """The small platform with its raw files in Cloud Storage, its jobs run on this machine."""
    connector = f"type: gcs\nbucket: {bucket}\n{heard}\n"
    edited(write_platform(folder), "config/connectors/raw.yaml", "type: s3\nbucket: raw\n", connector)
    edited(folder, "config/jobs/acme/sales.yaml", "{type: aws_ecs_fargate, cpu: 256, memory: 512}", "{type: local}")
    with (folder / "config/jobs/acme/customers.yaml").open("a") as file:
        file.write("infrastructure: {runtime: {type: local}}\n")
    till = till_at(folder, "till", "http://127.0.0.1:9", no_client)
    process = replace(read_environment(), variables={**os.environ, **stand_in.variables})
    return Till(till.platform, process, no_client)


def daemon_of(till: Till, instance: DagsterInstance, process: ProcessEnvironment | None = None) -> Daemon:
    limits, polling = TickLimits(messages=10), PollLimits(pages=1, objects=20)
    [sensor] = google_sensors(till.platform, process or till.process, limits, polling)
    return Daemon(till, instance, sensor)


def test_each_generation_has_one_run_and_is_acknowledged_when_that_is_recorded(
    stand_in: GoogleStandIn, tmp_path: Path, instance: DagsterInstance
) -> None:
    daemon = daemon_of(till_on(tmp_path / "p", stand_in, "told-bucket", f"subscription: {SUBSCRIPTION}"), instance)
    stand_in.storage.make_bucket("told-bucket")
    stand_in.storage.topics["told-bucket"] = "projects/p/topics/t"
    stand_in.pubsub.subscribe(SUBSCRIPTION, "projects/p/topics/t")
    for key in ("sales/2013-01.csv", "sales/2013-02.csv", "customers/a b.csv", "elsewhere/x"):
        stand_in.storage.put("told-bucket", key, b"")
    lost = daemon.evaluate()
    assert len(lost.run_requests or ()) == 2
    stand_in.pubsub.show_everything(SUBSCRIPTION)
    assert {request.run_key for request in daemon.tick()} == {request.run_key for request in lost.run_requests or ()}
    assert stand_in.pubsub.waiting(SUBSCRIPTION) == 3
    stand_in.pubsub.show_everything(SUBSCRIPTION)
    assert daemon.tick() == []
    assert stand_in.pubsub.waiting(SUBSCRIPTION) == 0
    stand_in.storage.put("told-bucket", "sales/2013-01.csv", b"again")
    stand_in.pubsub.publish("projects/p/topics/t", b"", {"eventType": "OBJECT_FINALIZE"})
    daemon.tick()
    stand_in.pubsub.show_everything(SUBSCRIPTION)
    daemon.tick()
    assert stand_in.pubsub.waiting(SUBSCRIPTION) == 1
    assert daemon.objects() == ["customers/a b.csv", *["sales/2013-01.csv"] * 2, "sales/2013-02.csv"]


def test_a_bucket_that_is_polled_gives_each_object_one_run_wherever_its_key_is(
    stand_in: GoogleStandIn, tmp_path: Path, instance: DagsterInstance
) -> None:
    daemon = daemon_of(till_on(tmp_path / "p", stand_in, "listed-bucket", "poll: any_keys"), instance)
    stand_in.storage.make_bucket("listed-bucket")
    came = [f"customers/{number:03}" for number in range(0, 60, 2)]
    for key in came:
        stand_in.storage.put("listed-bucket", key, b"")
    for _ in range(4):
        daemon.tick()
    assert daemon.objects() == came
    late = ["customers/001", "customers/999", "sales/2013-01.csv"]
    for key in late:
        stand_in.storage.put("listed-bucket", key, b"")
    for _ in range(3):
        daemon.tick()
    assert daemon.objects() == sorted([*came, *late])


def test_a_subscription_that_is_not_there_is_said_to_be_so(
    stand_in: GoogleStandIn, tmp_path: Path, instance: DagsterInstance
) -> None:
    till = till_on(tmp_path / "p", stand_in, "nowhere", "subscription: projects/p/subscriptions/absent")
    [sensor] = google_sensors(till.platform, till.process)
    skipped = sensor(build_sensor_context(instance))
    assert isinstance(skipped, SkipReason)
    assert "receive from projects/p/subscriptions/absent" in str(skipped.skip_message)
