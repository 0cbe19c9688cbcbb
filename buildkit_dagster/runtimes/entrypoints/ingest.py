"""What the container of an ingest job runs: `python -m buildkit_dagster.runtimes.entrypoints.ingest`.

Takes its request from the Pipes session, loads the objects that are new and reports the table, its rows and its
schema as an asset event. Exit codes: 0 done, 1 failed, 143 stopped. Reading CSV is `csv_files.py`'s, dlt and the
warehouse are `warehouse.py`'s, the choice of objects is `runtimes/ingest.py`'s.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import boto3
import botocore.exceptions
import pyarrow as pa
from botocore.config import Config
from dagster_pipes import (
    PipesContext,
    PipesContextLoader,
    PipesDefaultContextLoader,
    PipesDefaultMessageWriter,
    PipesEnvVarParamsLoader,
    PipesMessageWriter,
    PipesS3ContextLoader,
    PipesS3MessageWriter,
    open_dagster_pipes,
)

from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.errors import BuildkitError, NoPipesSession, ObjectChanged
from buildkit_dagster.runtimes.entrypoints.csv_files import arrow_schema, read_csv
from buildkit_dagster.runtimes.entrypoints.warehouse import Load, WarehouseTable
from buildkit_dagster.runtimes.ingest import IngestRequest, LoadPlan, StoredObject, data_version, plan_load

log = logging.getLogger("ingest")

STOPPED = 128 + signal.SIGTERM


class Stopped(BaseException):
    """The task was asked to end and is at a point where nothing is half done."""


class StopSignal:
    """Remembers SIGTERM and SIGINT; `check` raises `Stopped` at the next safe point."""

    def __init__(self) -> None:
        self._received = False
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    def check(self) -> None:
        if self._received:
            raise Stopped

    def _receive(self, _signum: int, _frame: FrameType | None) -> None:
        self._received = True


@dataclass
class Reading:
    """What reading the files showed, gathered while dlt pulls their rows."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0
    undeclared: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


def main() -> int:
    """Run the job of this process's Pipes session; returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    for name, value in {**NO_TELEMETRY, "RUNTIME__LOG_LEVEL": "ERROR", "RUNTIME__INTERCEPT_SIGNALS": "false"}.items():
        os.environ.setdefault(name, value)
    stop = StopSignal()
    s3 = _s3_client()
    try:
        with _open_session(s3) as pipes:
            return _run(pipes, s3, stop.check)
    except NoPipesSession as error:
        log.error("%s", error)
        return 1


def _run(pipes: PipesContext, s3: Any, check: Callable[[], None]) -> int:
    try:
        ingest(pipes, IngestRequest.from_extras(pipes.extras["request"]), s3, check)
    except BuildkitError as error:
        log.error("%s", error)
        pipes.report_custom_message({"error": str(error), "retryable": error.retryable})
        return 1
    except Stopped:
        log.warning("stopped before the load: nothing was changed")
        return STOPPED
    return 0


def ingest(pipes: PipesContext, request: IngestRequest, s3: Any, check: Callable[[], None]) -> None:
    """Load what is new and report it; raises a `RuntimeFailure` that names the file, or `Stopped`."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        table = WarehouseTable(request, Path(folder))
        present = list(_list_objects(s3, request))
        plan = plan_load(request, present, table.loaded)
        reading = Reading()
        rows = _read(s3, request, plan, reading, check)
        load = table.load(rows, plan.state, check) if plan.load or not table.exists else None
        _announce(request, present, plan, reading)
        _report(pipes, request, table, plan, reading, load, time.monotonic() - started)


def _read(
    s3: Any, request: IngestRequest, plan: LoadPlan, reading: Reading, check: Callable[[], None]
) -> Iterator[tuple[str | None, pa.Table]]:
    """The rows of each object to load with their partition, file by file; `check` is asked before each.

    Begins with no rows at all: a table without objects is made from its declaration.
    """
    nowhere = "" if request.pattern.partition else None
    yield nowhere, arrow_schema(request.columns).empty_table()
    for partition, members in plan.load.items():
        for item in members:
            check()
            content, version = _download(s3, request.bucket, item)
            file = read_csv(item.key, content, request.columns, request.null_values)
            reading.bytes += len(content)
            reading.rows += file.table.num_rows
            reading.undeclared.update(file.undeclared)
            reading.absent.update(file.absent)
            reading.objects.append(
                {"key": item.key, "version": version, "etag": item.etag, "rows": file.table.num_rows}
            )
            log.info("read s3://%s/%s: %d rows, %d bytes", request.bucket, item.key, file.table.num_rows, len(content))
            yield partition, file.table


