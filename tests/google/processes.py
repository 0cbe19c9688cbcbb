"""A container as a local process: its output goes line by line to a listener, it can be stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

#: Seconds between SIGTERM and SIGKILL: https://cloud.google.com/run/docs/container-contract, "job termination".
GRACE = 10.0


class Container:
    """A process in a session of its own; `wait` returns its exit code, negative for a signal."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str], line: Callable[[str], None], stdin: bytes = b""
    ) -> None:
        argv = [sys.executable if part == "python" else part for part in command]
        self._popen = subprocess.Popen(
            argv,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(line,), daemon=True)
        self._reader.start()
        assert self._popen.stdin
        self._popen.stdin.write(stdin)
        self._popen.stdin.close()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def _read(self, line: Callable[[str], None]) -> None:
        assert self._popen.stdout
        for text in self._popen.stdout:
            line(text.decode(errors="replace").rstrip("\n"))

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises `subprocess.TimeoutExpired`. All of its output has been read, and no child is left."""
        code = self._popen.wait(timeout)
        self.signal(signal.SIGKILL)
        self._reader.join(5)
        return code

    def stop(self, grace: float = GRACE) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds."""
        self.signal(signal.SIGTERM)
        try:
            self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)

    def signal(self, signum: int) -> None:
        """To the whole group."""
        try:
            os.killpg(self._popen.pid, signum)
        except ProcessLookupError:
            return
