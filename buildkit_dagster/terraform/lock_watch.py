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
from buildkit_dagster.terraform.locks import Lock, is_newer, read_s3_lock, s3_clock
from buildkit_dagster.terraform.rendered_root import S3Backend


class LockWatch:
    """Make it before Terraform starts, `follow` its journal, `look` while it runs, `end` it afterwards."""

    def __init__(self, backend: Backend, s3: Any, run: str) -> None:
        self._backend, self._s3, self._run = backend, s3, run
        self.journal: Journal | None = None
        self._mark: str | None = None
        self.since, self._before = None, None
        if isinstance(backend, S3Backend):
            with contextlib.suppress(Exception):
                self.since, self._before = s3_clock(s3, backend.bucket, backend.key)

    def follow(self, journal: Journal) -> None:
        """This is the journal of the Terraform that was started."""
        self.journal = journal

    def look(self) -> None:
        """One request, until the lock has been seen."""
        journal = self.journal
        if journal is None or journal.lock_id is not None or not isinstance(self._backend, S3Backend):
            return
        with contextlib.suppress(Exception):
            lock = read_s3_lock(self._s3, self._backend.bucket, self._backend.key)
            if lock and lock.who == who() and lock.id != self._before and is_newer(lock, journal):
                self.journal = journal.with_lock(lock.id)
                self._mark = write_holder(self._backend, self._s3, self._holder(self.journal, lock))

    def end(self) -> None:
        """Terraform has ended: nobody is told of it as a holder any more."""
        if self._mark is not None and isinstance(self._backend, S3Backend):
            with contextlib.suppress(Exception):
                remove_holder(self._backend, self._s3, self._mark)

    def _holder(self, journal: Journal, lock: Lock) -> Holder:
        user, _, host = journal.who.partition("@")
        return Holder(lock.id, self._run, host, user, journal.pid, journal.started)
