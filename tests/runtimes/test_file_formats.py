"""CSV, JSON lines and Parquet as tables of declared columns: what fits, and what becomes of what does not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from buildkit_dagster.config.source_connectors import FileFormat
from buildkit_dagster.errors import ContractBroken, UnreadableFile
from buildkit_dagster.runtimes.entrypoints.arrow_tables import read_parquet
from buildkit_dagster.runtimes.entrypoints.columns import Declared, ReadRows
from buildkit_dagster.runtimes.entrypoints.csv_files import read_csv
from buildkit_dagster.runtimes.entrypoints.json_rows import read_jsonl
from buildkit_dagster.runtimes.ingest import ColumnSpec, Contract, Files, IngestRequest
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.targets import Target
from tests.google.server import google
from tests.runtimes.ingest_requests import QUIET, load

Read = Callable[[str, bytes, Declared], ReadRows]

TYPES = ("text", "bigint", "double", "bool", "timestamp", "date", "time", "decimal", "json")
COLUMNS = tuple(ColumnSpec(f"a_{kind}", kind) for kind in TYPES)
ROW = (
    "x",
    7,
    1.5,
    True,
    datetime(2013, 1, 1, 10, tzinfo=UTC),
    date(2013, 1, 1),
    time(10, 30),
    Decimal("1.25"),
    '{"k": 1}',
)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(rows[0])
    lines = [",".join(names), *(",".join("" if row[n] is None else str(row[n]) for n in names) for row in rows)]
    return "\n".join(lines).encode()


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    return as_parquet_of(pa.Table.from_pylist(rows))


def as_parquet_of(table: pa.Table) -> bytes:
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


FORMATS = {"csv": (read_csv, as_csv), "jsonl": (read_jsonl, as_jsonl), "parquet": (read_parquet, as_parquet)}


EVERY_TYPE = {
    "csv": ",".join(c.name for c in COLUMNS).encode()
    + b'\nx,7,1.5,true,2013-01-01T10:00:00Z,2013-01-01,10:30:00,1.25,"{""k"": 1}"\n',
    "jsonl": b'{"a_text": "x", "a_bigint": 7, "a_double": 1.5, "a_bool": true, "a_decimal": "1.25", '
    b'"a_json": {"k": 1}, '
    b'"a_timestamp": "2013-01-01T12:00:00+02:00", "a_date": "2013-01-01", "a_time": "10:30:00"}\n\n',
    "parquet": as_parquet([dict(zip((c.name for c in COLUMNS), (*ROW[:8], {"k": 1}), strict=True))]),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_type_is_read_from_every_format(kind: str) -> None:
    found = FORMATS[kind][0]("f", EVERY_TYPE[kind], Declared(COLUMNS, "strict", ("",)))
    assert found.table.to_pylist() == [dict(zip((c.name for c in COLUMNS), ROW, strict=True))]
    assert (found.undeclared, found.absent, found.misfits) == ((), (), {})


@pytest.mark.parity("B-46")
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_every_type_is_loaded_from_every_format_in_every_store(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    boto: Callable[[str], Any],
    aws_env: dict[str, str],
    store: Literal["s3", "gcs"],
    kind: FileFormat,
) -> None:
    bucket, warehouse = f"raw-{uuid4().hex[:8]}", str(tmp_path / "warehouse.duckdb")
    request = IngestRequest(
        pipeline="till_sales",
        dataset="till",
        table="sales",
        source=Files(store, bucket, KeyPattern("sales/"), kind, ("",)),
        target=Target("duckdb", warehouse),
        columns=COLUMNS,
    )
    with google({}) as stand_in:
        for name, value in {**QUIET, **aws_env, **stand_in.variables}.items():
            monkeypatch.setenv(name, value)
        stand_in.storage.make_bucket(bucket)
        boto("s3").create_bucket(Bucket=bucket)
        for number in (1, 2):
            key = f"sales/{number}.{kind}"
            if store == "s3":
                boto("s3").put_object(Bucket=bucket, Key=key, Body=EVERY_TYPE[kind])
            else:
                stand_in.storage.put(bucket, key, EVERY_TYPE[kind])
        assert (load(request, boto("s3")).rows, load(request, boto("s3")).rows) == ((2, 2), (2, 0))
    with duckdb.connect(warehouse, read_only=True) as connection:
        names = ", ".join(column.name for column in COLUMNS)
        found = connection.execute(f"SELECT {names} FROM till.sales").fetchall()
    assert [(*row[:8], json.loads(row[8])) for row in found] == [(*ROW[:8], {"k": 1})] * 2


def read_as(kind: str, rows: list[dict[str, Any]], contract: Contract, *columns: ColumnSpec) -> ReadRows:
    read, write = FORMATS[kind]
    return read("f", write(rows), Declared(columns, contract, ("",)))


ID, NAME = ColumnSpec("id", "bigint", required=True), ColumnSpec("name", "text")


@pytest.mark.parity("B-24")
@pytest.mark.parametrize("kind", FORMATS)
def test_an_undeclared_column_is_named_and_loaded_without_where_the_job_only_warns(kind: str) -> None:
    rows = [{"id": 1, "name": "a", "more": 2}]
    with pytest.raises(ContractBroken, match="f: column `more` is not declared; nothing was loaded"):
        read_as(kind, rows, "strict", ID, NAME)
    found = read_as(kind, rows, "warn", ID, NAME)
    assert (found.table.to_pylist(), found.undeclared) == ([{"id": 1, "name": "a"}], ("more",))


@pytest.mark.parity("B-24")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_missing_column_is_named_but_a_key_a_json_row_leaves_out_is_null(kind: str) -> None:
    if kind != "jsonl":
        with pytest.raises(ContractBroken, match="column `name` is declared and missing"):
            read_as(kind, [{"id": 1}], "strict", ID, NAME)
    found = read_as(kind, [{"id": 1}], "strict" if kind == "jsonl" else "warn", ID, NAME)
    assert (found.table.to_pylist(), found.absent) == ([{"id": 1, "name": None}], ("name",))


@pytest.mark.parity("B-24")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_value_of_another_type_is_named_or_counted_and_null(kind: str) -> None:
    rows = [{"id": "1" if kind == "csv" else "one", "name": "a"}, {"id": "soon", "name": "b"}]
    with pytest.raises(UnreadableFile, match=r"^f: .*(bigint|int64)"):
        read_as(kind, rows, "strict", ID, NAME)
    found = read_as(kind, rows, "warn", ID, NAME)
    assert found.misfits == {"id": 1 if kind == "csv" else 2}
    assert found.table["name"].to_pylist() == ["a", "b"]
    assert found.table["id"].to_pylist() == [1 if kind == "csv" else None, None]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_required_column_without_a_value_is_an_error_or_left_to_its_check(kind: str) -> None:
    rows = [{"id": None, "name": "a"}, {"id": 2, "name": "b"}]
    with pytest.raises(UnreadableFile, match="column `id` is required and empty in 1 rows"):
        read_as(kind, rows, "strict", ID, NAME)
    assert read_as(kind, rows, "warn", ID, NAME).table["id"].to_pylist() == [None, 2]


@pytest.mark.parametrize(
    ("read", "content", "says"),
    [
        (read_csv, b"", "Empty CSV file"),
        (read_jsonl, b'{"id": 1}\n{"id"\n', "line 2 is not JSON"),
        (read_jsonl, b"[1]\n", "line 1 is not a JSON object"),
        (read_parquet, b"id\n1\n", "not a Parquet file"),
    ],
)
def test_a_file_of_another_format_is_named(read: Read, content: bytes, says: str) -> None:
    with pytest.raises(UnreadableFile, match=f"^f: .*{says}"):
        read("f", content, Declared((ID,)))


def test_parquet_gives_no_text_for_a_number_and_loses_no_digits() -> None:
    amount = ColumnSpec("amount", "decimal")
    with pytest.raises(UnreadableFile, match="`amount` is declared decimal, and is string there"):
        read_as("parquet", [{"amount": "1.5"}], "strict", amount)
    with pytest.raises(UnreadableFile, match="`id` is bigint"):
        read_parquet("f", as_parquet_of(pa.table({"id": pa.array([2**63], pa.uint64())})), Declared((ID,)))
