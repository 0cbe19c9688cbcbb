"""Loading Arrow tables with dlt so that a load counts wholly or not at all, and the memory of what was loaded.

What was loaded is kept in dlt's own state in the warehouse, written by the load package itself: a load that did not
complete is not remembered, so it is done again, and rows are replaced, never added twice. Credentials come from the
environment under dlt's names. Choosing the objects is `runtimes/ingest.py`'s.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.storages.load_package import LoadPackageInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from buildkit_dagster.errors import BuildkitError, LoadFailed, WarehouseBusy, WarehouseDriverMissing
from buildkit_dagster.runtimes.ingest import PARTITION_COLUMN, IngestRequest, WarehouseSpec

#: The module each warehouse needs beyond dlt itself.
_DRIVERS = {
    "duckdb": "duckdb",
    "athena": "pyathena",
    "redshift": "psycopg2",
    "snowflake": "snowflake",
    "bigquery": "google.cloud.bigquery",
}

#: The platform's warehouse settings, which are dbt's words, as dlt's variables; what dlt has no use for is not here.
_VARIABLES = {
    "athena": {
        "s3_staging_dir": "DESTINATION__ATHENA__QUERY_RESULT_BUCKET",
        "s3_data_dir": "DESTINATION__FILESYSTEM__BUCKET_URL",
        "work_group": "DESTINATION__ATHENA__ATHENA_WORK_GROUP",
        "database": "DESTINATION__ATHENA__AWS_DATA_CATALOG",
    },
    "redshift": {
        "host": "DESTINATION__REDSHIFT__CREDENTIALS__HOST",
        "port": "DESTINATION__REDSHIFT__CREDENTIALS__PORT",
        "user": "DESTINATION__REDSHIFT__CREDENTIALS__USERNAME",
        "database": "DESTINATION__REDSHIFT__CREDENTIALS__DATABASE",
    },
    "snowflake": {
        "account": "DESTINATION__SNOWFLAKE__CREDENTIALS__HOST",
        "user": "DESTINATION__SNOWFLAKE__CREDENTIALS__USERNAME",
        "role": "DESTINATION__SNOWFLAKE__CREDENTIALS__ROLE",
        "warehouse": "DESTINATION__SNOWFLAKE__CREDENTIALS__WAREHOUSE",
        "database": "DESTINATION__SNOWFLAKE__CREDENTIALS__DATABASE",
    },
    "bigquery": {
        "project": "DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID",
        "location": "DESTINATION__BIGQUERY__LOCATION",
    },
}

#: Rows that are replaced stay until all new ones have arrived, then both change places in one transaction.
_REPLACE_STRATEGY = "insert-from-staging"

#: Where deleting and inserting is one transaction: dlt 1.31 makes it one only when told that there are transactions.
_TRANSACTIONAL = ("duckdb", "redshift", "snowflake")


@dataclass(frozen=True)
class Load:
    """One completed dlt load package; `schema_changes` maps a table to its new columns."""

    package: str
    schema_changes: Mapping[str, list[str]]


class WarehouseTable:
    """The table of one ingest job."""

    def __init__(self, request: IngestRequest, folder: Path, lock_wait: float = 60.0) -> None:
        """`folder` is for dlt's working files and may be empty; waits `lock_wait` seconds for a DuckDB file in use."""
        self._request = request
        os.environ.update(dlt_variables(request.warehouse))
        self._pipeline = dlt.pipeline(
            request.pipeline, pipelines_dir=str(folder), destination=_destination(request), dataset_name=request.dataset
        )
        if request.warehouse.path:
            _await_duckdb(Path(request.warehouse.path), lock_wait)
        with _told_plainly(request):
            self._pipeline.sync_destination()

    @property
    def exists(self) -> bool:
        return (
            self._request.table in self._pipeline.default_schema.tables if self._pipeline.default_schema_name else False
        )

    @property
    def loaded(self) -> dict[str, str]:
        """The state of the last completed load: object key to what it was loaded as."""
        sources: Mapping[str, Any] = self._pipeline.state.get("sources", {})
        resources = sources.get(self._request.pipeline, {}).get("resources", {})
        return dict(resources.get(self._request.table, {}).get("objects", {}))

    def load(
        self, tables: Iterable[tuple[str | None, pa.Table]], state: Mapping[str, str], checkpoint: Callable[[], None]
    ) -> Load:
        """Replace the table's rows, or those of the partitions in `tables`, and remember `state`; all or nothing.

        `tables` are rows with their partition, None for a whole table. `checkpoint` is called wherever the work can
        still be dropped, and may raise.
        """
        with _told_plainly(self._request):
            package = self._load(tables, state, checkpoint)
        own = (name for name in package.schema_update if not name.startswith("_dlt"))
        return Load(package.load_id, {name: sorted(package.schema_update[name]["columns"]) for name in own})

    def _load(
        self, tables: Iterable[tuple[str | None, pa.Table]], state: Mapping[str, str], checkpoint: Callable[[], None]
    ) -> LoadPackageInfo:
        existed = self.exists
        rows: dict[str | None, int] = {}
        self._pipeline.extract(self._resource(_counted(tables, rows), state))
        checkpoint()
        for partition in (name for name, count in rows.items() if name and not count and existed):
            self._remove(partition)
        self._pipeline.normalize()
        checkpoint()
        return self._pipeline.load().load_packages[0]

    def count(self) -> int:
        """Rows in the table."""
        return int(self._query("SELECT count(*) FROM {table}")[0][0])

    def count_by_partition(self) -> dict[str, int]:
        rows = self._query(f"SELECT {PARTITION_COLUMN}, count(*) FROM {{table}} GROUP BY 1 ORDER BY 1")
        return {partition: int(count) for partition, count in rows}

    def _remove(self, partition: str) -> None:
        """Delete the rows of a partition whose files are empty: a replacement with no rows replaces nothing."""
        with self._pipeline.sql_client() as client:
            table = client.make_qualified_table_name(self._request.table)
            client.execute_sql(f"DELETE FROM {table} WHERE {PARTITION_COLUMN} = %s", partition)

    def _resource(self, tables: Iterator[pa.Table], state: Mapping[str, str]) -> Any:
        partitioned = self._request.pattern.partition is not None

        @dlt.resource(
            name=self._request.table,
            write_disposition={"disposition": "merge", "strategy": "delete-insert"} if partitioned else "replace",
            merge_key=PARTITION_COLUMN if partitioned else (),
            columns={c.name: {"data_type": "json"} for c in self._request.columns if c.type == "json"},
        )
        def rows() -> Iterator[pa.Table]:
            yield from tables
            # Remembered by the package that carries the rows, so never without them.
            dlt.current.resource_state()["objects"] = dict(state)

        return rows()

    def _query(self, statement: str) -> list[Any]:
        with self._pipeline.sql_client() as client:
            table = client.make_qualified_table_name(self._request.table)
            return list(client.execute_sql(statement.format(table=table)) or ())


