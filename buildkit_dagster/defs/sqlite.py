"""Dagster's SQLite files, held open: while an op writes many events, and while an instance is used.

Dagster opens them anew for each event. Whenever nobody has one open any more, SQLite copies its write-ahead log back
and removes it (https://www.sqlite.org/wal.html#ckpt), which costs more than the event. Which events there are is the
op's business; other storages are left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME


@contextmanager
def held_open(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Have a reader of the run's file and of the index of all runs for as long as the block lasts."""
    storage = instance.event_log_storage
    files: list[Path] = []
    if isinstance(storage, SqliteEventLogStorage):
        files = [Path(storage.path_for_shard(shard)) for shard in (run_id, INDEX_SHARD_NAME)]
    with _read(files):
        yield


@contextmanager
def runs_held_open(home: Path) -> Iterator[None]:
    """Have a reader of the files that all processes of `home` share, of runs and of ticks, as long as the block lasts.

    Whoever opens one while its log is being removed has to wait, and Dagster waits for these two no longer than five
    seconds: a slow disk made it fail with "database is locked".
    """
    files = (home / "history" / "runs.db", home / "schedules" / "schedules.db")
    with _read([file for file in files if file.exists()]):
        yield


@contextmanager
def _read(files: Iterable[Path]) -> Iterator[None]:
    with ExitStack() as readers:
        for file in files:
            address = f"{file.resolve().as_uri()}?mode=ro"
            reader = readers.enter_context(closing(sqlite3.connect(address, uri=True)))
            reader.execute("SELECT 1 FROM sqlite_master").fetchall()
        yield
