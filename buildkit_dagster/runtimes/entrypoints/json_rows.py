"""Rows as JSON has them, from files or from a source of dlt, to an Arrow table of declared columns.

JSON has no columns: a key that a row leaves out is null, and only a required one is missed. Moments, days, times and
decimals are text there; values below a key go into a column of type `json` as they are. Also takes Python's own values
of those types. What does not fit is decided in `columns.py`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from buildkit_dagster.errors import UnreadableFile
from buildkit_dagster.runtimes.entrypoints.columns import ARROW_TYPES, Declared, ReadRows, fitted, one_by_one
from buildkit_dagster.runtimes.ingest import ColumnSpec


def read_jsonl(key: str, content: bytes, declared: Declared) -> ReadRows:
    """Read one file, an object a line; raises `UnreadableFile` naming file, line or column, and `ContractBroken`."""
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableFile(key, f"line {number} is not JSON: {error}") from error
        if not isinstance(row, Mapping):
            raise UnreadableFile(key, f"line {number} is not a JSON object")
        rows.append(row)
    return read_rows(key, rows, declared)


def read_rows(place: str, rows: Sequence[Mapping[str, Any]], declared: Declared) -> ReadRows:
    """The rows as a table; raises `UnreadableFile` and `ContractBroken`."""
    names = list(dict.fromkeys(name for row in rows for name in row))

    def column_of(column: ColumnSpec) -> tuple[pa.ChunkedArray, int]:
        values, convert = [row.get(column.name) for row in rows], _CONVERSIONS[column.type]
        try:
            found = [None if value is None else convert(value) for value in values]
            return pa.chunked_array([pa.array(found, ARROW_TYPES[column.type])]), 0
        except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
            return one_by_one(place, column, values, convert, declared.strict)

    return fitted(place, declared, names, column_of, len(rows), missing_is_null=True)


def _of(*types: type) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        # In Python a boolean is a number.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError
        return value

    return same


def _text(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    return str(_of(str)(value))


def _moment(value: Any) -> datetime.datetime:
    """ISO 8601, or a moment; without a zone it is taken as UTC."""
    if isinstance(value, str):
        # Python 3.11 reads a fraction of three or six digits only.
        value = datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    if not isinstance(value, datetime.datetime):
        raise TypeError
    return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)


def _day(value: Any) -> datetime.date:
    if isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise TypeError
    return value


def _time(value: Any) -> datetime.time:
    return datetime.time.fromisoformat(value) if isinstance(value, str) else _of(datetime.time)(value)


def _decimal(value: Any) -> Decimal:
    return Decimal(str(_of(int, float, str, Decimal)(value)))


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "bigint": _of(int),
    "double": _of(int, float, Decimal),
    "bool": _of(bool),
    "timestamp": _moment,
    "date": _day,
    "time": _time,
    "decimal": _decimal,
    "json": _json,
}
