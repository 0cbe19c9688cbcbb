"""Dagster's own long-running processes: the daemon and the web server, started and ended as children.

What they run is the workspace file of the platform folder. Their environment and home come from `instance.py`.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance

from buildkit_dagster import process as processes
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.defs.instance import dagster_variables, home_of
from buildkit_dagster.errors import PortTaken, ServiceDidNotStart

LOOPBACK = "127.0.0.1"

_QUEUE = "QUEUED_RUN_COORDINATOR"
#: A daemon writes a heartbeat every 30 seconds; one whose process runs may come to it later on a busy machine.
_HEARTBEAT_SECONDS, _LATE_SECONDS = 40.0, 120.0
_START_SECONDS = 300.0
_END_SECONDS = 20.0


def workspace_file(platform: Platform) -> Path:
    """The folder's workspace.yaml, else the package's."""
    own = platform.folder / "workspace.yaml"
    return own if own.exists() else data_path("demo") / "workspace.yaml"


def daemon_lives(instance: DagsterInstance, home: Path) -> bool:
    """Whether some daemon takes runs from this instance's queue; one that we did not start, or that was killed, counts
    for 40 seconds after its last heartbeat."""
    return _beats(instance, _LATE_SECONDS if _runs(home / "daemon.pid") else _HEARTBEAT_SECONDS)


def _beats(instance: DagsterInstance, seconds: float) -> bool:
    heartbeat = instance.get_daemon_heartbeats().get(_QUEUE)
    return heartbeat is not None and time.time() - heartbeat.timestamp < seconds


@contextmanager
def daemon(platform: Platform, process: ProcessEnvironment, instance: DagsterInstance) -> Iterator[processes.Child]:
    """A daemon of our own, ended on leaving together with the runs and servers it started.

    It may not be up yet when it is yielded: there is something to load meanwhile. Then call `wait_for_daemon`.
    """
    arguments = ["-m", "dagster._daemon", "run", "-w", str(workspace_file(platform)), "--log-level", "info"]
    child = _start(platform, process, "daemon", arguments)
    try:
        yield child
    finally:
        cancel_runs(instance)
        child.end(_END_SECONDS)
        instance.wipe_daemon_heartbeats()


def wait_for_daemon(child: processes.Child, instance: DagsterInstance) -> None:
    """Return once the daemon takes runs; raises ServiceDidNotStart."""
    _wait(child, "daemon", lambda: _beats(instance, _HEARTBEAT_SECONDS))


@contextmanager
def webserver(platform: Platform, process: ProcessEnvironment, port: int) -> Iterator[str]:
    """The web server on loopback; yields its address."""
    refuse_taken_port(port)
    arguments = ["-m", "dagster_webserver", "-h", LOOPBACK, "-p", str(port), "-w", str(workspace_file(platform))]
    child = _start(platform, process, "webserver", arguments)
    try:
        _wait(child, "webserver", lambda: _answers(port))
        yield f"http://{LOOPBACK}:{port}"
    finally:
        child.end(_END_SECONDS)


def refuse_taken_port(port: int) -> None:
    """Raise PortTaken when something listens there."""
    if _answers(port):
        raise PortTaken(port)


def cancel_runs(instance: DagsterInstance, timeout: float = 60.0) -> None:
    """Cancel every unfinished run and wait, so that remote work and Terraform get their signal."""
    for run in unfinished_runs(instance):
        instance.run_coordinator.cancel_run(run.run_id)
    deadline = time.monotonic() + timeout
    while unfinished_runs(instance) and time.monotonic() < deadline:
        time.sleep(0.3)


def unfinished_runs(instance: DagsterInstance) -> list:
    """Runs that are queued, starting, running or being cancelled."""
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    return list(instance.get_runs(RunsFilter(statuses=list(NOT_FINISHED_STATUSES))))


def end_left_over(home: Path) -> None:
    """End the services of a session that was killed; those of other homes are not looked at."""
    for record in home.glob("*.pid"):
        if _runs(record):
            processes.signal_group(_recorded(record)[0], signal.SIGKILL)
        record.unlink()


def _runs(record: Path) -> bool:
    """Whether the service that was started last under this name still runs."""
    return record.exists() and processes.is_alive(*_recorded(record))


def _recorded(record: Path) -> tuple[int, str]:
    pid, _, mark = record.read_text().partition(" ")
    return int(pid), mark


def _start(platform: Platform, process: ProcessEnvironment, name: str, arguments: list[str]) -> processes.Child:
    home = home_of(platform, process)
    child = processes.start(
        [sys.executable, *arguments],
        cwd=home,
        env=dagster_variables(platform, process),
        stdout=home / f"{name}.log",
    )
    (home / f"{name}.pid").write_text(f"{child.pid} {processes.started_at(child.pid)}")
    return child


def _wait(child: processes.Child, name: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if child.poll() is not None or time.monotonic() > deadline:
            raise ServiceDidNotStart(name, child.stdout)
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((LOOPBACK, port)) == 0
