"""dlt's destination for a target, and what is done differently from one to the next.

Settings and credentials reach dlt as variables (`runtimes/targets.py`, `secrets.py`); loading is `warehouse.py`'s.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, Literal

import dlt

from buildkit_dagster.config.target_rules import refusal
from buildkit_dagster.errors import TargetCannot, WarehouseDriverMissing
from buildkit_dagster.runtimes.ingest import IngestRequest, Rows
from buildkit_dagster.runtimes.targets import Target

#: The module each target needs beyond dlt itself.
_DRIVERS = {
    "duckdb": "duckdb",
    "postgres": "psycopg2",
    "files": "s3fs",
    "iceberg": "pyiceberg",
    "athena": "pyathena",
    "redshift": "psycopg2",
    "snowflake": "snowflake",
    "bigquery": "google.cloud.bigquery",
}

#: Rows that are replaced stay until all new ones have arrived, then both change places in one transaction.
_REPLACE_STRATEGY = "insert-from-staging"

#: Where deleting and inserting is one transaction: dlt 1.31 makes it one only when told that there are transactions.
_TRANSACTIONAL = ("duckdb", "redshift", "snowflake")

#: Where a load goes to a bucket and no database answers.
IN_A_BUCKET = ("files", "iceberg")

Writing = Literal["replace", "partitions", "merge", "append"]


def writing_of(request: IngestRequest) -> Writing:
    """How rows come into the table; raises `TargetCannot` where the target has no way to.

    Without a cursor the whole table is replaced, by partition only the partitions read. With a cursor new rows replace
    those of the same key, and are added where there is no key.
    """
    incremental = request.source.reads.incremental if isinstance(request.source, Rows) else None
    refused = refusal(request.target.type, request.partitioned, incremental, bool(request.primary_key))
    if refused:
        raise TargetCannot(refused.why, refused.fix)
    if request.partitioned:
        return "partitions"
    if incremental is None:
        return "replace"
    # Plain files know no keys.
    return "merge" if request.primary_key and request.target.type != "files" else "append"


def hints_of(request: IngestRequest, writing: Writing, partition_column: str) -> dict[str, Any]:
    """How dlt is told of the table."""
    # Redshift knows this strategy only; Iceberg tables in a bucket only the other.
    strategy = "upsert" if request.target.type == "iceberg" else "delete-insert"
    merge = {"disposition": "merge", "strategy": strategy}
    dispositions: dict[str, dict[str, Any]] = {
        "replace": {"write_disposition": "replace"},
        "append": {"write_disposition": "append"},
        "partitions": {"write_disposition": merge, "merge_key": partition_column},
        "merge": {"write_disposition": merge, "primary_key": list(request.primary_key)},
    }
    columns: dict[str, dict[str, Any]] = {c.name: {"data_type": "json"} for c in request.columns if c.type == "json"}
    if writing == "merge" and isinstance(request.source, Rows) and request.source.reads.incremental:
        cursor = request.source.reads.incremental.cursor_path
        if cursor in {column.name for column in request.columns}:
            # Of rows with one key in one load, the one the cursor came to last.
            columns.setdefault(cursor, {})["dedup_sort"] = "desc"
    # Athena deletes from Iceberg tables only, and rows of a load that was cut off have to go too.
    table_format = {"table_format": "iceberg"} if request.target.type in ("iceberg", "athena") else {}
    return {**dispositions[writing], **table_format, "columns": columns}


def destination_of(target: Target) -> Any:
    """dlt's destination. Files and folders are named here, all else comes from the environment."""
    require_driver(target.type, _DRIVERS[target.type])
    if target.type in IN_A_BUCKET:
        # Where the emulator is: not all libraries below dlt look that up themselves.
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            os.environ["DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL"] = endpoint
        return dlt.destinations.filesystem(bucket_url=str(target.path))
    settings: dict[str, Any] = {"replace_strategy": _REPLACE_STRATEGY}
    if target.type in _TRANSACTIONAL:
        settings["supports_transactions"] = True
    if target.path is not None:
        Path(target.path).parent.mkdir(parents=True, exist_ok=True)
        settings["credentials"] = target.path
    return getattr(dlt.destinations, target.type)(**settings)


def file_format_of(target: Target) -> Any:
    """What dlt writes on its way; None is what it prefers for the target."""
    # Copied by the server, where dlt would send rows as statements.
    return "csv" if target.type == "postgres" else target.settings.get("format")


def require_driver(kind: str, module: str) -> None:
    """Raise `WarehouseDriverMissing` unless `module` can be imported."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise WarehouseDriverMissing(kind, module)
