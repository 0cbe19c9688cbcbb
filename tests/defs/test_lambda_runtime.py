"""Ingest jobs in Lambda: real functions in the emulator, followed, cancelled, killed and called twice."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, MaterializeResult, asset, materialize

from buildkit_dagster import process
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.ingest_checks import check_specs
from buildkit_dagster.defs.pipes.aws_lambda import run_function
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.aws_lambda import FunctionRequest
from buildkit_dagster.runtimes.calls import open_calls
from buildkit_dagster.runtimes.ingest import request_for
from buildkit_dagster.runtimes.own_session import own_session
from tests.chaos.proxy import Proxy
from tests.defs.function_till import calls, change_variables, function_name, make_function, with_runtime_written
from tests.defs.test_ingest import client_of, failure_of, start_worker
from tests.defs.till import Till, new_till, till_at
from tests.emulator.helpers import PATIENCE, until

JOB = "customers"
FOLDER = f"pipes/acme/{JOB}/"


@pytest.fixture
def till(emulator: Emulator, tmp_path: Path) -> Till:
    """One object with two rows to load, in Lambda."""
    made = new_till(tmp_path / "platform", emulator.endpoint, client_of(emulator))
    with_runtime_written(made.platform.folder, JOB, "{type: aws_lambda, timeout: 600}")
    made = till_at(made.platform.folder, made.platform.name, emulator.endpoint, made.boto)
    made.make_lake()
    made.put("customers/a.csv", b"id\n1\n2\n")
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A function with this in its variables waits in there for `go`, after it has made `reached`."""
    made = tmp_path / "gate"
    made.mkdir()
    return made


def rows(till: Till) -> list[tuple[Any, ...]]:
    return till.rows("SELECT id FROM till.customers ORDER BY 1")


def under_way(till: Till) -> list[str]:
    found = open_calls(till.client("s3"), till.platform.names.bucket("artifacts"), FOLDER)
    return [call.name for call in found]


def killed_worker(till: Till, home: Path, when: Callable[[], bool]) -> None:
    """A run whose worker is killed, and that is reported as failed, as Dagster's monitoring would."""
    worker = start_worker(till, home, JOB)
    try:
        until(when, bool)
    finally:
        process.signal_group(worker.pid, signal.SIGKILL)
        worker.wait()
    with DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        instance.report_run_failed(run)


@pytest.mark.parity("B-1", "B-25")
def test_a_load_is_followed_to_its_end_and_done_once(till: Till, instance: DagsterInstance) -> None:
    make_function(till, JOB)
    result = till.materialize(instance, JOB)
    assert result.success
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["dagster/row_count"].value == 2
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("customers/a.csv: 2 rows" in line for line in said)
    assert any(line.startswith("REPORT RequestId:") for line in said)
    assert under_way(till) == []

    again = till.materialize(instance, JOB)
    assert again.get_asset_materialization_events()[0].materialization.metadata["rows_loaded"].value == 0
    assert rows(till) == [(1,), (2,)]


def test_a_schedules_event_loads_what_is_new_also_in_an_instance_that_is_warm(till: Till) -> None:
    make_function(till, JOB, handler="tests.defs.gated_function.each")
    event = own_session(till.platform, till.job(JOB), "eventbridge")
    answer = till.client("lambda").invoke(
        FunctionName=function_name(till, JOB), Payload=json.dumps({"events": [event, event]})
    )
    assert [one["done"] for one in json.load(answer["Payload"])] == [True, True]
    [said] = calls(till, JOB)
    assert "loaded 2 rows from 1 objects" in said
    assert "nothing new" in said
    assert rows(till) == [(1,), (2,)]


def test_without_its_function_the_run_names_what_is_missing(till: Till, instance: DagsterInstance) -> None:
    till.write_state("ingest-acme", JOB, {})
    assert f"needs infra/ingest-acme/{JOB}" in failure_of(till.materialize(instance, JOB))
    till.write_state("ingest-acme", JOB, {"function_name": "absent"})
    assert "Lambda did not start absent: " in failure_of(till.materialize(instance, JOB))


@pytest.mark.parity("B-25")
def test_work_that_fails_says_why_and_is_not_tried_again(till: Till, instance: DagsterInstance) -> None:
    till.put("customers/b.csv", b"id\nthree\n")
    make_function(till, JOB)
    told = failure_of(till.materialize(instance, JOB))
    assert "ended with exit code 1" in told
    assert "customers/b.csv" in told
    assert len(calls(till, JOB)) == 1


@pytest.mark.parity("B-29")
@pytest.mark.parametrize(
    ("variables", "timeout", "says"),
    [
        ({}, 20, "passed its deadline of 600 s"),
        ({"GATE_DEAF": "1"}, 15, "passed its deadline of 600 s"),
    ],
)
def test_a_function_that_is_ended_is_told_apart(
    till: Till, instance: DagsterInstance, gate: Path, variables: dict[str, str], timeout: int, says: str
) -> None:
    make_function(till, JOB, timeout, GATE=str(gate), **variables)
    assert says in failure_of(till.materialize(instance, JOB))
    assert under_way(till) == []


@pytest.mark.parity("B-25")
def test_a_function_that_dies_at_any_safe_point_is_made_up_for_by_the_next_run(
    till: Till, instance: DagsterInstance
) -> None:
    till.put("customers/b.csv", b"id\n3\n")
    make_function(till, JOB)
    deaths = 0
    while deaths < 20:
        change_variables(till, JOB, DIES_AT=str(deaths + 1))
        result = till.materialize(instance, JOB)
        if result.success:
            break
        assert "without an exit code: it was ended before it could tell why" in failure_of(result)
        deaths += 1
    # One before each of the two files at the least.
    assert 2 <= deaths < 20
    assert rows(till) == [(1,), (2,), (3,)]
    assert under_way(till) == []


