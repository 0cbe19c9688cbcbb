"""Loads that are killed at random moments, in processes of their own: nothing is lost and nothing comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg2
import pyarrow as pa
import pytest

from buildkit_dagster.errors import WarehouseBusy
from buildkit_dagster.runtimes.entrypoints.warehouse import WarehouseTable
from buildkit_dagster.runtimes.targets import Target
from tests.postgres import Postgres, running_postgres
from tests.runtimes.api import running_api
from tests.runtimes.bucket_rows import iceberg_rows, parquet_rows
from tests.runtimes.ingest_requests import (
    CREDENTIALS,
    QUIET,
    events_of,
    killed_loads,
    load,
    orders_of,
    postgres_target,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**QUIET, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@dataclass
class Places:
    """Where loads go, and what lies there afterwards."""

    folder: Path
    server: Postgres
    s3: Any
    variables: Mapping[str, str]
    bucket: str = field(default_factory=lambda: f"curated-{uuid4().hex[:8]}")

    def target(self, kind: str) -> Target:
        if kind == "duckdb":
            return Target(kind, str(self.folder / "w.duckdb"))
        if kind == "postgres":
            return postgres_target(self.server.port)
        self.s3.create_bucket(Bucket=self.bucket)
        return Target(kind, f"s3://{self.bucket}/tables", {"format": "parquet"})

    def rows(self, kind: str, dataset: str, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """What the table holds."""
        if kind == "files":
            return in_order(parquet_rows(self.s3, self.bucket, dataset), columns)
        if kind == "iceberg":
            return in_order(iceberg_rows(self.s3, self.bucket, self.variables, dataset), columns)
        quoted = ", ".join(f'"{column}"' for column in columns)
        sql = f"SELECT {quoted} FROM {dataset}.{table} ORDER BY 1"
        if kind == "duckdb":
            with duckdb.connect(str(self.folder / "w.duckdb"), read_only=True) as connection:
                return connection.execute(sql).fetchall()
        return asked(self.server, sql)


def in_order(table: pa.Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(zip(*(table[column].to_pylist() for column in columns), strict=True))


def asked(server: Postgres, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(server.url)) as session, session.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


@pytest.fixture
def places(
    tmp_path: Path,
    postgres: Postgres,
    boto: Callable[[str], Any],
    aws_env: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Places:
    for name, value in aws_env.items():
        monkeypatch.setenv(name, value)
    return Places(tmp_path, postgres, boto("s3"), aws_env)


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("where", "key", "kills"),
    [
        ("duckdb", (), 6),
        pytest.param("duckdb", ("id",), 4, marks=pytest.mark.thorough),
        pytest.param("postgres", (), 6, marks=pytest.mark.thorough),
        ("postgres", ("id",), 4),
        ("files", (), 6),
        pytest.param("iceberg", ("id",), 4, marks=pytest.mark.thorough),
    ],
)
def test_after_loads_that_were_killed_anywhere_the_table_is_what_the_source_has(
    places: Places, where: str, key: tuple[str, ...], kills: int
) -> None:
    dataset = f"{where}_{len(key)}"
    with running_api(growth=120, updates=bool(key), busy=7) as api:
        request = events_of(api.url, places.target(where), *key, dataset=dataset, pipeline=dataset)
        load(request)
        told = killed_loads(request, places.folder, kills)
        assert told["killed"] > 1
        found = [
            (number, moment.astimezone(UTC), version)
            for number, moment, version in places.rows(where, dataset, "events", "id", "at", "version")
        ]
        there = sorted((row["id"], datetime.fromisoformat(row["at"]), row["version"]) for row in api.rows)
    assert found == there


@contextmanager
def growing_orders(server: Postgres) -> Iterator[None]:
    """A shop whose orders become more all the time, always some of one moment."""
    over = threading.Event()
    more = (
        "INSERT INTO shop.orders SELECT last.id + n, n * 1.1, last.placed + interval '1 second' FROM "
        "(SELECT max(id) AS id, max(placed) AS placed FROM shop.orders) last, generate_series(1, 7) n"
    )

    def grow() -> None:
        with closing(psycopg2.connect(server.url)) as session, session.cursor() as cursor:
            session.autocommit = True
            while not over.wait(0.05):
                cursor.execute(more)

    with closing(psycopg2.connect(server.url)) as session, session.cursor() as cursor:
        session.autocommit = True
        cursor.execute("DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop")
        cursor.execute("CREATE TABLE shop.orders (id int PRIMARY KEY, amount numeric(10, 2), placed timestamp)")
        cursor.execute("INSERT INTO shop.orders VALUES (1, 1.1, '2024-01-01')")
    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("where", "key"), [("duckdb", ()), pytest.param("postgres", ("id",), marks=pytest.mark.thorough)]
)
def test_after_loads_of_a_database_that_were_killed_anywhere_the_copy_is_what_it_has(
    places: Places, where: str, key: tuple[str, ...]
) -> None:
    dataset = f"orders_{where}"
    request = orders_of(places.server.port, places.target(where), *key, dataset=dataset, pipeline=dataset)
    with growing_orders(places.server):
        load(request)
        assert killed_loads(request, places.folder, kills=6)["killed"] > 0
    load(request)
    there = asked(places.server, "SELECT id, amount, placed FROM shop.orders ORDER BY 1")
    found = places.rows(where, dataset, "orders", "id", "amount", "placed")
    assert [(number, amount, moment.astimezone(UTC).replace(tzinfo=None)) for number, amount, moment in found] == there


def test_rows_of_a_load_that_was_cut_off_are_taken_back_before_they_would_come_twice(postgres: Postgres) -> None:
    target = postgres_target(postgres.port)
    with running_api() as api:
        api.grow(20)
        request = events_of(api.url, target, dataset="cut", pipeline="cut")
        load(request)
        with closing(psycopg2.connect(postgres.url)) as session, session.cursor() as cursor:
            # As if the last package had been killed between its rows and its end.
            session.autocommit = True
            cursor.execute("DELETE FROM cut._dlt_loads")
        assert load(request).rows == (20, 20)


def test_two_loads_of_one_table_of_postgresql_do_not_meet(tmp_path: Path, postgres: Postgres) -> None:
    with running_api() as api:
        request = events_of(api.url, postgres_target(postgres.port), dataset="alone", pipeline="alone")
        busy = pytest.raises(WarehouseBusy, match=r"alone\.events is held by another process")
        with closing(WarehouseTable(request, tmp_path / "first", lambda: None)), busy:
            WarehouseTable(request, tmp_path / "second", lambda: None, lock_wait=0.2)
        WarehouseTable(request, tmp_path / "third", lambda: None, lock_wait=0.2).close()
