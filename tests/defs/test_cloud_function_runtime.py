"""Ingest in a Cloud Run function: the real client, the archive that is deployed, and a server that really runs it."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.function_source import function_archive
from tests.defs.google_till import MESSAGES, GoogleTill, google_till, variables_of
from tests.defs.test_cloud_run_runtime import said
from tests.defs.test_ingest import client_of, failure_of
from tests.emulator.helpers import PATIENCE, until
from tests.google.functions import Function
from tests.google.server import GoogleStandIn, google

CALL = "functions.invoke"


@pytest.fixture(scope="module")
def stand_in(emulator: Emulator) -> Iterator[GoogleStandIn]:
    with google(variables_of(emulator)) as started:
        yield started


@pytest.fixture
def make_till(stand_in: GoogleStandIn, emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., GoogleTill]]:
    def make(timeout: int = 300) -> GoogleTill:
        return google_till(
            tmp_path / "platform", emulator, stand_in, client_of(emulator), "gcp_cloud_function", timeout
        )

    stand_in.problems.clear()
    yield make
    stand_in.faults.clear()
    assert stand_in.problems == []


@pytest.fixture
def till(make_till: Callable[..., GoogleTill]) -> GoogleTill:
    return make_till()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def own_objects(till: GoogleTill, function: Function) -> list[tuple[str, bytes]]:
    """What the function and its callers have left for each other."""
    folder = f"pipes/calls/{function.name.rsplit('/', 1)[-1]}/"
    return [(name, text) for name, text in till.google.storage.objects(MESSAGES).items() if name.startswith(folder)]


@pytest.mark.parity("B-8", "B-31")
def test_a_function_loads_reports_through_cloud_storage_and_its_log_is_in_the_run(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    function = till.make_function()
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    result = till.till.materialize(instance, "customers")
    assert result.success, failure_of(result)
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["rows_loaded"].value == 2
    assert till.count() == 2
    log = said(instance, result.run_id)
    assert "customers/a.csv: 2 rows" in log
    assert "https://console.cloud.google.com/functions/details/europe-west1/" in log
    assert function.answered == [200]
    assert not is_leased(till, function)


def gated(folder: Path) -> bytes:
    """The archive with an entrypoint that first says that it is at work, then waits until `gate` is there.

    It stops at SIGTERM as the real one does, which it becomes behind the gate.
    """
    gate = f"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("at the gate", flush=True)
while not os.path.exists({str(folder / "gate")!r}):
    time.sleep(0.1)
os.execv(sys.executable, [sys.executable, "-P", "-m", "buildkit_dagster.runtimes.entrypoints.real_ingest"])
"""
    entrypoint = "buildkit_dagster/runtimes/entrypoints/ingest.py"
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(function_archive())) as source, zipfile.ZipFile(buffer, "w") as made:
        for name in source.namelist():
            made.writestr(
                name.replace("/ingest.py", "/real_ingest.py") if name == entrypoint else name, source.read(name)
            )
        made.writestr(entrypoint, gate)
    return buffer.getvalue()


def at_work(till: GoogleTill, function: Function) -> None:
    """Wait until the function's work has begun."""
    until(lambda: function.container is not None and is_leased(till, function), bool)


def is_leased(till: GoogleTill, function: Function) -> bool:
    """Whether a call has said that it is at work."""
    return any(name.endswith("lease.json") for name, _ in own_objects(till, function))


