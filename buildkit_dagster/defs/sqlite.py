"""Dagster's SQLite files, held open while an op writes many events.

Dagster opens them anew for each event. Whenever nobody has one open any more, SQLite copies its write-ahead log back
and removes it (https://www.sqlite.org/wal.html#ckpt), which costs more than the event. Which events there are is the
op's business; other storages are left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME


@contextmanager
def held_open(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Have a reader of the run's file and of the index of all runs for as long as the block lasts."""
    storage = instance.event_log_storage
    with ExitStack() as readers:
        if isinstance(storage, SqliteEventLogStorage):
            for shard in (run_id, INDEX_SHARD_NAME):
                file = Path(storage.path_for_shard(shard)).resolve().as_uri()
                reader = readers.enter_context(closing(sqlite3.connect(f"{file}?mode=ro", uri=True)))
                reader.execute("SELECT 1 FROM sqlite_master").fetchall()
        yield
