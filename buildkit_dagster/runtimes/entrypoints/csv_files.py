"""CSV bytes to an Arrow table of declared columns.

What does not fit is decided in `columns.py`; which files are read is `files.py`'s.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from buildkit_dagster.errors import UnreadableFile
from buildkit_dagster.runtimes.entrypoints.columns import ARROW_TYPES, Declared, ReadRows, fitted, one_by_one
from buildkit_dagster.runtimes.ingest import ColumnSpec


def read_csv(key: str, content: bytes, declared: Declared) -> ReadRows:
    """Read one file; raises `UnreadableFile` naming file, column and value, and `ContractBroken`."""
    try:
        header = _header(content)
        try:
            table = _table(content, header, declared, _as_read)
        except pa.ArrowInvalid:
            if declared.strict:
                raise
            table = _table(content, header, declared, lambda _: pa.string())
        return fitted(key, declared, header, lambda column: _column(key, table, column, declared.strict), len(table))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise UnreadableFile(key, str(error)) from error


def _table(
    content: bytes, header: list[str], declared: Declared, type_of: Callable[[ColumnSpec], pa.DataType]
) -> pa.Table:
    known = [column for column in declared.columns if column.name in header]
    return csv.read_csv(
        io.BytesIO(content),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={column.name: type_of(column) for column in known},
            include_columns=[column.name for column in known],
            null_values=list(declared.null_values),
            strings_can_be_null=True,
        ),
    )


def _header(content: bytes) -> list[str]:
    """The names of the first line; an empty file has none and is not a CSV file."""
    with csv.open_csv(io.BytesIO(content), parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
        return list(reader.schema.names)


def _as_read(column: ColumnSpec) -> pa.DataType:
    """Timestamps are read as text first: files with and without a zone are both right."""
    return pa.string() if column.type == "timestamp" else ARROW_TYPES[column.type]


def _column(key: str, table: pa.Table, column: ColumnSpec, strict: bool) -> tuple[pa.ChunkedArray, int]:
    values = table[column.name]
    if values.type == ARROW_TYPES[column.type]:
        return values, 0
    try:
        return _converted(values, column), 0
    except pa.ArrowInvalid:
        if strict and column.type != "timestamp":
            raise
    return one_by_one(
        key, column, values.to_pylist(), lambda value: _converted(pa.array([value]), column)[0].as_py(), strict
    )


def _converted(values: pa.ChunkedArray, column: ColumnSpec) -> pa.ChunkedArray:
    """Text as the column's type; a moment without a zone is taken as UTC."""
    if column.type != "timestamp":
        return values.cast(ARROW_TYPES[column.type])
    try:
        return values.cast(ARROW_TYPES["timestamp"])
    except pa.ArrowInvalid:
        return pc.assume_timezone(values.cast(pa.timestamp("us")), "UTC")
