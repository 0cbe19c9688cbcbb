"""What an ingest container does: real S3 calls, real dlt, a real DuckDB file."""

from __future__ import annotations

import json
import signal
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, DAGSTER_PIPES_MESSAGES_ENV_VAR, encode_param

from buildkit_dagster import process
from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.config.job_settings import LogLevel
from buildkit_dagster.errors import LoadFailed, UnreadableFile, WarehouseBusy, WarehouseDriverMissing
from buildkit_dagster.runtimes.entrypoints import warehouse
from buildkit_dagster.runtimes.entrypoints.destinations import require_driver
from buildkit_dagster.runtimes.entrypoints.ingest import STOPPED, Stopped, ingest
from buildkit_dagster.runtimes.ingest import ColumnSpec, Files, IngestRequest
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.targets import Target, dlt_variables
from tests.runtimes.ingest_requests import FakePipes

HEADER = b"id,delay,carrier,at\n"
COLUMNS = (
    ColumnSpec("id", "bigint", required=True),
    ColumnSpec("delay", "double"),
    ColumnSpec("carrier", "text"),
    ColumnSpec("at", "timestamp"),
)


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_TELEMETRY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(boto: Callable[[str], Any]) -> Any:
    return boto("s3")


@pytest.fixture
def months(s3: Any, tmp_path: Path) -> IngestRequest:
    """A table by month, in a bucket of its own."""
    bucket = f"raw-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    return IngestRequest(
        pipeline="nyc_flights",
        dataset="nyc",
        table="flights",
        source=Files("s3", bucket, KeyPattern("flights/{partition}.csv", "month"), null_values=("", "NA")),
        columns=COLUMNS,
        target=Target("duckdb", str(tmp_path / "warehouse.duckdb")),
    )


def bucket_name(request: IngestRequest) -> str:
    return request.source.bucket  # type: ignore[union-attr]


def of_keys(request: IngestRequest, pattern: KeyPattern, **changes: Any) -> IngestRequest:
    return replace(request, source=replace(request.source, pattern=pattern), **changes)


def month(first: int, last: int) -> bytes:
    return HEADER + b"".join(b"%d,NA,UA,2013-01-01T10:00:00Z\n" % number for number in range(first, last))


def load(request: IngestRequest, s3: Any, **changes: Any) -> FakePipes:
    pipes = FakePipes()
    ingest(pipes, replace(request, **changes), s3, checkpoint=lambda: None)  # type: ignore[arg-type]
    return pipes


def query(request: IngestRequest, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(request.target.path or "", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_table_without_objects_is_made_empty_from_its_declaration(months: IngestRequest, s3: Any) -> None:
    pipes = load(months, s3)
    assert pipes.rows == (0, 0)
    assert query(
        months, "SELECT column_name, data_type FROM (DESCRIBE nyc.flights) t(column_name, data_type, a, b, c, d)"
    ) == [
        ("id", "BIGINT"),
        ("delay", "DOUBLE"),
        ("carrier", "VARCHAR"),
        ("at", "TIMESTAMP WITH TIME ZONE"),
        ("_partition", "VARCHAR"),
    ]


def test_months_are_loaded_once_and_replaced_whole(months: IngestRequest, s3: Any) -> None:
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 10))
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-02.csv", Body=month(10, 15))
    first = load(months, s3)
    assert first.rows == (15, 15)
    assert first.metadata["schema_changes"]["raw_value"]["loaded"]["flights"][0] == "_partition"

    again = load(months, s3)
    assert (again.rows, again.data_version, again.metadata["load_package"]) == ((15, 0), first.data_version, "")
    assert load(months, s3, force=True).rows == (15, 15)

    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 3))
    changed = load(months, s3, partitions=("2013-01",))
    assert changed.rows == (8, 3)
    assert changed.messages[0]["partitions"]["2013-01"]["rows"] == 3
    assert query(months, "SELECT _partition, count(*) FROM nyc.flights GROUP BY 1 ORDER BY 1") == [
        ("2013-01", 3),
        ("2013-02", 5),
    ]

    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-02.csv", Body=HEADER)
    emptied = load(months, s3)
    assert emptied.rows == (3, 0)
    assert {name: entry["loaded"] for name, entry in emptied.messages[0]["partitions"].items()} == {
        "2013-01": False,
        "2013-02": True,
    }


