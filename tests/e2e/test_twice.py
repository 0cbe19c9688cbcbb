"""A local platform is one session's: whoever starts a second one beside it is refused, and the first goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from buildkit_dagster.commands.init import make_folder
from buildkit_dagster.emulator.settings import STATE_FILE

DEMO = [sys.executable, "-c", "from buildkit_dagster.cli import main; main()", "demo", "--env", "dev"]
PATIENCE = 400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_folder(tmp_path / "platform")
    return tmp_path / "platform"


@contextmanager
def demo(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A demo in a process of its own, ended as by Ctrl-C on leaving."""
    variables = {name: os.environ[name] for name in ("PATH", "BUILDKIT_PROVIDER_MIRROR") if name in os.environ}
    environment = {**variables, "HOME": str(folder.parent), "TERM": "dumb"}
    with log.open("wb") as file, subprocess.Popen(DEMO, cwd=folder, env=environment, stdout=file, stderr=file) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.send_signal(signal.SIGCONT)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.thorough
def test_beside_a_demo_another_is_refused_and_it_goes_on(folder: Path, tmp_path: Path) -> None:
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    with ExitStack() as stack:
        demos = [stack.enter_context(demo(folder, log)) for log in logs]
        until(lambda: any(each.poll() is not None for each in demos))
        (second,) = (index for index, each in enumerate(demos) if each.poll() is not None)
        first = 1 - second

        def launched() -> bool:
            assert demos[first].poll() is None, logs[first].read_text()
            return "Launched infrastructure" in logs[first].read_text()

        until(launched)
        # Without its emulator nothing in the folder but the lock says that the first one runs.
        # It is stopped meanwhile: it would end by itself once it misses it.
        demos[first].send_signal(signal.SIGSTOP)
        emulator = json.loads((folder / ".buildkit" / "dev" / STATE_FILE).read_text())
        os.kill(emulator["pid"], signal.SIGKILL)
        with demo(folder, tmp_path / "three.log") as third:
            assert third.wait(PATIENCE) == 1
        assert demos[first].poll() is None
    assert demos[second].returncode == 1
    assert demos[first].returncode == 130
    for refused in (logs[second], tmp_path / "three.log"):
        assert refused.read_text() == (
            f"buildkit: `buildkit demo` or `buildkit dev` runs in {folder} already, with dev's emulator and Dagster "
            "home; wait for its end, or end it with Ctrl-C where it was started\n"
        )
