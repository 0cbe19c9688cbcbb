"""What a load consists of, as dlt's resources: tables of files with what is remembered of them, or pages of a source.

Both write what they remember into dlt's state, which travels in the same load package as the rows. How rows fit the
declaration is `columns.py`'s, which package is loaded how is `warehouse.py`'s.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from buildkit_dagster.errors import UnreadableFile
from buildkit_dagster.runtimes.entrypoints.arrow_tables import read_table
from buildkit_dagster.runtimes.entrypoints.columns import Declared, ReadRows
from buildkit_dagster.runtimes.entrypoints.json_rows import read_rows
from buildkit_dagster.runtimes.entrypoints.reading import Reading
from buildkit_dagster.runtimes.entrypoints.sources import resource_of
from buildkit_dagster.runtimes.ingest import PARTITION_COLUMN, IngestRequest, Rows

log = logging.getLogger("ingest")

#: When rows were loaded last, in dlt's state.
LOADED_AT = "loaded_at"

Tables = Iterable[tuple[str | None, pa.Table]]


def of_files(
    request: IngestRequest,
    hints: Mapping[str, Any],
    tables: Tables,
    state: Mapping[str, str],
    rows: dict[str | None, int],
) -> list[DltResource]:
    """`tables` are rows with their partition, None for a whole table; `rows` counts them on their way."""

    @dlt.resource(name=request.table, **hints)
    def files() -> Iterator[pa.Table]:
        for partition, table in tables:
            rows[partition] = rows.get(partition, 0) + table.num_rows
            yield table if partition is None else _with_partition(table, partition)
        # Remembered by the package that carries the rows, so never without them.
        dlt.current.resource_state()["objects"] = dict(state)
        if any(rows.values()):
            dlt.current.resource_state()[LOADED_AT] = time.time()

    return [files()]


def of_source(
    request: IngestRequest,
    hints: Mapping[str, Any],
    declared: Declared,
    reading: Reading,
    checkpoint: Callable[[], None],
) -> list[DltResource]:
    """Pages of a source of dlt as tables; dlt itself remembers the cursor. `checkpoint` is asked before each page.

    Begins with no rows at all: a source without rows still has a table.
    """
    assert isinstance(request.source, Rows), request.source
    pages = resource_of(request.source, request.columns)

    @dlt.resource(name=declared_name(request), table_name=request.table, **hints)
    def empty() -> Iterator[pa.Table]:
        yield declared.schema.empty_table()
        dlt.current.resource_state()["declaration"] = request.declaration

    @dlt.transformer(name=request.table, data_from=pages, **hints)
    def tables(page: Any) -> Iterator[pa.Table]:
        checkpoint()
        read = _read(f"{request.dataset}.{request.table}", page, declared)
        reading.add(read)
        log.info("read %d rows", read.table.num_rows)
        if read.table.num_rows:
            dlt.current.resource_state()[LOADED_AT] = time.time()
        yield read.table

    return [empty(), tables]


def declared_name(request: IngestRequest) -> str:
    """The resource that remembers how the table was declared."""
    return f"{request.table}_declared"


def _read(place: str, page: Any, declared: Declared) -> ReadRows:
    """A page as dlt's sources give them: rows, one row, an Arrow table or batch, a data frame."""
    if isinstance(page, pa.RecordBatch):
        page = pa.Table.from_batches([page])
    if isinstance(page, pa.Table):
        return read_table(place, page, declared)
    if isinstance(page, Mapping):
        page = [page]
    if isinstance(page, list) and all(isinstance(row, Mapping) for row in page):
        return read_rows(place, page, declared)
    if hasattr(page, "to_records"):
        return read_table(place, pa.Table.from_pandas(page, preserve_index=False), declared)
    raise UnreadableFile(place, f"the source gives {type(page).__name__}, not rows")


def _with_partition(table: pa.Table, partition: str) -> pa.Table:
    return table.append_column(PARTITION_COLUMN, pa.array([partition] * table.num_rows, pa.string()))
