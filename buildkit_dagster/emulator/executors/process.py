"""The local processes that stand for builds and tasks: started, listed, and all ended with the emulator.

How one is started, signalled and reaped is the package's `process`; what they run is their executor's business.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from buildkit_dagster import process

_GRACE_AT_END = 2.0


class Processes:
    """Every running local process, by the name of the build or task it is."""

    def __init__(self) -> None:
        self._running: dict[str, process.Child] = {}
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, name: str, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path
    ) -> process.Child:
        """Start `argv` as the leader of a group of its own; raises OSError as `subprocess` does."""
        with self._lock:
            if self._closed:
                raise OSError("the emulator is ending")
            child = process.start(argv, cwd=cwd, env=env, stdout=output)
            self._running[name] = child
            return child

    def ended(self, name: str) -> None:
        """Kill what the leader left behind; to be called once, after the leader ended."""
        with self._lock:
            child = self._running.pop(name, None)
        if child is not None:
            process.signal_group(child.pid, signal.SIGKILL)

    def listing(self) -> list[dict[str, Any]]:
        """Name and pid of each leader."""
        with self._lock:
            return [{"name": name, "pid": child.pid} for name, child in self._running.items()]

    def end_all(self) -> None:
        """End every group; nothing starts afterwards."""
        with self._lock:
            self._closed = True
            children = list(self._running.values())
        for child in children:
            process.signal_group(child.pid, signal.SIGTERM)
        for child in children:
            child.end(_GRACE_AT_END)


def death(code: int) -> str:
    """How a leader ended, for people; `code` is as `Popen.returncode`."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
