"""What the container of an ingest job runs: `python -m buildkit_dagster.runtimes.entrypoints.ingest`.

Takes its request from the Pipes session, loads what is new and has it reported. Exit codes: 0 done, 1 failed, 143
stopped. Reading objects is `files.py`'s, dlt and the target are `warehouse.py`'s, the asset event is `report.py`'s.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from dagster_pipes import (
    PipesContext,
    PipesContextLoader,
    PipesDefaultContextLoader,
    PipesDefaultMessageWriter,
    PipesEnvVarParamsLoader,
    PipesMessageWriter,
    PipesParamsLoader,
    PipesS3ContextLoader,
    PipesS3MessageWriter,
)

from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.errors import BuildkitError, NoPipesSession
from buildkit_dagster.runtimes.entrypoints.columns import Declared
from buildkit_dagster.runtimes.entrypoints.files import bucket_of, present_objects, read_objects, s3_client
from buildkit_dagster.runtimes.entrypoints.google_session import open_google_session
from buildkit_dagster.runtimes.entrypoints.reading import Reading
from buildkit_dagster.runtimes.entrypoints.report import Outcome, report
from buildkit_dagster.runtimes.entrypoints.secrets import fetch_secrets
from buildkit_dagster.runtimes.entrypoints.warehouse import WarehouseTable
from buildkit_dagster.runtimes.ingest import Files, IngestRequest, digest
from buildkit_dagster.runtimes.loads import data_version, plan_load

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


def main() -> int:
    """Run the job of this process's Pipes session; returns the exit code."""
    return run_session(PipesEnvVarParamsLoader(), StopSignal().check)


def run_session(params: PipesParamsLoader, checkpoint: Callable[[], None]) -> int:
    """Run the job of a Pipes session; its exit code. `checkpoint` is asked wherever the work can still be dropped."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    for name, value in {**NO_TELEMETRY, "RUNTIME__LOG_LEVEL": "ERROR", "RUNTIME__INTERCEPT_SIGNALS": "false"}.items():
        os.environ.setdefault(name, value)
    s3 = s3_client()
    try:
        with _open_session(params, s3) as pipes:
            return _run(pipes, s3, checkpoint)
    except NoPipesSession as error:
        log.error("%s", error)
        return 1


def _run(pipes: PipesContext, s3: Any, checkpoint: Callable[[], None]) -> int:
    request = IngestRequest.from_extras(pipes.extras["request"])
    log.setLevel(request.log_level)
    try:
        ingest(pipes, request, s3, checkpoint)
    except BuildkitError as error:
        log.error("%s", error)
        pipes.report_custom_message({"error": str(error), "retryable": error.retryable})
        return 1
    except Stopped:
        log.warning("stopped before the load: nothing was changed")
        return STOPPED
    return 0


def ingest(pipes: PipesContext, request: IngestRequest, s3: Any, checkpoint: Callable[[], None]) -> None:
    """Load what is new and report it; raises a `RuntimeFailure` that names the place, or `Stopped`.

    `s3` is a client for files that lie there; `checkpoint` is called wherever the work can still be dropped, and may
    raise.
    """
    fetch_secrets(request.secrets)
    declared = Declared(request.columns, request.contract, _null_values(request))
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(WarehouseTable(request, Path(folder), checkpoint)) as table,
    ):
        if isinstance(request.source, Files):
            outcome = _load_files(request, table, declared, s3, checkpoint)
        else:
            outcome = _load_source(request, table, declared)
        report(pipes, request, table, outcome)


def _load_files(
    request: IngestRequest, table: WarehouseTable, declared: Declared, s3: Any, checkpoint: Callable[[], None]
) -> Outcome:
    assert isinstance(request.source, Files), request.source
    started, reading = time.monotonic(), Reading()
    bucket = bucket_of(request.source, s3)
    present = present_objects(request.source, bucket)
    plan = plan_load(request, present, table.loaded)
    tables = read_objects(request.source, bucket, plan, declared, reading, checkpoint)
    load = table.load_files(tables, plan.state) if plan.load or not table.exists else None
    name = f"{request.dataset}.{request.table}"
    if not present:
        log.info(
            "no object at %s/%s: %s stays as it is, or is made empty", bucket.url, request.source.pattern.path, name
        )
    elif not plan.load:
        log.info("nothing new: %s holds all %d objects already", name, len(present))
    else:
        log.info("loaded %d rows from %d objects into %s", reading.rows, len(reading.objects), name)
    return Outcome(reading, load, started, data_version(plan.state, request, request.partitions), plan)


def _load_source(request: IngestRequest, table: WarehouseTable, declared: Declared) -> Outcome:
    started, reading = time.monotonic(), Reading()
    load = table.load_source(declared, reading)
    log.info("loaded %d rows into %s.%s", reading.rows, request.dataset, request.table)
    # A load without rows leaves what is downstream fresh.
    return Outcome(reading, load, started, digest(f"{request.declaration}/{table.newest_rows}"))


def _null_values(request: IngestRequest) -> tuple[str, ...]:
    return request.source.null_values if isinstance(request.source, Files) else ()


def _open_session(params: PipesParamsLoader, s3: Any) -> PipesContext:
    """The session Dagster prepared: in a bucket for a container, in files for a local process."""
    if not params.is_dagster_pipes_process():
        raise NoPipesSession
    loader: PipesContextLoader = PipesDefaultContextLoader()
    writer: PipesMessageWriter[Any] = PipesDefaultMessageWriter()
    if params.load_messages_params().get("scheme") == "gs":
        return open_google_session(params)
    if "bucket" in params.load_context_params():
        loader = PipesS3ContextLoader(client=s3)
    if "bucket" in params.load_messages_params():
        writer = PipesS3MessageWriter(client=s3, interval=1)
    # Not through `open_dagster_pipes`: it keeps the first session of a process for good, and functions have several.
    return PipesContext(params, loader, writer)


if __name__ == "__main__":
    sys.exit(main())
