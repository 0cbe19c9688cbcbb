"""Arrow tables as Parquet files and databases have them, to one of declared columns: types must be of the same kind.

No text is taken for a number here, as CSV has to: whoever wrote the table said what it is. What does not fit is decided
in `columns.py`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from buildkit_dagster.errors import UnreadableFile
from buildkit_dagster.runtimes.entrypoints.columns import ARROW_TYPES, Declared, ReadRows, fitted, one_by_one
from buildkit_dagster.runtimes.ingest import ColumnSpec

_is = pa.types


def _is_text(kind: pa.DataType) -> bool:
    return bool(_is.is_string(kind) or _is.is_large_string(kind) or _is.is_string_view(kind))


def _is_nested(kind: pa.DataType) -> bool:
    return bool(_is.is_nested(kind) or _is_text(kind))


#: Whether values of Arrow's type can be a column's, without reading one for another.
_FITS: dict[str, Callable[[pa.DataType], bool]] = {
    "text": _is_text,
    "bigint": _is.is_integer,
    "double": lambda kind: _is.is_floating(kind) or _is.is_integer(kind) or _is.is_decimal(kind),
    "bool": _is.is_boolean,
    "timestamp": _is.is_timestamp,
    "date": _is.is_date,
    "time": _is.is_time,
    "decimal": lambda kind: _is.is_decimal(kind) or _is.is_integer(kind),
    "json": _is_nested,
}


def read_parquet(key: str, content: bytes, declared: Declared) -> ReadRows:
    """Read one file; raises `UnreadableFile` naming file and column, and `ContractBroken`."""
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(key, f"not a Parquet file: {error}") from error
    return read_table(key, table, declared)


def read_table(place: str, table: pa.Table, declared: Declared) -> ReadRows:
    """The declared columns of a table; raises `UnreadableFile` and `ContractBroken`."""
    return fitted(
        place, declared, table.column_names, lambda column: _column(place, table, column, declared.strict), len(table)
    )


def _column(place: str, table: pa.Table, column: ColumnSpec, strict: bool) -> tuple[pa.ChunkedArray, int]:
    values = table[column.name]
    if _is.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if _is.is_null(values.type) or _FITS[column.type](values.type):
        try:
            return _converted(values, column), 0
        except pa.ArrowInvalid:
            return one_by_one(place, column, values.to_pylist(), lambda value: _one(values.type, value, column), strict)
    if strict:
        raise UnreadableFile(place, f"column `{column.name}` is declared {column.type}, and is {values.type} there")
    wrong = len(values) - values.null_count
    return pa.chunked_array([pa.nulls(len(values), ARROW_TYPES[column.type])]), wrong


def _one(kind: pa.DataType, value: object, column: ColumnSpec) -> object:
    return _converted(pa.chunked_array([pa.array([value], kind)]), column)[0].as_py()


def _converted(values: pa.ChunkedArray, column: ColumnSpec) -> pa.ChunkedArray:
    """As the column's type, nothing lost; a moment without a zone is taken as UTC."""
    wanted = ARROW_TYPES[column.type]
    if _is.is_timestamp(values.type) and values.type.tz is None and column.type == "timestamp":
        return pc.assume_timezone(values.cast(pa.timestamp("us")), "UTC")
    if column.type == "json" and _is.is_nested(values.type):
        found = [None if value is None else json.dumps(value, default=str) for value in values.to_pylist()]
        return pa.chunked_array([pa.array(found, wanted)])
    return values.cast(wanted)
