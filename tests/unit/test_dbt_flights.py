"""The flights project on the real data: everything passes, and the marts have the rows SQL over the raw files has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import duckdb
import pytest
import sqlglot

from buildkit_dagster.runtimes.dbt import dbt_executable
from buildkit_dagster.runtimes.demo_data import raw_files
from tests.flights_marts import ROW_COUNTS

PROJECT = Path(__file__).parents[2] / "dbt_projects" / "flights"
#: Settings of warehouses that are not there.
NOWHERE = {
    "BUILDKIT_REDSHIFT_HOST": "127.0.0.1",
    "BUILDKIT_REDSHIFT_DATABASE": "d",
    "BUILDKIT_SNOWFLAKE_ACCOUNT": "a",
    "BUILDKIT_SNOWFLAKE_USER": "u",
    "BUILDKIT_SNOWFLAKE_DATABASE": "d",
    "AWS_ACCESS_KEY_ID": "emulator",
    "AWS_SECRET_ACCESS_KEY": "emulator",
}


def dbt(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    paths = {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}
    env = {**os.environ, "DO_NOT_TRACK": "1", **paths, **variables}
    command = [dbt_executable(), "--no-use-colors", *words]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw tables as they are, and what `dbt build` makes of them."""
    folder = tmp_path_factory.mktemp("flights")
    for key, content in raw_files():
        (folder / key).parent.mkdir(exist_ok=True)
        (folder / key).write_bytes(content)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema nyc")
        for table in ("airlines", "airports", "flights", "planes", "weather"):
            files = folder / table / "*.csv"
            read = f"select * from read_csv('{files}', nullstr = ['', 'NA'], sample_size = -1)"
            connection.execute(f"create table nyc.{table} as {read}")
    built = dbt(folder, "build", BUILDKIT_DUCKDB_PATH=str(folder / "warehouse.duckdb"))
    assert built.returncode == 0, built.stdout
    assert "WARN=0 ERROR=0 SKIP=0" in built.stdout
    return folder / "warehouse.duckdb"


def test_the_marts_have_the_rows_that_sql_over_the_raw_tables_has(warehouse: Path):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = "select table_name from duckdb_tables() where schema_name = 'flights'"
        marts = {name for (name,) in connection.execute(tables).fetchall()}
        assert marts == set(ROW_COUNTS)
        for mart, sql in ROW_COUNTS.items():
            [counted] = connection.execute(f"select count(*) from flights.{mart}").fetchall()
            assert counted == connection.execute(sql).fetchall()[0], mart
        assert connection.execute("select count(*) from flights.fct_flights").fetchall() == [(336776,)]


def test_the_marts_add_up_to_what_happened(warehouse: Path):
    """Cancelled: no departure time. Diverted: departed, and no arrival delay."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        raw = connection.execute("""
            select count(*), count(*) filter (dep_time is null),
                   count(*) filter (dep_time is not null and arr_delay is null), avg(dep_delay)
            from nyc.flights""").fetchall()
        months = connection.execute("""
            select sum(scheduled_flights), sum(cancelled_flights), sum(diverted_flights),
                   sum(mean_departure_delay_minutes * (scheduled_flights - cancelled_flights))
                     / sum(scheduled_flights - cancelled_flights)
            from flights.mart_carrier_monthly_delays""").fetchall()
    assert months[0][:3] == raw[0][:3]
    assert months[0][3] == pytest.approx(raw[0][3])


def test_every_mart_and_its_columns_are_documented_as_they_are(warehouse: Path):
    manifest = json.loads((warehouse.parent / "target" / "manifest.json").read_text())
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for mart in ROW_COUNTS:
            documented = manifest["nodes"][f"model.flights.{mart}"]
            columns = [name for name, *_ in connection.execute(f"describe flights.{mart}").fetchall()]
            assert documented["description"]
            assert sorted(name for name, column in documented["columns"].items() if column["description"]) == sorted(
                columns
            ), mart


@pytest.mark.parametrize("target", ["athena", "redshift", "snowflake"])
def test_the_sql_of_other_warehouses_is_theirs(target: str, tmp_path: Path):
    """Compiled without a connection by the warehouse's own adapter, read by another parser of its dialect."""
    compiled = dbt(tmp_path, "compile", "--no-introspect", "--no-populate-cache", BUILDKIT_DBT_TARGET=target, **NOWHERE)
    assert compiled.returncode == 0, compiled.stdout
    files = list((tmp_path / "target" / "compiled" / "flights" / "models").rglob("*.sql"))
    assert len([file for file in files if sqlglot.parse_one(file.read_text(), dialect=target)]) > len(ROW_COUNTS)


def test_the_profile_for_bigquery_is_read_without_its_settings(tmp_path: Path):
    """Its adapter wants credentials before it compiles."""
    parsed = dbt(tmp_path, "parse", BUILDKIT_DBT_TARGET="bigquery")
    assert parsed.returncode == 0, parsed.stdout
