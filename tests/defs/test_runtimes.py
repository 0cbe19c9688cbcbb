"""One job on every runtime there is: the same rows, the same events, and the same rows after a killed worker or load.

What only one runtime does is in the tests of that runtime.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from buildkit_dagster import process
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.calls import CLAIM, OUTCOME
from tests.defs.function_till import make_function, with_runtime_written
from tests.defs.google_till import GoogleTill, google_till, variables_of
from tests.defs.test_cloud_function_runtime import is_leased
from tests.defs.test_ingest import client_of, failure_of, held_warehouse, loading, start_worker
from tests.defs.till import Till, new_till, till_at
from tests.emulator.helpers import until
from tests.google.server import GoogleStandIn, google
from tests.thorough import cases

JOB = "sales"
ALL = "SELECT id, amount, sold_at, _partition FROM till.sales ORDER BY id"


@dataclass
class Scene:
    """The job on one runtime, with what a test has to know of its work there."""

    till: Till
    put: Callable[[str, bytes], object]
    start_worker: Callable[[Path], process.Child]
    #: Whether work goes on; what a worker has started on this machine is among its children.
    at_work: Callable[[process.Child], bool]
    #: Whether work that a killed worker left has ended; a process on this machine is left to itself.
    left_has_ended: Callable[[], bool]


def of_s3(folder: Path, emulator: Emulator, runtime: str) -> Scene:
    new = new_till(folder, emulator.endpoint, client_of(emulator))
    with_runtime_written(new.platform.folder, JOB, runtime)
    till = till_at(new.platform.folder, new.platform.name, emulator.endpoint, new.boto)
    till.make_lake()
    return Scene(
        till, till.put, lambda home: start_worker(till, home, JOB), lambda worker: bool(loading(worker)), lambda: True
    )


def local(folder: Path, emulator: Emulator, _: GoogleStandIn) -> Scene:
    return of_s3(folder, emulator, "{type: local}")


def fargate(folder: Path, emulator: Emulator, _: GoogleStandIn) -> Scene:
    scene = of_s3(folder, emulator, "{type: aws_ecs_fargate, cpu: 256, memory: 512}")
    scene.till.make_task(JOB)
    scene.at_work = lambda _: any(task["lastStatus"] == "RUNNING" for task in scene.till.tasks())
    scene.left_has_ended = lambda: any(task["lastStatus"] == "STOPPED" for task in scene.till.tasks())
    return scene


def function(folder: Path, emulator: Emulator, _: GoogleStandIn) -> Scene:
    scene = of_s3(folder, emulator, "{type: aws_lambda, timeout: 600}")
    make_function(scene.till, JOB)

    def marks() -> set[str]:
        s3, bucket = scene.till.client("s3"), scene.till.platform.names.bucket("artifacts")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"pipes/acme/{JOB}/")
        return {item["Key"].rpartition("/")[2] for item in listed.get("Contents", ())}

    scene.at_work = lambda _: CLAIM in marks()
    scene.left_has_ended = lambda: OUTCOME in marks()
    return scene


def of_google(folder: Path, emulator: Emulator, stand_in: GoogleStandIn, runtime: str) -> tuple[Scene, GoogleTill]:
    """Its files are in Cloud Storage, in a bucket of its own."""
    raw = f"raw-{uuid.uuid4().hex[:8]}"
    made = google_till(folder, emulator, stand_in, client_of(emulator), runtime, name=JOB, raw=raw)

    def put(key: str, body: bytes) -> None:
        stand_in.storage.put(raw, key, body)

    return Scene(made.till, put, made.start_worker, lambda worker: bool(loading(worker)), lambda: True), made


def local_of_google(folder: Path, emulator: Emulator, stand_in: GoogleStandIn) -> Scene:
    return of_google(folder, emulator, stand_in, "local")[0]


def cloud_run(folder: Path, emulator: Emulator, stand_in: GoogleStandIn) -> Scene:
    scene, made = of_google(folder, emulator, stand_in, "gcp_cloud_run")
    made.make_job()

    def own() -> list[Any]:
        return [one for one in stand_in.run.executions if one.job.name == made.job]

    scene.at_work = lambda _: any(one.container and not one.ended.is_set() for one in own())
    scene.left_has_ended = lambda: any(one.ended.is_set() for one in own())
    return scene


def cloud_function(folder: Path, emulator: Emulator, stand_in: GoogleStandIn) -> Scene:
    scene, made = of_google(folder, emulator, stand_in, "gcp_cloud_function")
    deployed = made.make_function()
    scene.at_work = lambda _: deployed.container is not None and is_leased(made, deployed)
    scene.left_has_ended = lambda: bool(deployed.answered)
    return scene


Make = Callable[[Path, Emulator, GoogleStandIn], Scene]
#: The versions of objects are those of a process here only where the objects lie in S3 too.
OF_S3 = (fargate, function)
#: The first is what the others are compared with.
RUNTIMES = {
    "local": local,
    "aws_ecs_fargate": fargate,
    "aws_lambda": function,
    "gcp_cloud_run": cloud_run,
    "gcp_cloud_function": cloud_function,
}


@pytest.fixture(scope="module")
def stand_in(emulator: Emulator) -> Iterator[GoogleStandIn]:
    """What runs in Google Cloud has nothing of AWS: its files and messages are Google's."""
    variables = {name: value for name, value in variables_of(emulator).items() if not name.startswith("AWS_")}
    with google(variables) as started:
        yield started
        assert started.problems == []


