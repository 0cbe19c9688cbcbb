"""Arrow tables of declared columns, and what becomes of rows that do not fit them.

`strict`: a value of another type, an empty required one, an undeclared or a missing column is an error that names it.
`warn`: rows are loaded without what does not fit, and that is told. Types are declared because inference goes file by
file and disagrees with itself wherever a column holds `NA`. Bytes become tables in `csv_files.py`, `json_rows.py` and
`arrow_tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from buildkit_dagster.errors import ContractBroken, UnreadableFile
from buildkit_dagster.runtimes.ingest import ColumnSpec, Contract

#: Arrow's type for each of dlt's. JSON arrives as text, the warehouse converts it.
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
class Declared:
    """The columns a table has, and how strictly rows are held to them."""

    columns: tuple[ColumnSpec, ...]
    contract: Contract = "strict"
    null_values: tuple[str, ...] = ()

    @property
    def strict(self) -> bool:
        return self.contract == "strict"

    @property
    def schema(self) -> pa.Schema:
        """All may be null there: what is required is checked here, warehouses cannot add such columns."""
        return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in self.columns])


@dataclass(frozen=True)
class ReadRows:
    """Rows in the declared columns' order, the columns only one side knows, and columns -> values that were no such."""

    table: pa.Table
    undeclared: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    misfits: dict[str, int] = field(default_factory=dict)


def fitted(
    place: str,
    declared: Declared,
    names: Sequence[str],
    column_of: Callable[[ColumnSpec], tuple[pa.ChunkedArray, int]],
    rows: int,
    missing_is_null: bool = False,
) -> ReadRows:
    """The declared columns of something that has columns called `names` and `rows` rows.

    `column_of` gives a column that is there, and how many of its values did not fit and are null instead. `place` is
    what errors name. Raises `ContractBroken` and `UnreadableFile`.
    """
    known = {column.name for column in declared.columns}
    undeclared = tuple(dict.fromkeys(name for name in names if name not in known))
    absent = tuple(column.name for column in declared.columns if column.name not in names)
    if declared.strict and (undeclared or (absent and not missing_is_null)):
        raise ContractBroken(place, undeclared, () if missing_is_null else absent)
    arrays, misfits = [], {}
    for column in declared.columns:
        if column.name in absent:
            arrays.append(pa.chunked_array([pa.nulls(rows, ARROW_TYPES[column.type])]))
            continue
        values, wrong = column_of(column)
        arrays.append(values)
        if wrong:
            misfits[column.name] = wrong
    if declared.strict:
        _check_required(place, declared.columns, arrays)
    return ReadRows(pa.table(arrays, schema=declared.schema), undeclared, absent, misfits)


def one_by_one(
    place: str, column: ColumnSpec, values: Sequence[Any], convert: Callable[[Any], Any], strict: bool
) -> tuple[pa.ChunkedArray, int]:
    """Each value converted by itself; one that does not fit is an error that quotes it, or null and counted."""
    found, wrong = [], 0
    for value in values:
        try:
            found.append(None if value is None else pa.scalar(convert(value), ARROW_TYPES[column.type]))
        except (ValueError, TypeError, ArithmeticError, pa.ArrowException) as error:
            if strict:
                raise UnreadableFile(
                    place, f"column `{column.name}` is {column.type}, and {_shown(value)} is not"
                ) from error
            found.append(None)
            wrong += 1
    plain = [None if scalar is None else scalar.as_py() for scalar in found]
    return pa.chunked_array([pa.array(plain, ARROW_TYPES[column.type])]), wrong


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_required(place: str, columns: Sequence[ColumnSpec], arrays: Sequence[pa.ChunkedArray]) -> None:
    for column, values in zip(columns, arrays, strict=True):
        if column.required and values.null_count:
            raise UnreadableFile(place, f"column `{column.name}` is required and empty in {values.null_count} rows")
