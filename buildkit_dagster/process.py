"""Starting, watching and ending child processes.

Every child of the package is started here: in a session of its own, with an explicit environment, its output in
files. What is run, and how its output is read, belongs to the caller.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO


@dataclass
class Child:
    """A running or ended child process and the files that hold its output."""

    popen: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.popen.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.popen.wait(timeout)

    def ended_within(self, seconds: float) -> bool:
        """Wait; False when it still runs after `seconds`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(max(0.0, seconds))
            return True
        return False

    def signal(self, signum: int) -> None:
        """Signal the leader only; nothing happens when it has ended."""
        if self.popen.poll() is None:
            self.popen.send_signal(signum)

    def end(self, grace: float = 5.0) -> None:
        """SIGTERM to the whole group, SIGKILL after `grace` seconds; reaps the leader."""
        signal_group(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(grace)
        signal_group(self.pid, signal.SIGKILL)
        self.popen.wait()


def start(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: Path,
    stderr: Path | None = None,
) -> Child:
    """Start `argv` in a session of its own; both outputs go to files (mode 0600), stderr with stdout if not named."""
    apart = None if stderr == stdout else stderr
    with _open_private(stdout) as out, _open_private(apart) if apart else contextlib.nullcontext() as err:
        popen = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err or subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(popen, stdout, apart or stdout)


@contextlib.contextmanager
def interrupts_heard_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Give SIGINT and SIGTERM to `handler` meanwhile; the main thread's to call, as Python wants it."""
    before = {signum: signal.signal(signum, handler) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, heard_before in before.items():
            signal.signal(signum, heard_before)


#: What `run` raises when the time is up.
TimedOut = subprocess.TimeoutExpired


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end and return its decoded output; raises `TimedOut`. None of it outlives the call."""
    with subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as popen:
        try:
            stdout, stderr = popen.communicate(timeout=timeout)
        except BaseException:
            signal_group(popen.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(list(argv), popen.returncode, stdout, stderr)


def signal_group(pid: int, signum: int) -> None:
    """Signal the process group led by `pid`, if it still exists."""
    try:
        os.killpg(pid, signum)
    except ProcessLookupError:
        return


def started_at(pid: int) -> str | None:
    """An opaque mark of when `pid` started, None if it does not run; pid and mark name one process for good."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return _started_at_by_ps(pid) if not Path("/proc/self/stat").exists() else None
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else start_ticks


def _started_at_by_ps(pid: int) -> str | None:
    """macOS has no /proc."""
    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def is_alive(pid: int, mark: str | None) -> bool:
    """Whether the process that had this pid and start mark still runs."""
    return mark is not None and started_at(pid) == mark


def wait_until_gone(pid: int, mark: str | None, timeout: float, interval: float = 0.2) -> bool:
    """Wait for a process that need not be our child; False when it still runs after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while is_alive(pid, mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _open_private(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
