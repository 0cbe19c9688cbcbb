"""One writer at a time for a table, where the target can say so; the claim ends with its process, however that ends.

Two loads of one table would share dlt's staging tables, and one would take the rows of the other for those of a load
that was cut off.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb

from buildkit_dagster.errors import WarehouseBusy

log = logging.getLogger("ingest")

_PAUSE = 0.5


def claim_duckdb(held: ExitStack, path: Path, wait: float, checkpoint: Callable[[], None]) -> None:
    """Open the file as soon as nobody else has it, and keep it; DuckDB lets one process write at a time."""
    held.enter_context(_await(lambda: _opened(path), str(path), wait, checkpoint))


def claim_postgres(held: ExitStack, client: Any, table: str, wait: float, checkpoint: Callable[[], None]) -> None:
    """An advisory lock of the table's own in a session of its own."""
    held.enter_context(client)
    statement = "SELECT pg_try_advisory_lock(hashtext(%s))"
    _await(lambda: client.execute_sql(statement, table)[0][0] or None, table, wait, checkpoint)


def _await(take: Callable[[], Any], what: str, wait: float, checkpoint: Callable[[], None]) -> Any:
    """What `take` gives as soon as it is something; `WarehouseBusy` after `wait` seconds, or `checkpoint`'s error."""
    started, told, reason = time.monotonic(), False, "another load of this table holds it"
    while True:
        try:
            if (taken := take()) is not None:
                return taken
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            reason = str(error).splitlines()[0]
        if time.monotonic() - started > wait:
            raise WarehouseBusy(what, wait, reason)
        if not told:
            log.info("waiting at most %d s for another writer of %s", wait, what)
            told = True
        checkpoint()
        time.sleep(_PAUSE)


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path))
