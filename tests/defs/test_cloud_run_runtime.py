"""Ingest in Cloud Run: the real client against a server that answers as Google does and really runs the job."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from buildkit_dagster.emulator.control import Emulator
from tests.defs.google_till import MESSAGES, GoogleTill, google_till, variables_of
from tests.defs.test_ingest import client_of, failure_of
from tests.defs.till import ENTRYPOINT
from tests.emulator.helpers import PATIENCE, until
from tests.google.run import Execution
from tests.google.server import GoogleStandIn, google

RUN = "run.projects.locations.jobs.run"


@pytest.fixture(scope="module")
def stand_in(emulator: Emulator) -> Iterator[GoogleStandIn]:
    with google(variables_of(emulator)) as started:
        yield started


@pytest.fixture
def make_till(stand_in: GoogleStandIn, emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., GoogleTill]]:
    def make(timeout: int = 300, runtime: str = "gcp_cloud_run") -> GoogleTill:
        return google_till(tmp_path / "platform", emulator, stand_in, client_of(emulator), runtime, timeout)

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


def own(till: GoogleTill) -> list[Execution]:
    return [execution for execution in till.google.run.executions if execution.job.name == till.job]


def running(till: GoogleTill) -> Execution:
    """The execution whose container runs."""
    found: list[Execution] = until(lambda: [one for one in own(till) if one.container and not one.ended.is_set()], bool)
    return found[0]


def said(instance: DagsterInstance, run_id: str) -> str:
    return "\n".join(entry.user_message for entry in instance.all_logs(run_id))


@pytest.mark.parity("B-8", "B-26", "B!6")
def test_a_job_is_executed_and_reports_through_cloud_storage_with_its_log_in_the_run(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    till.make_job()
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    result = till.till.materialize(instance, "customers")
    assert result.success, failure_of(result)
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["rows_loaded"].value == 2
    assert till.count() == 2
    log = said(instance, result.run_id)
    assert "customers/a.csv: 2 rows" in log
    assert "https://console.cloud.google.com/run/jobs/executions/details/europe-west1/" in log
    assert all(name.startswith("pipes/") for name in till.google.storage.objects(MESSAGES))
    assert [execution.exit_code for execution in own(till)] == [0]


@pytest.mark.parity("B-26")
def test_a_start_without_room_is_tried_again_and_an_execution_that_was_started_unheard_is_found(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    till.make_job()
    till.till.put("customers/a.csv", b"id\n1\n")
    faults = till.google.faults
    faults.order(RUN, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Job run requests'.")
    faults.order(RUN, "UNAVAILABLE", "The service is currently unavailable.", done=True)
    result = till.till.materialize(instance, "customers")
    assert result.success, failure_of(result)
    log = said(instance, result.run_id)
    assert "Quota exceeded" in log
    assert "trying again in 0.2 s" in log
    assert len(own(till)) == 1


def test_the_tries_are_bounded_and_a_refusal_is_told_at_once(till: GoogleTill, instance: DagsterInstance) -> None:
    till.make_job()
    before = till.google.faults.calls[RUN]
    till.google.faults.order(RUN, "UNAVAILABLE", "The service is currently unavailable.", times=9)
    failed = failure_of(till.till.materialize(instance, "customers"))
    assert "was not started: Google could not start Cloud Run job" in failed
    assert till.google.faults.calls[RUN] - before == 4

    till.google.faults.clear()
    till.google.faults.order(RUN, "PERMISSION_DENIED", "Permission 'run.jobs.run' denied on resource.")
    failed = failure_of(till.till.materialize(instance, "customers"))
    assert "(403): PERMISSION_DENIED: Permission 'run.jobs.run' denied" in failed
    assert "give whoever Dagster runs as the role that has this permission" in failed
    assert till.google.faults.calls[RUN] - before == 5
    assert own(till) == []


@pytest.mark.parametrize(
    ("reason", "tries", "says"),
    [
        ("POSTPONED_RETRY", 2, ""),
        ("CONTAINER_MISSING", 1, "CONTAINER_MISSING: Image 'harbour/ingest:1' not found"),
    ],
)
def test_an_execution_that_never_began_is_tried_again_only_where_that_can_help(
    till: GoogleTill, instance: DagsterInstance, reason: str, tries: int, says: str
) -> None:
    till.make_job()
    till.google.run.unstartable.append((reason, "Image 'harbour/ingest:1' not found"))
    result = till.till.materialize(instance, "customers")
    assert says in ("" if result.success else failure_of(result))
    assert (result.success, len(own(till))) == (not says, tries)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            ["sh", "-c", "echo no luck; exit 3"],
            r"exit code 3: (?s:.*)run/jobs/executions/(?s:.*)\n  \| no luck",
        ),
        (["sh", "-c", "kill -9 $$"], "ended with exit code 137"),
        (["true"], "ended well and reported nothing"),
    ],
)
def test_failed_work_says_its_exit_code_and_the_end_of_its_log_and_is_not_tried_again(
    till: GoogleTill, instance: DagsterInstance, command: list[str], says: str
) -> None:
    till.make_job(command)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(failure_of(till.till.materialize(instance, "customers")))
    assert len(own(till)) == 1


def test_a_log_that_may_not_be_read_is_said_once_and_the_work_counts(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    till.make_job()
    till.google.faults.order("logging.entries.list", "PERMISSION_DENIED", "Permission denied for all log views")
    result = till.till.materialize(instance, "customers")
    assert result.success
    log = said(instance, result.run_id)
    assert log.count("Permission denied for all log views") == 1
    assert "its output is not shown here" in log
    assert "no object at s3://" not in log


def test_every_line_of_a_long_log_comes_once_also_when_reading_it_fails_for_a_while(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    till.make_job(["sh", "-c", "for i in $(seq 250); do echo line-$i-; done; exit 1"])
    till.google.faults.order("logging.entries.list", "RESOURCE_EXHAUSTED", "Quota exceeded.", times=2)
    till.google.faults.order("run.projects.locations.jobs.executions.get", "UNAVAILABLE", "try again", times=2)
    result = till.till.materialize(instance, "customers")
    lines = [line for line in said(instance, result.run_id).split("\n") if line.startswith("line-")]
    assert lines == [f"line-{number}-" for number in range(1, 251)]


@pytest.mark.parity("B-29")
def test_a_job_past_its_deadline_is_ended_by_cloud_run_itself(
    make_till: Callable[..., GoogleTill], instance: DagsterInstance
) -> None:
    till = make_till(timeout=2)
    till.make_job(["sleep", "60"])
    assert "passed its deadline of 2 s and was stopped" in failure_of(till.till.materialize(instance, "customers"))
    [execution] = own(till)
    assert (execution.ended.is_set(), execution.timeout, execution.cancelled) == (True, 2, False)


def test_cancelling_the_run_cancels_the_execution(till: GoogleTill, tmp_path: Path) -> None:
    till.make_job(["sh", "-c", "echo at work; exec sleep 600"])
    worker = till.start_worker(tmp_path / "home")
    try:
        until(lambda: "at work" in worker.stdout.read_text(), bool)
        worker.signal(signal.SIGINT)
        worker.wait(PATIENCE)
    finally:
        worker.end()
    [execution] = own(till)
    assert (execution.cancelled, execution.ended.is_set()) == (True, True)


def test_an_execution_cancelled_in_the_console_is_told_as_that(till: GoogleTill, tmp_path: Path) -> None:
    till.make_job(["sleep", "600"])
    worker = till.start_worker(tmp_path / "home")
    try:
        execution = running(till)
        execution.cancelled = True
        assert execution.container
        execution.container.stop()
        worker.wait(PATIENCE)
    finally:
        worker.end()
    assert "it was cancelled in Google Cloud" in (tmp_path / "home/worker.log").read_text()


@pytest.mark.parametrize("moment", ["start", "after"])
def test_a_killed_worker_is_recovered_by_the_next_run(till: GoogleTill, tmp_path: Path, moment: str) -> None:
    """At the start nothing has run, after the work nobody heard of its result."""
    gate, load = tmp_path / "gate", shlex.join([sys.executable, *ENTRYPOINT[1:]])
    till.make_job(["sh", "-c", f"while ! test -e {gate}; do sleep 0.1; done; exec {load}"])
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    home = tmp_path / "home"
    worker = till.start_worker(home)
    try:
        left = running(till)
        if moment == "after":
            os.kill(worker.pid, signal.SIGSTOP)
            gate.touch()
            left.ended.wait(PATIENCE)
            assert left.exit_code == 0
    finally:
        worker.signal(signal.SIGKILL)
        worker.end()
    till.make_job()
    with DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        instance.report_run_failed(run)
        result = till.till.materialize(instance, "customers")
        assert result.success, failure_of(result)
        assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.FAILURE
    assert left.ended.is_set()
    assert left.cancelled is (moment != "after")
    assert till.count() == 2


def test_killed_remote_work_fails_the_run_and_the_next_one_loads_everything_once(
    till: GoogleTill, instance: DagsterInstance, tmp_path: Path
) -> None:
    till.till.put("customers/a.csv", b"id\n1\n2\n")
    till.make_job(["sleep", "600"])
    worker = till.start_worker(tmp_path / "home")
    try:
        execution = running(till)
        assert execution.container
        execution.container.signal(signal.SIGKILL)
        assert worker.wait(PATIENCE) == 1
    finally:
        worker.end()
    till.make_job()
    assert "ended with exit code 137" in (tmp_path / "home/worker.log").read_text()
    assert till.till.materialize(instance, "customers").success
    assert till.count() == 2


def test_what_was_started_unheard_at_the_last_try_is_not_left_running(
    till: GoogleTill, instance: DagsterInstance
) -> None:
    till.make_job(["sleep", "600"])
    till.google.faults.order(RUN, "UNAVAILABLE", "The service is currently unavailable.", times=3)
    till.google.faults.order(RUN, "UNAVAILABLE", "The service is currently unavailable.", done=True)
    assert "was not started" in failure_of(till.till.materialize(instance, "customers"))
    [execution] = own(till)
    assert (execution.cancelled, execution.ended.is_set()) == (True, True)
