"""What the asset's file says of a table's rows, looked at in the target right after a load: one query, and one for
each key.

Which checks there are and what a figure means is `runtimes/checks.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from buildkit_dagster.runtimes.checks import (
    Finding,
    duplicates_in,
    finding_of_age,
    finding_of_duplicates,
    finding_of_nulls,
    finding_of_volume,
)
from buildkit_dagster.runtimes.entrypoints.warehouse import WarehouseTable
from buildkit_dagster.runtimes.ingest import IngestRequest


def findings(request: IngestRequest, table: WarehouseTable, rows: int) -> Iterator[Finding]:
    """The result of each check of the table, which has `rows` rows."""
    checks = request.checks
    if checks.required:
        counted = ", ".join(f"count({table.escaped(column)})" for column in checks.required)
        [filled] = table.query(f"SELECT {counted} FROM {{table}}", checks.required)
        yield finding_of_nulls({c: rows - int(count) for c, count in zip(checks.required, filled, strict=True)})
    for name, columns in duplicates_in(checks).items():
        yield finding_of_duplicates(name, *_distinct(table, columns))
    if checks.freshness:
        newest = table.newest_rows
        yield finding_of_age(checks.freshness, None if newest is None else time.time() - newest)
    if checks.volume:
        yield finding_of_volume(checks.volume, rows)


def _distinct(table: WarehouseTable, columns: tuple[str, ...]) -> tuple[int, int]:
    """Rows that have all of the columns, and how many different ones there are."""
    names = [table.escaped(column) for column in columns]
    grouped = (
        f"SELECT count(*) AS n FROM {{table}} WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)} "
        f"GROUP BY {', '.join(names)}"
    )
    [(rows, distinct)] = table.query(f"SELECT coalesce(sum(n), 0), count(*) FROM ({grouped}) AS grouped", columns)
    return int(rows), int(distinct)
