"""Finds out, while our Terraform runs, which lock it took, and records that: in the journal, and beside the state.

It is made before Terraform starts, because it asks the store what time it is and who holds the lock already. What it
cannot find out it leaves: where the store fails, Terraform itself says so. What is done about a lock is `locks.py` and
`recovery.py`.
"""

from __future__ import annotations

import contextlib
from typing import Any

from buildkit_dagster.terraform.backends import Backend
from buildkit_dagster.terraform.holders import Holder, remove_holder, write_holder
from buildkit_dagster.terraform.journal import Journal, who
from buildkit_dagster.terraform.locks import Lock, is_newer, read_locks, read_table_lock, s3_clock
from buildkit_dagster.terraform.rendered_root import S3Backend


class LockWatch:
    """Make it before Terraform starts, `follow` its journal, `look` while it runs, `end` it afterwards."""

    def __init__(self, backend: Backend, s3: Any, dynamodb: Any, run: str) -> None:
        self._backend, self._s3, self._dynamodb, self._run = backend, s3, dynamodb, run
        self.journal: Journal | None = None
        self._mark: str | None = None
        self.since: str | None = None
        self._before: set[str | None] = set()
        if isinstance(backend, S3Backend):
            with contextlib.suppress(Exception):
                self.since, in_bucket = s3_clock(s3, backend.bucket, backend.key)
                in_table = read_table_lock(backend, dynamodb)
                self._before = {in_bucket, in_table.id if in_table else None}

    def follow(self, journal: Journal) -> None:
        """This is the journal of the Terraform that was started."""
        self.journal = journal

    def look(self) -> None:
        """A request for each place where Terraform locks, until the lock has been seen."""
        journal = self.journal
        if journal is None or journal.lock_id is not None or not isinstance(self._backend, S3Backend):
            return
        with contextlib.suppress(Exception):
            locks = read_locks(self._backend, self._s3, self._dynamodb)
            lock = next((lock for lock in locks if self._is_ours(lock, journal)), None)
            if lock is not None:
                self.journal = journal.with_lock(lock.id)
                self._mark = write_holder(self._backend, self._s3, self._holder(self.journal, lock))

    def end(self) -> None:
        """Terraform has ended: nobody is told of it as a holder any more."""
        if self._mark is not None and isinstance(self._backend, S3Backend):
            with contextlib.suppress(Exception):
                remove_holder(self._backend, self._s3, self._mark)

    def _is_ours(self, lock: Lock, journal: Journal) -> bool:
        return lock.who == who() and lock.id not in self._before and is_newer(lock, journal)

    def _holder(self, journal: Journal, lock: Lock) -> Holder:
        user, _, host = journal.who.partition("@")
        return Holder(lock.id, self._run, host, user, journal.pid, journal.started)