def _list_objects(s3: Any, request: IngestRequest) -> Iterator[StoredObject]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=request.bucket, Prefix=request.pattern.prefix)
    for item in (item for page in pages for item in page.get("Contents", ())):
        if request.pattern.matches(item["Key"]):
            yield StoredObject(item["Key"], item["ETag"].strip('"'), item["Size"])


def _download(s3: Any, bucket: str, item: StoredObject) -> tuple[bytes, str]:
    """Content and version id of exactly the object that was listed."""
    try:
        response = s3.get_object(Bucket=bucket, Key=item.key, IfMatch=item.etag)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "NoSuchKey", "412"):
            raise ObjectChanged(bucket, item.key) from None
        raise
    return response["Body"].read(), response.get("VersionId", "")


def _announce(request: IngestRequest, present: list[StoredObject], plan: LoadPlan, reading: Reading) -> None:
    name = f"{request.dataset}.{request.table}"
    if not present:
        log.info(
            "no object at s3://%s/%s: %s stays as it is, or is made empty", request.bucket, request.pattern.path, name
        )
    elif not plan.load:
        log.info("nothing new: %s holds all %d objects already", name, len(present))
    else:
        log.info("loaded %d rows from %d objects into %s", reading.rows, len(reading.objects), name)
    for column in sorted(reading.undeclared):
        log.warning("column `%s` is not declared in the table's entry in config/assets and was not loaded", column)
    for column in sorted(reading.absent):
        log.warning("column `%s` is declared and missing from a file: it is null there", column)


def _report(
    pipes: PipesContext,
    request: IngestRequest,
    table: WarehouseTable,
    plan: LoadPlan,
    reading: Reading,
    load: Load | None,
    seconds: float,
) -> None:
    """The asset event, and for a partitioned table what each partition holds now."""
    changes = {"loaded": dict(load.schema_changes) if load else {}, "undeclared": sorted(reading.undeclared)}
    metadata: dict[str, Any] = {
        "dagster/row_count": table.count(),
        "dagster/table_name": f"{request.dataset}.{request.table}",
        "dagster/column_schema": {"type": "table_schema", "raw_value": _column_schema(request)},
        "rows_loaded": reading.rows,
        "bytes_read": reading.bytes,
        "objects": {"type": "json", "raw_value": reading.objects},
        "schema_changes": {"type": "json", "raw_value": {**changes, "absent": sorted(reading.absent)}},
        "load_package": load.package if load else "",
        "seconds": round(seconds, 2),
    }
    if request.pattern.partition:
        pipes.report_custom_message({"partitions": _partitions(request, table, plan)})
    pipes.report_asset_materialization(metadata, data_version(plan.state, request, request.partitions))


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


def _column_schema(request: IngestRequest) -> dict[str, Any]:
    columns = [
        {"name": c.name, "type": c.type, "description": c.description, "constraints": {"nullable": not c.required}}
        for c in request.columns
    ]
    return {"columns": columns}


def _open_session(s3: Any) -> PipesContext:
    """The session Dagster prepared: in S3 for a container, in files for a local process."""
    params = PipesEnvVarParamsLoader()
    if not params.is_dagster_pipes_process():
        raise NoPipesSession
    loader: PipesContextLoader = PipesDefaultContextLoader()
    writer: PipesMessageWriter[Any] = PipesDefaultMessageWriter()
    if "bucket" in params.load_context_params():
        loader = PipesS3ContextLoader(client=s3)
    if "bucket" in params.load_messages_params():
        writer = PipesS3MessageWriter(client=s3, interval=1)
    return open_dagster_pipes(context_loader=loader, message_writer=writer, params_loader=params)


def _s3_client() -> Any:
    """Path-style where an endpoint is set, which is the emulator's way."""
    style: Literal["path", "auto"] = "path" if os.environ.get("AWS_ENDPOINT_URL") else "auto"
    config = Config(s3={"addressing_style": style}, retries={"mode": "standard", "max_attempts": 5})
    return boto3.client("s3", config=config)


if __name__ == "__main__":
    sys.exit(main())
