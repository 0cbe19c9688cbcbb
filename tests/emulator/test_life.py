"""The emulator's own life: it starts in seconds, is found by its file, and ends on its own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import PATIENCE

from buildkit_dagster import process
from buildkit_dagster.emulator.control import (
    EmulatorAlreadyRuns,
    EmulatorCallRefused,
    EmulatorDidNotStart,
    running_emulator,
    start_emulator,
    stop_emulator,
)
from buildkit_dagster.emulator.settings import HostNotLoopback, Settings


def test_it_is_found_by_its_file_until_it_is_stopped(tmp_path: Path) -> None:
    started = start_emulator(state_dir=tmp_path, repositories={}, owner_pid=os.getpid())
    assert running_emulator(tmp_path) == started
    with pytest.raises(EmulatorAlreadyRuns, match=str(started.pid)):
        start_emulator(state_dir=tmp_path, repositories={})
    with pytest.raises(EmulatorCallRefused, match=r"there are: .*GET health"):
        started.call("GET", "nothing")
    stop_emulator(started)
    assert running_emulator(tmp_path) is None
    assert not (tmp_path / "emulator.json").exists()


def test_of_two_that_start_at_once_one_is_there(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        starts = [pool.submit(start_emulator, state_dir=tmp_path, repositories={}, owner_pid=os.getpid()) for _ in "12"]
    (refused,) = (error for error in (start.exception() for start in starts) if error)
    (started,) = (start.result() for start in starts if not start.exception())
    assert isinstance(refused, EmulatorAlreadyRuns)
    assert str(started.pid) in str(refused)
    stop_emulator(started)


def test_it_ends_with_its_lifetime_and_with_its_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    # Long enough to be found at work also on a busy machine.
    brief = start_emulator(state_dir=tmp_path / "brief", repositories={}, lifetime=20)
    owned = start_emulator(state_dir=tmp_path / "owned", repositories={}, owner_pid=owner.pid)
    owner.kill()
    owner.wait()
    assert process.wait_until_gone(owned.pid, owned.mark, PATIENCE)
    assert process.wait_until_gone(brief.pid, brief.mark, PATIENCE)


def test_a_port_in_use_is_said_with_the_log(emulator, tmp_path: Path) -> None:
    port = int(emulator.endpoint.rpartition(":")[2])
    with pytest.raises(EmulatorDidNotStart, match=r"(?s)exit code.*in use"):
        start_emulator(state_dir=tmp_path, repositories={}, port=port)


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(HostNotLoopback, match="allowed are 127"):
        Settings(state_dir=tmp_path, host="0.0.0.0")