def test_calls_without_an_instance_are_made_again_and_an_answer_that_was_lost_is_read_from_the_bucket(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    function = till.make_function()
    till.till.put("customers/a.csv", b"id\n1\n")
    faults = till.google.faults
    before = faults.calls[CALL]
    faults.order(CALL, "RESOURCE_EXHAUSTED", "Rate exceeded.")
    faults.order(CALL, "UNAVAILABLE", "The service you requested is not available yet.")
    faults.order(CALL, "UNAVAILABLE", "upstream connect error or disconnect", done=True)
    result = till.till.materialize(instance, "customers")
    assert result.success, failure_of(result)
    assert "it answered 429: Rate exceeded.; trying again in 0.2 s" in said(instance, result.run_id)
    assert (faults.calls[CALL], function.answered, till.count()) == (before + 3, [200], 1)


def test_calls_are_bounded_and_a_refusal_is_told_at_once(till: GoogleTill, instance: DagsterInstance) -> None:
    till.make_function()
    faults = till.google.faults
    before = faults.calls[CALL]
    faults.order(CALL, "UNAVAILABLE", "no available instance", times=9)
    assert "was not started: it answered 503" in failure_of(till.till.materialize(instance, "customers"))
    assert faults.calls[CALL] - before == 4
    faults.clear()
    faults.order(CALL, "PERMISSION_DENIED", "Your client does not have permission to get URL / from this server.")
    failed = failure_of(till.till.materialize(instance, "customers"))
    assert "it answered 403: Your client does not have permission" in failed
    assert "roles/run.invoker" in failed
    assert faults.calls[CALL] - before == 5


def test_failed_work_says_its_exit_code_and_the_end_of_its_log_and_is_not_tried_again(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    function = till.make_function()
    till.till.put("customers/a.csv", b"id\nthree\n")
    failed = failure_of(till.till.materialize(instance, "customers"))
    assert "ended with exit code 1" in failed
    assert "customers/a.csv" in failed
    assert function.answered == [500]


@pytest.mark.parity("B-29")
def test_work_past_its_deadline_is_ended_by_the_function(
    make_till: Callable[..., GoogleTill], instance: DagsterInstance, tmp_path: Path
) -> None:
    till = make_till(timeout=4)
    function = till.make_function(gated(tmp_path))
    assert "passed its deadline of 3 s and was stopped" in failure_of(till.till.materialize(instance, "customers"))
    assert (function.container, function.answered) == (None, [500])


def test_cancelling_the_run_stops_the_work_at_its_next_safe_point(till: GoogleTill, tmp_path: Path) -> None:
    function = till.make_function(gated(tmp_path))
    worker = till.start_worker(tmp_path / "home")
    try:
        at_work(till, function)
        worker.signal(signal.SIGINT)
        worker.wait(PATIENCE)
    finally:
        worker.end()
    assert (function.container, function.answered) == (None, [200])
    [result] = [text for name, text in own_objects(till, function) if name.endswith(".json")]
    assert b'"outcome": "stopped"' in result


def test_what_a_function_did_after_its_worker_was_killed_is_not_done_again(till: GoogleTill, tmp_path: Path) -> None:
    function = till.make_function(gated(tmp_path))
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    home = tmp_path / "home"
    worker = till.start_worker(home)
    try:
        at_work(till, function)
        os.kill(worker.pid, signal.SIGSTOP)
        (tmp_path / "gate").touch()
        until(lambda: function.answered, bool)
    finally:
        worker.signal(signal.SIGKILL)
        worker.end()
    with DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        instance.report_run_failed(run)
        result = till.till.materialize(instance, "customers")
        assert result.success, failure_of(result)
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["rows_loaded"].value == 0
    assert function.answered == [200, 200]
    assert till.count() == 2


def test_a_job_at_work_for_a_run_that_is_not_over_is_left_alone(
    till: GoogleTill, instance: DagsterInstance, tmp_path: Path
) -> None:
    function = till.make_function(gated(tmp_path))
    worker = till.start_worker(tmp_path / "home")
    try:
        at_work(till, function)
        assert "is at work for run" in failure_of(till.till.materialize(instance, "customers"))
        (tmp_path / "gate").touch()
        assert worker.wait(PATIENCE) == 0
    finally:
        worker.end()
    assert function.answered == [200]


def test_a_killed_instance_fails_the_run_and_the_next_one_waits_for_its_lease_and_loads_once(
    till: GoogleTill, instance: DagsterInstance, tmp_path: Path
) -> None:
    function = till.make_function(gated(tmp_path))
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    worker = till.start_worker(tmp_path / "home")
    try:
        at_work(till, function)
        assert function.container
        function.container.signal(signal.SIGKILL)
        assert worker.wait(PATIENCE) == 1
    finally:
        worker.end()
    assert "its instance ended before the work did (it answered 503" in (tmp_path / "home/worker.log").read_text()
    (tmp_path / "gate").touch()
    result = till.till.materialize(instance, "customers")
    assert result.success, failure_of(result)
    assert till.count() == 2
    assert function.answered == [503, 200]


def test_what_is_deployed_is_complete_and_the_same_bytes_each_time() -> None:
    with zipfile.ZipFile(io.BytesIO(function_archive())) as archive:
        names = set(archive.namelist())
    assert {"main.py", "requirements.txt", "buildkit_dagster/runtimes/entrypoints/ingest.py"} <= names
    assert function_archive() == function_archive()
