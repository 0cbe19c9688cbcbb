"""Loading with dlt so that a load counts wholly or not at all, and the memory of what was loaded.

What was loaded is kept in dlt's own state in the target, written by the load package itself: a load that did not
complete is not remembered, so it is done again, and what it left is replaced or taken away first. What is loaded is
`rows.py`'s, where it goes `destinations.py`'s, looking at the rows afterwards `quality.py`'s.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.storages.load_package import LoadPackageInfo
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.pipeline.exceptions import PipelineStepFailed

from buildkit_dagster.errors import BuildkitError, LoadFailed
from buildkit_dagster.runtimes.entrypoints import bucket_tables, rows
from buildkit_dagster.runtimes.entrypoints.columns import Declared
from buildkit_dagster.runtimes.entrypoints.destinations import (
    IN_A_BUCKET,
    destination_of,
    file_format_of,
    hints_of,
    writing_of,
)
from buildkit_dagster.runtimes.entrypoints.failures import cause_of, failure_of, first_lines, shortened
from buildkit_dagster.runtimes.entrypoints.reading import Reading
from buildkit_dagster.runtimes.entrypoints.secrets import hidden
from buildkit_dagster.runtimes.entrypoints.writers import claim_duckdb, claim_postgres
from buildkit_dagster.runtimes.ingest import PARTITION_COLUMN, IngestRequest, Rows
from buildkit_dagster.runtimes.targets import dlt_variables

#: Says of each row with which load package it came; that is how rows of one that was cut off are found.
_LOAD_ID = "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"


@dataclass(frozen=True)
class Load:
    """One completed dlt load package; `schema_changes` maps a table to its new columns."""

    package: str
    schema_changes: Mapping[str, list[str]]


class WarehouseTable:
    """The table of one ingest job, for one process at a time."""

    def __init__(
        self, request: IngestRequest, folder: Path, checkpoint: Callable[[], None], lock_wait: float = 60.0
    ) -> None:
        """`folder` is for dlt's working files and may be empty; waits `lock_wait` seconds for another writer.

        `checkpoint` is called wherever the work can still be dropped, and may raise.
        """
        self._request = request
        self._checkpoint = checkpoint
        self._writing = writing_of(request)
        os.environ.update(dlt_variables(request.target))
        os.environ[_LOAD_ID] = str(isinstance(request.source, Rows)).lower()
        self._held = contextlib.ExitStack()
        self._pipeline = dlt.pipeline(
            request.pipeline,
            pipelines_dir=str(folder),
            destination=destination_of(request.target),
            dataset_name=request.dataset,
        )
        try:
            self._claim(lock_wait)
            with _told_plainly(request):
                self._pipeline.sync_destination()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write."""
        self._held.close()

    @property
    def exists(self) -> bool:
        return (
            self._request.table in self._pipeline.default_schema.tables if self._pipeline.default_schema_name else False
        )

    @property
    def loaded(self) -> dict[str, str]:
        """The state of the last completed load of files: object key to what it was loaded as."""
        return dict(self._remembered.get(self._request.table, {}).get("objects", {}))

    @property
    def cursor(self) -> Any:
        """How far the last completed load of a source with a cursor came; None where there is none."""
        cursors = (found.get("incremental", {}) for found in self._remembered.values())
        return next((one["last_value"] for found in cursors for one in found.values()), None)

    @property
    def _remembered(self) -> Mapping[str, Any]:
        sources: Mapping[str, Any] = self._pipeline.state.get("sources", {})
        found: Mapping[str, Any] = sources.get(self._request.pipeline, {}).get("resources", {})
        return found

    def load_files(self, tables: rows.Tables, state: Mapping[str, str]) -> Load:
        """Replace the table's rows, or those of the partitions in `tables`, and remember `state`; all or nothing.

        `tables` are rows with their partition, None for a whole table.
        """
        counts: dict[str | None, int] = {}
        existed = self.exists
        with _told_plainly(self._request):
            self._pipeline.extract(
                rows.of_files(self._request, self._hints, tables, state, counts),
                loader_file_format=file_format_of(self._request.target),
            )
            self._checkpoint()
            for partition in (name for name, count in counts.items() if name and not count and existed):
                self._remove(partition)
            return self._finish()

    def load_source(self, declared: Declared, reading: Reading) -> Load:
        """Load what the source has, or has new, and remember its cursor; all or nothing."""
        with _told_plainly(self._request):
            if self._is_changed:
                # Read from the start: rows of before lack what the declaration says now.
                self._forget()
            if self._writing == "append":
                self._take_back()
                self._writing = "replace" if self._is_changed else "append"
            self._pipeline.extract(
                rows.of_source(self._request, self._hints, declared, reading, self._checkpoint),
                loader_file_format=file_format_of(self._request.target),
            )
            self._checkpoint()
            return self._finish()

    def count(self) -> int:
        """Rows in the table."""
        if self._request.target.type in IN_A_BUCKET:
            return bucket_tables.count(self._pipeline, self._request)
        return int(self.query("SELECT count(*) FROM {table}")[0][0])

    def count_by_partition(self) -> dict[str, int]:
        found = self.query(f"SELECT {PARTITION_COLUMN}, count(*) FROM {{table}} GROUP BY 1 ORDER BY 1")
        return {partition: int(count) for partition, count in found}

    @property
    def newest_rows(self) -> float | None:
        """When rows were loaded last, in seconds since 1970."""
        moments = [found[rows.LOADED_AT] for found in self._remembered.values() if rows.LOADED_AT in found]
        return max(moments, default=None)

    def query(self, statement: str, columns: Sequence[str] = ()) -> list[Any]:
        """What the target answers; `{table}` stands for the table, `columns` are those the statement reads."""
        if self._request.target.type in IN_A_BUCKET:
            return bucket_tables.query(self._pipeline, self._request, statement, columns)
        with self._pipeline.sql_client() as client:
            return list(client.execute_sql(self._named(client, statement)) or ())

    def escaped(self, column: str) -> str:
        """A column's name as the target's SQL writes it."""
        if self._request.target.type in IN_A_BUCKET:
            return f'"{column}"'
        client = self._pipeline.sql_client()
        return str(client.escape_column_name(self._pipeline.default_schema.naming.normalize_identifier(column)))

    @property
    def _hints(self) -> dict[str, Any]:
        return hints_of(self._request, self._writing, PARTITION_COLUMN)

    @property
    def _is_changed(self) -> bool:
        """Whether a source is to be read from the start: asked for, or the table is declared differently now."""
        known = self._remembered.get(rows.declared_name(self._request), {}).get("declaration")
        return self._request.force or known not in (None, self._request.declaration)

    def _forget(self) -> None:
        """Start the cursors anew; in the target they stay until the load is complete."""
        with self._pipeline.managed_state() as state:
            for found in state.get("sources", {}).get(self._request.pipeline, {}).get("resources", {}).values():
                found.pop("incremental", None)

    def _take_back(self) -> None:
        """Rows that are added are not replaced by the next load: remove those of a load that was cut off."""
        if self._request.target.type in IN_A_BUCKET:
            bucket_tables.take_back(self._pipeline, self._request)
            return
        statement = "DELETE FROM {table} WHERE _dlt_load_id NOT IN (SELECT load_id FROM {loads} WHERE status = 0)"
        with self._pipeline.sql_client() as client, contextlib.suppress(DatabaseUndefinedRelation):
            client.execute_sql(self._named(client, statement))

    def _named(self, client: Any, statement: str) -> str:
        names = {"table": self._request.table, "loads": "_dlt_loads"}
        return statement.format(**{name: client.make_qualified_table_name(table) for name, table in names.items()})

    def _remove(self, partition: str) -> None:
        """Delete the rows of a partition whose files are empty: a replacement with no rows replaces nothing."""
        with self._pipeline.sql_client() as client:
            table = client.make_qualified_table_name(self._request.table)
            client.execute_sql(f"DELETE FROM {table} WHERE {PARTITION_COLUMN} = %s", partition)

    def _finish(self) -> Load:
        self._pipeline.normalize()
        self._checkpoint()
        package: LoadPackageInfo = self._pipeline.load().load_packages[0]
        own = (name for name in package.schema_update if not name.startswith("_dlt"))
        return Load(package.load_id, {name: sorted(package.schema_update[name]["columns"]) for name in own})

    def _claim(self, wait: float) -> None:
        target = self._request.target
        if target.type == "duckdb" and target.path:
            claim_duckdb(self._held, Path(target.path), wait, self._checkpoint)
        elif target.type == "postgres":
            with _told_plainly(self._request):
                name = f"{self._request.dataset}.{self._request.table}"
                claim_postgres(self._held, self._pipeline.sql_client(), name, wait, self._checkpoint)


@contextlib.contextmanager
def _told_plainly(request: IngestRequest) -> Iterator[None]:
    """dlt wraps whatever goes wrong in its own errors: give back ours, or the first cause in one line."""
    try:
        yield
    except PipelineStepFailed as error:
        cause = cause_of(error)
        if isinstance(cause, BuildkitError):
            raise cause from None
        table = f"{request.dataset}.{request.table}"
        reason = shortened(hidden(first_lines(cause), request.secrets))
        if error.step == "extract" and isinstance(request.source, Rows):
            raise failure_of(cause)(table, request.source.connector.name, reason) from error
        raise LoadFailed(table, error.step, reason) from error