def months(first: int) -> dict[str, bytes]:
    """Two months of sales, also without an amount; `first` is the first id."""
    lines = [
        f"{first + number},{'NA' if number % 3 else number / 4},2013-01-0{number + 1}T10:00:00Z" for number in range(6)
    ]
    return {
        "sales/2013-01.csv": "\n".join(["id,amount,sold_at", *lines[:4], ""]).encode(),
        "sales/2013-02.csv": "\n".join(["id,amount,sold_at", *lines[4:], ""]).encode(),
    }


@dataclass
class Told:
    """What runs of everything tell: data versions and counts of the table and of its months, and its checks."""

    versions: list[str]
    counts: list[Any]
    checks: list[Any]

    @property
    def numbered(self) -> list[int]:
        """Versions of the same object differ from store to store; which of them are the same does not."""
        return [self.versions.index(version) for version in self.versions]


def tell(scene: Scene, instance: DagsterInstance, told: Told) -> None:
    """A run of everything."""
    result = scene.till.materialize(instance, JOB)
    assert result.success, failure_of(result)
    names = ("dagster/row_count", "dagster/partition_row_count", "rows_loaded", "bytes_read")
    events = [event.materialization for event in result.get_asset_materialization_events()]
    for one in sorted(events, key=lambda one: one.partition or ""):
        told.versions.append((one.tags or {})["dagster/data_version"])
        told.counts.append((one.partition, *(one.metadata[name].value for name in names if name in one.metadata)))
    told.checks += sorted((one.check_name, one.passed) for one in result.get_asset_check_evaluations())


def loaded(scene: Scene, home: Path) -> tuple[list[Any], Told]:
    """The rows after two months and another version of the second, and what was told."""
    told = Told([], [], [])
    with DagsterInstance.local_temp(str(home)) as instance:
        for key, body in months(1).items():
            scene.put(key, body)
        tell(scene, instance, told)
        scene.put("sales/2013-02.csv", months(100)["sales/2013-02.csv"])
        tell(scene, instance, told)
    return scene.till.rows(ALL), told


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, stand_in: GoogleStandIn
) -> tuple[list[Any], Told]:
    """What a process on this machine loads and tells."""
    home = tmp_path_factory.mktemp("here")
    return loaded(local(home / "platform", emulator, stand_in), home)


