"""What a load tells Dagster, through Pipes: the table's asset event, its partitions, its checks.

Loading is `ingest.py`'s; what Dagster makes of it is `defs/ingest.py`'s.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from dagster_pipes import PipesContext

from buildkit_dagster.runtimes.entrypoints.quality import findings
from buildkit_dagster.runtimes.entrypoints.reading import Reading
from buildkit_dagster.runtimes.entrypoints.warehouse import Load, WarehouseTable
from buildkit_dagster.runtimes.ingest import IngestRequest
from buildkit_dagster.runtimes.loads import LoadPlan, data_version

log = logging.getLogger("ingest")


@dataclass(frozen=True)
class Outcome:
    """What was read, and loaded (None: nothing was new), since when; `plan` is that of objects."""

    reading: Reading
    load: Load | None
    started: float
    data_version: str
    plan: LoadPlan | None = None


def report(pipes: PipesContext, request: IngestRequest, table: WarehouseTable, outcome: Outcome) -> None:
    """The asset event, for a partitioned table what each partition holds now, and the result of each check."""
    rows, seconds = table.count(), time.monotonic() - outcome.started
    for line in outcome.reading.differences():
        log.warning("%s", line)
    if request.partitioned and outcome.plan:
        pipes.report_custom_message({"partitions": _partitions(request, table, outcome.plan)})
    metadata = {**_table(request, rows), **_loaded(table, outcome), "seconds": round(seconds, 2)}
    pipes.report_asset_materialization(metadata, outcome.data_version)
    for finding in findings(request, table, rows):
        told: Any = {key: _json(value) if isinstance(value, dict) else value for key, value in finding.metadata.items()}
        pipes.report_asset_check(finding.name, finding.passed, finding.severity, metadata=told)


def _json(value: Any) -> dict[str, Any]:
    return {"type": "json", "raw_value": value}


def _table(request: IngestRequest, rows: int) -> dict[str, Any]:
    columns = [
        {"name": c.name, "type": c.type, "description": c.description, "constraints": {"nullable": not c.required}}
        for c in request.columns
    ]
    return {
        "dagster/row_count": rows,
        "dagster/table_name": f"{request.dataset}.{request.table}",
        "dagster/column_schema": {"type": "table_schema", "raw_value": {"columns": columns}},
    }


def _loaded(table: WarehouseTable, outcome: Outcome) -> dict[str, Any]:
    reading, load = outcome.reading, outcome.load
    changes = {
        "loaded": dict(load.schema_changes) if load else {},
        "undeclared": sorted(reading.undeclared),
        "absent": sorted(reading.absent),
        "misfits": dict(reading.misfits),
    }
    found = {
        "rows_loaded": reading.rows,
        "schema_changes": _json(changes),
        "load_package": load.package if load else "",
    }
    if outcome.plan:
        return {**found, "bytes_read": reading.bytes, "objects": _json(reading.objects)}
    return {**found, "cursor": str(table.cursor)} if table.cursor is not None else found


def _partitions(request: IngestRequest, table: WarehouseTable, plan: LoadPlan) -> dict[str, dict[str, Any]]:
    """Every partition in the bucket: its rows, its data version, whether this run loaded it."""
    rows = table.count_by_partition()
    return {
        partition: {
            "rows": rows.get(partition, 0),
            "data_version": data_version(plan.state, request, [partition]),
            "loaded": partition in plan.load,
        }
        for partition in sorted(name for name in (*plan.load, *plan.unchanged) if name is not None)
    }
