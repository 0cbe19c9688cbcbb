"""CSV bytes to an Arrow table of declared columns, read strictly: a value that does not fit is an error, not a null.

Types are declared because inference goes file by file and disagrees with itself wherever a column holds `NA`.
Which files are read is `runtimes/ingest.py`'s, where they go is `warehouse.py`'s.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from buildkit_dagster.errors import UnreadableFile
from buildkit_dagster.runtimes.ingest import ColumnSpec

#: Arrow's type for each of dlt's. Times and JSON arrive as text, the warehouse converts them.
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "decimal": pa.decimal128(38, 9),
    "json": pa.string(),
}


@dataclass(frozen=True)
class ReadFile:
    """A file's rows in the declared columns' order, and the columns that only one side knows."""

    table: pa.Table
    undeclared: tuple[str, ...]
    absent: tuple[str, ...]


def arrow_schema(columns: Sequence[ColumnSpec]) -> pa.Schema:
    """The declared columns. All may be null there: `required` is checked here, warehouses cannot add such columns."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in columns])


def read_csv(key: str, content: bytes, columns: Sequence[ColumnSpec], null_values: Sequence[str]) -> ReadFile:
    """Read one file; raises `UnreadableFile` naming file, column and value."""
    try:
        header = _header(content)
        known = [column for column in columns if column.name in header]
        table = csv.read_csv(
            io.BytesIO(content),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types={column.name: _as_read(column) for column in known},
                include_columns=[column.name for column in known],
                null_values=list(null_values),
                strings_can_be_null=True,
            ),
        )
        arrays = [_column(table, column) for column in columns]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise UnreadableFile(key, str(error)) from error
    _check_required(key, columns, arrays)
    absent = tuple(column.name for column in columns if column.name not in header)
    undeclared = tuple(name for name in header if name not in {column.name for column in columns})
    return ReadFile(pa.table(arrays, schema=arrow_schema(columns)), undeclared, absent)


def _header(content: bytes) -> list[str]:
    """The names of the first line; an empty file has none and is not a CSV file."""
    with csv.open_csv(io.BytesIO(content), parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
        return list(reader.schema.names)


def _as_read(column: ColumnSpec) -> pa.DataType:
    """Timestamps are read as text first: files with and without a zone are both right."""
    return pa.string() if column.type == "timestamp" else ARROW_TYPES[column.type]


def _column(table: pa.Table, column: ColumnSpec) -> pa.ChunkedArray:
    if column.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, ARROW_TYPES[column.type])])
    values = table[column.name]
    return _timestamps(values) if column.type == "timestamp" else values


def _timestamps(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text to UTC timestamps; without a zone it is taken as UTC."""
    try:
        return values.cast(ARROW_TYPES["timestamp"])
    except pa.ArrowInvalid:
        return pc.assume_timezone(values.cast(pa.timestamp("us")), "UTC")


def _check_required(key: str, columns: Sequence[ColumnSpec], arrays: Sequence[pa.ChunkedArray]) -> None:
    for column, values in zip(columns, arrays, strict=True):
        if column.required and values.null_count:
            raise UnreadableFile(key, f"column `{column.name}` is required and empty in {values.null_count} rows")