def test_a_whole_table_is_replaced_and_not_found_values_are_nulls(months: IngestRequest, s3: Any) -> None:
    request = of_keys(months, KeyPattern("planes/"), table="planes", pipeline="nyc_planes", contract="warn")
    rows = b"1,NA,NA,2013-01-01T10:00:00Z\n2,1.5,AA,NA\n3,2,,2013-01-01 12:00:00+02:00\n"
    s3.put_object(Bucket=bucket_name(request), Key="planes/a.csv", Body=HEADER + rows)
    assert load(request, s3).rows == (3, 3)
    assert query(request, 'SELECT count(delay), count(carrier), count("at"), count(DISTINCT "at") FROM nyc.planes') == [
        (2, 1, 2, 1)
    ]
    s3.put_object(Bucket=bucket_name(request), Key="planes/b.csv", Body=b"carrier,id,extra\nNA,4,x\n")
    more = load(request, s3)
    assert more.rows == (4, 4)
    assert more.metadata["schema_changes"]["raw_value"] == {
        "loaded": {},
        "undeclared": ["extra"],
        "absent": ["at", "delay"],
        "misfits": {},
    }


def test_a_changed_declaration_loads_everything_again(months: IngestRequest, s3: Any) -> None:
    s3.put_object(
        Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=b"id,delay,carrier,at,tail\n1,2,UA,NA,N1\n"
    )
    first = load(months, s3, contract="warn")
    wider = load(months, s3, columns=(*COLUMNS, ColumnSpec("tail", "text")))
    assert wider.rows == (1, 1)
    assert wider.metadata["schema_changes"]["raw_value"]["loaded"] == {"flights": ["tail"]}
    assert wider.data_version != first.data_version
    assert query(months, "SELECT tail FROM nyc.flights") == [("N1",)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEADER + b"1,soon,UA,NA\n", "soon"),
        (HEADER + b"NA,1,UA,NA\n", "`id` is required and empty in 1 rows"),
        (b"", "Empty CSV file"),
    ],
)
def test_a_file_that_does_not_fit_is_named_and_changes_nothing(
    months: IngestRequest, s3: Any, content: bytes, says: str
) -> None:
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 2))
    load(months, s3)
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 9))
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-02.csv", Body=content)
    with pytest.raises(UnreadableFile, match=r"flights/2013-02\.csv: .*") as error:
        load(months, s3)
    assert says in str(error.value)
    assert query(months, "SELECT count(*) FROM nyc.flights") == [(2,)]


@pytest.mark.parametrize("pattern", [KeyPattern("flights/"), KeyPattern("flights/{partition}.csv", "month")])
def test_a_load_that_breaks_between_deleting_and_inserting_keeps_the_old_rows(
    months: IngestRequest, s3: Any, pattern: KeyPattern
) -> None:
    request = of_keys(months, pattern)
    s3.put_object(Bucket=bucket_name(request), Key="flights/2013-01.csv", Body=month(0, 3))
    load(request, s3)
    with duckdb.connect(request.target.path or "") as connection:
        connection.execute("CREATE UNIQUE INDEX once ON nyc.flights(id)")
    s3.put_object(Bucket=bucket_name(request), Key="flights/2013-01.csv", Body=month(7, 9) + b"7,1,UA,NA\n")
    with pytest.raises(LoadFailed, match="Constraint"):
        load(request, s3)
    assert query(request, "SELECT id FROM nyc.flights ORDER BY 1") == [(0,), (1,), (2,)]


def test_a_stop_between_files_changes_nothing(months: IngestRequest, s3: Any) -> None:
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 2))
    load(months, s3)
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 4))
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-02.csv", Body=month(0, 4))
    asked = iter((False, True))

    def check() -> None:
        if next(asked):
            raise Stopped

    with pytest.raises(Stopped):
        ingest(FakePipes(), months, s3, check)  # type: ignore[arg-type]
    assert query(months, "SELECT count(*) FROM nyc.flights") == [(2,)]
    assert load(months, s3).rows == (8, 8)


def test_a_warehouse_that_is_not_set_up_is_refused_in_one_line(months: IngestRequest, s3: Any) -> None:
    with pytest.raises(WarehouseDriverMissing, match=r"`no\.such\.driver` is missing; add dlt\[athena\]"):
        require_driver("athena", "no.such.driver")
    with pytest.raises(LoadFailed, match="`password`, `username`") as error:
        load(months, s3, target=Target("redshift"))
    assert len(str(error.value)) < 400


def test_the_warehouses_settings_reach_dlt_under_its_names() -> None:
    settings = {"s3_data_dir": "s3://b/tables/", "work_group": "w", "schema": "dbt's"}
    assert dlt_variables(Target("athena", None, settings)) == {
        "DESTINATION__FILESYSTEM__BUCKET_URL": "s3://b/tables/",
        "DESTINATION__ATHENA__ATHENA_WORK_GROUP": "w",
    }


