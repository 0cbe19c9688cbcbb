"""Being the only process of this machine that does something: files held by locks that the system lets go of.

A holder that is killed holds nothing, so no lock is ever stale. Locks of Terraform's states, which other machines heed
too, are in `terraform/locks.py`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def alone(file: Path, *, otherwise: Exception | None = None) -> Iterator[None]:
    """Hold `file`, which must stay where it is. Where somebody else has it: raise `otherwise`, or wait if None."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        _lock(held, otherwise)
        yield


def _lock(file: IO[str], otherwise: Exception | None) -> None:
    if otherwise is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise otherwise from None