def _counted(tables: Iterable[tuple[str | None, pa.Table]], rows: dict[str | None, int]) -> Iterator[pa.Table]:
    """The rows, those of a partition with its name; counts them by partition on their way."""
    for partition, table in tables:
        rows[partition] = rows.get(partition, 0) + table.num_rows
        yield table if partition is None else _with_partition(table, partition)


def _with_partition(table: pa.Table, partition: str) -> pa.Table:
    return table.append_column(PARTITION_COLUMN, pa.array([partition] * table.num_rows, pa.string()))


@contextlib.contextmanager
def _told_plainly(request: IngestRequest) -> Iterator[None]:
    """dlt wraps whatever goes wrong in its own errors: give back ours, or the first cause in one line."""
    try:
        yield
    except PipelineStepFailed as error:
        cause: BaseException = error
        while cause.__cause__ and not isinstance(cause, BuildkitError):
            cause = cause.__cause__
        if isinstance(cause, BuildkitError):
            raise cause from None
        raise LoadFailed(f"{request.dataset}.{request.table}", error.step, _first_lines(cause)) from error


def _first_lines(error: BaseException) -> str:
    return " ".join(str(error).split("\n")[:3])


def dlt_variables(warehouse: WarehouseSpec) -> dict[str, str]:
    """The warehouse's settings under the names dlt reads from the environment."""
    known = _VARIABLES.get(warehouse.type, {})
    return {known[name]: value for name, value in warehouse.settings.items() if name in known}


def _destination(request: IngestRequest) -> Any:
    """dlt's destination of that name. A DuckDB file is named here, all else comes from the environment."""
    kind, path = request.warehouse.type, request.warehouse.path
    require_driver(kind, _DRIVERS[kind])
    settings: dict[str, Any] = {"replace_strategy": _REPLACE_STRATEGY}
    if kind in _TRANSACTIONAL:
        settings["supports_transactions"] = True
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        settings["credentials"] = path
    return getattr(dlt.destinations, kind)(**settings)


def require_driver(kind: str, module: str) -> None:
    """Raise `WarehouseDriverMissing` unless `module` can be imported."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise WarehouseDriverMissing(kind, module)


def _await_duckdb(path: Path, wait: float) -> None:
    """Return when nobody else holds the file; DuckDB lets one process write at a time."""
    started = time.monotonic()
    while True:
        try:
            duckdb.connect(str(path)).close()
            return
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            if time.monotonic() - started > wait:
                raise WarehouseBusy(str(path), wait, str(error).splitlines()[0]) from None
        time.sleep(0.5)
