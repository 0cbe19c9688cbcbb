"""Loads that are killed at random moments, in processes of their own: nothing is lost and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from buildkit_dagster.errors import WarehouseBusy
from buildkit_dagster.runtimes.entrypoints.warehouse import WarehouseTable
from buildkit_dagster.runtimes.targets import Target
from tests.postgres import Postgres, running_postgres
from tests.runtimes.api import running_api
from tests.runtimes.ingest_requests import CREDENTIALS, QUIET, events_of, killed_loads, load, postgres_target


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**QUIET, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


def rows_of(target: Target, server: Postgres, dataset: str) -> list[tuple[Any, ...]]:
    """What the table holds."""
    sql = f'SELECT id, "at", version FROM {dataset}.events'
    if target.path:
        with duckdb.connect(target.path, read_only=True) as connection:
            return connection.execute(sql).fetchall()
    with closing(psycopg2.connect(server.url)) as session, session.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("where", "key", "kills"),
    [("duckdb", (), 6), ("duckdb", ("id",), 4), ("postgres", (), 6), ("postgres", ("id",), 4)],
)
def test_after_loads_that_were_killed_anywhere_the_table_is_what_the_source_has(
    tmp_path: Path, postgres: Postgres, where: str, key: tuple[str, ...], kills: int
) -> None:
    dataset = f"{where}_{len(key)}"
    target = postgres_target(postgres.port) if where == "postgres" else Target("duckdb", str(tmp_path / "w.duckdb"))
    with running_api(growth=120, updates=bool(key), busy=7) as api:
        request = events_of(api.url, target, *key, dataset=dataset, pipeline=dataset)
        load(request)
        told = killed_loads(request, tmp_path, kills)
        assert told["killed"] > 0
        found = sorted(
            (number, moment.astimezone(UTC), version) for number, moment, version in rows_of(target, postgres, dataset)
        )
        there = sorted((row["id"], datetime.fromisoformat(row["at"]), row["version"]) for row in api.rows)
    assert found == there


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
