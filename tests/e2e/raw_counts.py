"""How many rows each mart must have, in SQL over the raw files alone; written without looking at dbt's SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb

from buildkit_dagster.runtimes.demo_data import raw_files

EXPECTED = {
    "fct_flights": "select count(*) from flights",
    "dim_carriers": "select count(distinct carrier) from airlines",
    "dim_airports": "select count(*) from (select faa from airports union select origin from flights "
    "union select dest from flights)",
    "dim_planes": "select count(*) from (select tailnum from planes union select tailnum from flights "
    "where tailnum is not null)",
    "mart_daily_departures": "select count(distinct (origin, year, month, day)) from flights",
    "mart_carrier_monthly_delays": "select count(distinct (carrier, month)) from flights",
    "mart_route_performance": "select count(distinct (origin, dest)) from flights",
    "mart_weather_impact": "select count(distinct (f.origin, case when w.origin is null then 'none' "
    "when visib < 3 then 'fog' when precip > 0 then 'rain' when wind_speed between 25 and 200 then 'wind' "
    "else 'fair' end)) from flights f left join weather w on f.origin = w.origin and f.time_hour = w.time_hour",
}


def expected_counts(folder: Path) -> dict[str, int]:
    """Rows per mart by SQL over the raw files, which are written to `folder`."""
    for key, content in raw_files():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    with duckdb.connect() as connection:
        for table in ("flights", "airlines", "airports", "planes", "weather"):
            files = str(folder / table / "*.csv")
            connection.execute(f"create view {table} as select * from read_csv('{files}', nullstr='NA')")
        return {mart: _one(connection, sql) for mart, sql in EXPECTED.items()}


def built_counts(warehouse: Path) -> dict[str, int]:
    """Rows per mart as the platform built them."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {mart: _one(connection, f"select count(*) from flights.{mart}") for mart in EXPECTED}


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