def test_cancelling_the_run_stops_the_function_at_its_next_safe_point(till: Till, tmp_path: Path, gate: Path) -> None:
    make_function(till, JOB, GATE=str(gate))
    worker = start_worker(till, tmp_path / "home", JOB)
    try:
        until((gate / "reached").exists, bool)
        worker.signal(signal.SIGINT)
        worker.wait(PATIENCE)
    finally:
        worker.end()
    [said] = until(lambda: calls(till, JOB), lambda found: any("REPORT" in one for one in found))
    assert "stopped before the load: nothing was changed" in said
    assert under_way(till) == []


@pytest.mark.parity("B-25")
def test_a_worker_killed_while_the_function_waits_for_room_leaves_nothing_to_begin(till: Till, tmp_path: Path) -> None:
    make_function(till, JOB)
    functions, name = till.client("lambda"), function_name(till, JOB)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    home = tmp_path / "home"
    proxy = Proxy(str(till.process.endpoint))

    def asked() -> bool:
        """Whether Lambda has taken the event."""
        return any(one.path.endswith("/invocations") and one.status == 202 for one in proxy.requests)

    with contextlib.closing(proxy):
        killed_worker(replace(till, process=replace(till.process, endpoint=proxy.endpoint)), home, asked)
    [left] = under_way(till)

    def make_room() -> None:
        until(lambda: left in under_way(till), lambda waits: not waits)
        functions.delete_function_concurrency(FunctionName=name)

    opener = threading.Thread(target=make_room)
    with DagsterInstance.from_config(str(home)) as after:
        opener.start()
        assert till.materialize(after, JOB).success
    opener.join()
    both = until(lambda: calls(till, JOB), lambda found: len(found) == 2 and all("REPORT" in said for said in found))
    assert sorted("was claimed before: nothing is done" in said for said in both) == [False, True]
    assert rows(till) == [(1,), (2,)]


@pytest.mark.parity("B-25")
def test_what_a_function_did_after_its_worker_was_killed_is_not_done_again(
    till: Till, tmp_path: Path, gate: Path
) -> None:
    make_function(till, JOB, GATE=str(gate))
    home = tmp_path / "home"
    killed_worker(till, home, (gate / "reached").exists)
    (gate / "go").touch()
    until(lambda: calls(till, JOB)[0], lambda said: "REPORT" in said)
    with DagsterInstance.from_config(str(home)) as after:
        result = till.materialize(after, JOB)
        assert result.success
        assert after.get_run_by_id(result.run_id).status == DagsterRunStatus.SUCCESS
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["rows_loaded"].value == 0
    assert rows(till) == [(1,), (2,)]
    assert under_way(till) == []


class Lambda:
    """A client of Lambda that has no room for the first calls, and then delivers each event twice."""

    def __init__(self, client: Any, refusals: int) -> None:
        self.client, self.refusals = client, refusals

    def invoke(self, **asked: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            error = {"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}}
            raise botocore.exceptions.ClientError(error, "Invoke")
        self.client.invoke(**asked)
        return self.client.invoke(**asked)


def test_a_throttled_start_is_tried_again_and_an_event_delivered_twice_done_once(
    till: Till, instance: DagsterInstance
) -> None:
    make_function(till, JOB)
    bucket = till.platform.names.bucket("artifacts")
    busy = Lambda(till.client("lambda"), refusals=2)
    clients = {"lambda": busy, "logs": till.client("logs"), "s3": till.client("s3")}
    extras = {"request": request_for(till.platform, till.job(JOB)).to_extras()}

    @asset(key=["till", JOB], check_specs=check_specs(till.job(JOB), AssetKey(["till", JOB])))
    def load(context) -> MaterializeResult:  # type: ignore[no-untyped-def]
        request = FunctionRequest(function_name(till, JOB), 60, context.run_id, bucket, FOLDER, interval=0.25)
        with told_plainly():
            return run_function(context, request, extras, clients, 0.0, 0.1).get_materialize_result()

    assert materialize([load], instance=instance).success
    assert busy.refusals == 0
    both = until(lambda: calls(till, JOB), lambda found: len(found) == 2 and all("REPORT" in said for said in found))
    assert sum("nothing is done" in said for said in both) == 1
    assert rows(till) == [(1,), (2,)]


def test_an_event_that_never_begins_is_taken_back(till: Till, instance: DagsterInstance) -> None:
    make_function(till, JOB)
    functions, name = till.client("lambda"), function_name(till, JOB)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    clients = {service: till.client(service) for service in ("lambda", "logs", "s3")}

    @asset
    def load(context) -> None:  # type: ignore[no-untyped-def]
        bucket = till.platform.names.bucket("artifacts")
        request = FunctionRequest(name, 60, context.run_id, bucket, FOLDER, interval=0.1, patience=0.5)
        with told_plainly():
            run_function(context, request, {}, clients, 0.0, 0.1)

    assert "it had not begun after 0 s" in failure_of(materialize([load], instance=instance, raise_on_error=False))
    functions.delete_function_concurrency(FunctionName=name)
    said = until(lambda: calls(till, JOB), lambda found: len(found) == 4 and all("REPORT" in said for said in found))
    assert all("nothing is done" in one for one in said)
    assert under_way(till) == []