def test_a_file_another_process_writes_to_is_waited_for_and_then_named(months: IngestRequest, tmp_path: Path) -> None:
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(600)"
    path = months.target.path or ""
    holder = process.start([sys.executable, "-c", code, path], cwd=tmp_path, env={}, stdout=tmp_path / "holder.log")
    try:
        _await(holder, "open")
        with pytest.raises(WarehouseBusy, match="held by another process"):
            warehouse.WarehouseTable(months, tmp_path / "dlt", lambda: None, lock_wait=0.2)
    finally:
        holder.end()


def start_container(request: IngestRequest, env: dict[str, str], folder: Path) -> tuple[process.Child, Path]:
    """The entrypoint as a container would run it, its Pipes session in files."""
    context = {
        "asset_keys": ["nyc/flights"],
        "extras": {"request": request.to_extras()},
        **dict.fromkeys(("partition_key", "partition_key_range", "partition_time_window", "job_name"), None),
        **{name: {"nyc/flights": None} for name in ("code_version_by_asset_key", "provenance_by_asset_key")},
        "run_id": "r",
        "retry_number": 0,
    }
    (folder / "context.json").write_text(json.dumps(context))
    session = {
        DAGSTER_PIPES_CONTEXT_ENV_VAR: encode_param({"path": str(folder / "context.json")}),
        DAGSTER_PIPES_MESSAGES_ENV_VAR: encode_param({"path": str(folder / "messages.jsonl")}),
    }
    command = [sys.executable, "-m", "buildkit_dagster.runtimes.entrypoints.ingest"]
    return process.start(command, cwd=folder, env={**env, **session}, stdout=folder / "log"), folder / "messages.jsonl"


@pytest.mark.parity("B!17")
def test_the_process_reports_over_pipes_and_a_signal_ends_it_with_nothing_changed(
    months: IngestRequest, s3: Any, aws_env: dict[str, str], tmp_path: Path
) -> None:
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 5))
    whole, messages = start_container(months, aws_env, tmp_path)
    assert whole.wait(300) == 0, whole.stdout.read_text()
    reported = [json.loads(line) for line in messages.read_text().splitlines()]
    [event] = [entry["params"] for entry in reported if entry["method"] == "report_asset_materialization"]
    assert event["metadata"]["dagster/row_count"]["raw_value"] == 5
    assert event["metadata"]["dagster/column_schema"]["type"] == "table_schema"

    big = HEADER + b"".join(b"%d,NA,UA,NA\n" % number for number in range(200_000))
    for number in range(1, 9):
        s3.put_object(Bucket=bucket_name(months), Key=f"flights/2014-0{number}.csv", Body=big)
    stopped, _ = start_container(months, aws_env, tmp_path)
    _await(stopped, "read s3://")
    stopped.signal(signal.SIGTERM)
    assert stopped.wait(300) == STOPPED, stopped.stdout.read_text()
    assert query(months, "SELECT count(*) FROM nyc.flights") == [(5,)]


def test_a_load_that_waits_for_another_writer_can_be_stopped(
    months: IngestRequest, aws_env: dict[str, str], tmp_path: Path
) -> None:
    with duckdb.connect(months.target.path or ""):
        waiting, _ = start_container(months, aws_env, tmp_path)
        _await(waiting, "waiting at most 60 s for another writer")
        waiting.signal(signal.SIGTERM)
        assert waiting.wait(300) == STOPPED, waiting.stdout.read_text()


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(("level", "lines"), [("INFO", True), ("WARNING", False)])
def test_the_jobs_log_begins_at_its_level(
    months: IngestRequest, s3: Any, aws_env: dict[str, str], tmp_path: Path, level: LogLevel, lines: bool
) -> None:
    s3.put_object(Bucket=bucket_name(months), Key="flights/2013-01.csv", Body=month(0, 5))
    done, _ = start_container(replace(months, log_level=level), aws_env, tmp_path)
    assert done.wait(300) == 0, done.stdout.read_text()
    assert ("read s3://" in done.stdout.read_text()) == lines


def test_the_process_says_so_when_it_is_started_by_hand(aws_env: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "buildkit_dagster.runtimes.entrypoints.ingest"]
    child = process.start(command, cwd=tmp_path, env=aws_env, stdout=tmp_path / "log")
    assert child.wait(300) == 1
    assert "materialize the table in Dagster" in child.stdout.read_text()


def _await(child: process.Child, words: str) -> None:
    """Until the child has said so."""
    deadline = time.monotonic() + 300.0
    while words not in child.stdout.read_text():
        assert child.poll() is None, child.stdout.read_text()
        assert time.monotonic() < deadline, child.stdout.read_text()
        time.sleep(0.02)
