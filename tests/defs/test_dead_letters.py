"""Events that were given up, and the check on what waits: against the emulator's queue with its dead letters."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    Definitions,
    SensorResult,
    SkipReason,
)
from dagster import build_sensor_context as sensor_context
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from typer.testing import CliRunner

from buildkit_dagster.commands.dead_letters import app
from buildkit_dagster.defs.backlog import backlog_checks, backlog_sensors
from buildkit_dagster.defs.dead_letters import queues_of, replay_jobs
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import NoSuchQueue, QueueMissing
from buildkit_dagster.runtimes.dead_letters import drop, list_letters, replay
from tests.defs.object_daemon import Daemon
from tests.defs.test_ingest import client_of
from tests.defs.till import Till, till_at
from tests.scenario import edited, write_platform

EVENTS = AssetKey(["infra", "lake", "raw"])


@pytest.fixture
def till(emulator: Emulator, tmp_path: Path) -> Till:
    """A platform whose files have its own name too, so that a command finds the same queues; its jobs run here."""
    folder, name = write_platform(tmp_path / "platform"), f"till-{uuid.uuid4().hex[:8]}"
    edited(folder, "config/platform.yaml", "name: harbour", f"name: {name}")
    edited(folder, "config/jobs/acme/sales.yaml", "{type: aws_ecs_fargate, cpu: 256, memory: 512}", "{type: local}")
    made = till_at(folder, name, emulator.endpoint, client_of(emulator))
    made.make_lake()
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def daemon(till: Till, instance: DagsterInstance) -> Daemon:
    url = till.make_queue()
    [sensor] = object_sensors(till.platform, till.process, {})
    made = Daemon(till, instance, sensor, url)
    made.tick()  # S3's test event
    return made


def give_up(daemon: Daemon) -> None:
    """Receive every message until the queue has given it up."""
    sqs = daemon.till.client("sqs")
    while daemon.waiting():
        sqs.receive_message(QueueUrl=daemon.url, MaxNumberOfMessages=10, VisibilityTimeout=0)


def test_what_was_given_up_goes_back_and_runs_once_and_what_announces_nothing_stays(daemon: Daemon) -> None:
    till, sqs = daemon.till, daemon.till.client("sqs")
    till.put("sales/2013-01.csv", b"")
    till.put("sales/2013 02 (new).csv", b"")
    till.put("sales/2013-02.csv", b"")
    sqs.send_message(QueueUrl=daemon.url, MessageBody=json.dumps({"password": "hunter2"}))
    give_up(daemon)
    assert daemon.tick() == []
    queues = queues_of(till.platform, till.process, "raw")
    listed = list_letters(queues.dead)
    told = "\n".join(map(str, listed))
    assert (len(listed), sum(letter.can_go_back for letter in listed)) == (4, 3)
    assert "sales/2013 02 (new).csv" in told
    assert "no S3 notification: it has no 'Records'" in told
    assert "hunter2" not in told + json.dumps([letter.data() for letter in listed])

    [replay_job] = replay_jobs(till.platform, till.process)
    assert replay_job.execute_in_process(instance=daemon.instance).success
    daemon.tick()
    daemon.tick()
    assert daemon.objects() == ["sales/2013-01.csv", "sales/2013-02.csv"]
    assert daemon.waiting() == 0
    [poison] = list_letters(queues.dead)
    assert drop(queues.dead, {"another"}) == []
    assert [letter.id for letter in drop(queues.dead, {poison.id})] == [poison.id]
    assert list_letters(queues.dead) == []


def test_a_replay_that_dies_between_sending_and_deleting_loses_and_doubles_nothing(daemon: Daemon) -> None:
    daemon.till.put("sales/2013-01.csv", b"")
    give_up(daemon)
    queues = queues_of(daemon.till.platform, daemon.till.process, "raw")

    class Dies:
        """The queue behind, whose reader dies before it deletes anything."""

        def __getattr__(self, name: str) -> Any:
            if name == "delete_message_batch":
                raise ConnectionError("killed")
            return getattr(queues.dead.sqs, name)

    with pytest.raises(ConnectionError):
        replay(replace(queues.dead, sqs=Dies()), queues.events, hidden=1)
    assert (queues.events.count(), queues.dead.count()) == (1, 1)
    daemon.tick()
    time.sleep(1)
    went, _ = replay(queues.dead, queues.events)
    assert len(went) == 1
    daemon.tick()
    daemon.tick()
    assert daemon.objects() == ["sales/2013-01.csv"]
    assert daemon.waiting() == 0


def test_the_commands_list_send_back_and_delete(
    daemon: Daemon, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(daemon.till.platform.folder)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    monkeypatch.setenv("BUILDKIT_ENV", "dev")

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(words))
        return result.exit_code, result.output

    assert run("list", "raw") == (0, "nothing was given up\n")
    daemon.till.put("sales/2013-01.csv", b"")
    daemon.till.client("sqs").send_message(QueueUrl=daemon.url, MessageBody="no json")
    give_up(daemon)
    code, shown = run("replay", "raw", "--json")
    told = json.loads(shown)
    assert (code, len(told["sent_back"]), told["left"][0]["problem"]) == (1, 1, "no S3 notification: it is not JSON")
    assert run("drop", "raw")[0] == 2
    assert run("drop", "raw", "none-such")[0] == 1
    assert run("drop", "raw", "--all")[0] == 0
    assert daemon.waiting() == 1


def test_a_bucket_without_a_queue_and_one_that_is_not_made_are_said_to_be_so(till: Till) -> None:
    with pytest.raises(NoSuchQueue, match="buckets with a queue are raw"):
        queues_of(till.platform, till.process, "attic")
    with pytest.raises(QueueMissing, match="materialize infra/lake/raw"):
        queues_of(till.platform, till.process, "raw")


def evaluate(daemon: Daemon, cursor: str | None) -> tuple[list[AssetCheckEvaluation], str | None]:
    """A tick of the sensor that counts; what it writes."""
    [sensor] = backlog_sensors(daemon.till.platform, daemon.till.process)
    result = sensor(sensor_context(daemon.instance, cursor=cursor, sensor_name=sensor.name))
    assert isinstance(result, SensorResult), result
    return [event for event in result.asset_events if isinstance(event, AssetCheckEvaluation)], result.cursor


def test_the_check_warns_of_what_waits_too_long_and_writes_only_what_changed(daemon: Daemon) -> None:
    till = daemon.till
    buckets = {
        "raw": till.platform.config.buckets["raw"].model_copy(
            update={"backlog": till.platform.config.buckets["raw"].backlog.model_copy(update={"age": 1})}
        )
    }
    config = till.platform.config.model_copy(update={"buckets": buckets})
    till.platform = till.platform.model_copy(update={"config": config})
    [passed], cursor = evaluate(daemon, None)
    assert passed.passed
    assert evaluate(daemon, cursor)[0] == []

    till.put("sales/2013-01.csv", b"")
    assert daemon.evaluate().run_requests
    note_cursor(daemon, {"newest": {}, "oldest": time.time() - 455})
    [warned], cursor = evaluate(daemon, cursor)
    assert (warned.asset_key, warned.check_name, warned.passed) == (EVENTS, "events", False)
    assert warned.severity is AssetCheckSeverity.WARN
    assert "The oldest has waited for 8 minutes" in str(warned.description)
    assert evaluate(daemon, cursor)[0] == []

    daemon.show_everything()
    give_up(daemon)
    [given_up], cursor = evaluate(daemon, cursor)
    assert "1 were given up: `buildkit dead-letters list raw`" in str(given_up.description)
    queues = queues_of(till.platform, till.process, "raw")
    drop(queues.dead, None)
    [well], _ = evaluate(daemon, cursor)
    assert (well.passed, well.metadata["given_up"].value) == (True, 0)


def test_the_check_can_be_run_by_hand_and_waits_for_its_queue(till: Till, instance: DagsterInstance) -> None:
    [sensor] = backlog_sensors(till.platform, till.process)
    assert isinstance(sensor(sensor_context(instance)), SkipReason)
    till.make_queue()
    checks = backlog_checks(till.platform, till.process)
    job = Definitions(asset_checks=checks).resolve_implicit_global_asset_job_def()
    [found] = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert (found.passed, found.check_name) == (True, "events")


def note_cursor(daemon: Daemon, cursor: dict[str, Any]) -> None:
    """Have the instance know the sensor's cursor, as its daemon writes it after a tick."""
    target = LoadableTargetOrigin(module_name="platform")
    location = InProcessCodeLocationOrigin(target, location_name="platform")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), daemon.sensor.name)
    data = SensorInstigatorData(last_tick_timestamp=time.time(), cursor=json.dumps(cursor))
    daemon.instance.add_instigator_state(InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data))