@pytest.mark.parity("B-1", "B-8", "B-25", "B!6")
@pytest.mark.parametrize("make", [*list(RUNTIMES.values())[1:], local_of_google], ids=lambda make: make.__name__)
def test_every_runtime_loads_the_same_rows_and_tells_the_same(
    tmp_path: Path, emulator: Emulator, stand_in: GoogleStandIn, here: tuple[list[Any], Told], make: Make
) -> None:
    rows, told = here
    assert [row[0] for row in rows] == [1, 2, 3, 4, 104, 105]
    assert {name for name, _ in told.checks} == {"nulls", "duplicates"}
    scene = make(tmp_path / "platform", emulator, stand_in)
    found, also = loaded(scene, tmp_path)
    assert found == rows
    assert (also.counts, also.checks, also.numbered) == (told.counts, told.checks, told.numbered)
    assert (also.versions == told.versions) is (make in OF_S3)


@pytest.mark.parity("B-25")
@pytest.mark.parametrize("runtime", cases(RUNTIMES, always=("local", "aws_lambda", "gcp_cloud_run").__contains__))
def test_a_worker_killed_in_the_middle_of_a_load_is_recovered_by_the_next_run(
    tmp_path: Path, emulator: Emulator, stand_in: GoogleStandIn, runtime: str
) -> None:
    scene, home = RUNTIMES[runtime](tmp_path / "platform", emulator, stand_in), tmp_path / "home"
    for key, body in months(1).items():
        scene.put(key, body)
    held = contextlib.ExitStack()
    held.enter_context(held_warehouse(scene.till))
    worker = scene.start_worker(home)
    try:
        until(lambda: scene.at_work(worker), bool)
        left = [(pid, process.started_at(pid)) for pid in loading(worker)]
    finally:
        worker.signal(signal.SIGKILL)
        worker.end()
    release = threading.Thread(target=lambda: (until(scene.left_has_ended, bool), held.close()))
    with DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        instance.report_run_failed(run)
        release.start()
        result = scene.till.materialize(instance, JOB)
        release.join()
        assert result.success, failure_of(result)
    # Whoever loads has the warehouse for itself.
    until(lambda: any(process.is_alive(*one) for one in left), lambda alive: not alive)
    assert [row[0] for row in scene.till.rows(ALL)] == [1, 2, 3, 4, 5, 6]
    whole = next(event for event in result.get_asset_materialization_events() if event.partition is None)
    # What a process on this machine goes on to load after its worker, the next run finds loaded.
    allowed = (0, 6) if runtime == "local" else (6,)
    assert whole.materialization.metadata["rows_loaded"].value in allowed


def holders(file: Path) -> list[int]:
    """The other processes of this machine that have a file open."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(opened.readlink() == file for opened in folder.iterdir()):
                found.append(int(folder.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def kill_the_work(scene: Scene, over: threading.Event) -> None:
    """SIGKILL to whatever loads, wherever it runs, when some of what it writes is in the warehouse and some is not."""
    warehouse, found = scene.till.warehouse.resolve(), list[int]()
    while not over.is_set() and not (found := holders(warehouse)):
        time.sleep(0.02)
    log = warehouse.with_name(f"{warehouse.name}.wal")
    while not over.is_set() and not log.exists():
        time.sleep(0.002)
    for pid in found if not over.is_set() else ():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parity("B-25")
@pytest.mark.parametrize("runtime", cases(RUNTIMES, always=("aws_ecs_fargate", "gcp_cloud_function").__contains__))
def test_work_that_is_killed_while_it_writes_fails_its_run_and_the_next_run_makes_up_for_it(
    tmp_path: Path, emulator: Emulator, stand_in: GoogleStandIn, runtime: str
) -> None:
    scene = RUNTIMES[runtime](tmp_path / "platform", emulator, stand_in)
    for key, body in months(1).items():
        scene.put(key, body)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        over = threading.Event()
        killer = threading.Thread(target=kill_the_work, args=(scene, over))
        killer.start()
        killed = scene.till.materialize(instance, JOB)
        over.set()
        killer.join()
        assert "exit code" in failure_of(killed)
        result = scene.till.materialize(instance, JOB)
        assert result.success, failure_of(result)
    assert [row[0] for row in scene.till.rows(ALL)] == [1, 2, 3, 4, 5, 6]
