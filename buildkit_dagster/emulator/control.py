"""Starting, finding and stopping the emulator from another process.

The rest of the package uses the emulator through this module and through its endpoint, and imports nothing else of
it: moto is an optional dependency and is imported in the emulator's process only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from buildkit_dagster import process
from buildkit_dagster.alone import alone
from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.emulator.settings import LOG_FILE, START_FILE, STATE_FILE
from buildkit_dagster.errors import EmulatorError

_START_SECONDS = 180.0
_STOP_SECONDS = 15.0
_LOG_TAIL = 20


class EmulatorDidNotStart(EmulatorError):
    """The emulator's process ended, or did not answer in time."""

    def __init__(self, reason: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL:]) if log.exists() else ""
        super().__init__(f"The emulator did not start: {reason}. The end of {log}:\n{tail or '(empty)'}")


class EmulatorAlreadyRuns(EmulatorError):
    """There is an emulator for this folder; two would each know half of the platform."""

    def __init__(self, emulator: Emulator, state_dir: Path) -> None:
        super().__init__(
            f"An emulator for {state_dir} runs already (process {emulator.pid}, {emulator.endpoint}): "
            "use it, or end it with `buildkit emulator stop`."
        )


class EmulatorCallRefused(EmulatorError):
    """One of the emulator's own calls was answered with an error."""

    def __init__(self, call: str, message: str) -> None:
        super().__init__(f"The emulator refused {call}: {message}")


@dataclass(frozen=True)
class Emulator:
    """A running emulator; `id` names one life of it, and so everything it holds; `mark` and `pid` name its process."""

    endpoint: str
    id: str
    pid: int
    mark: str | None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One of the emulator's own calls, such as `call("POST", "connections/approve", {"arn": arn})`."""
        request = urllib.request.Request(
            f"{self.endpoint}/_buildkit/{path}",
            data=json.dumps(body or {}).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with _DIRECT.open(request, timeout=_START_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise EmulatorCallRefused(f"{method} {path}", json.load(error)["message"]) from error

    def approve_connection(self, arn: str) -> None:
        """Do what a person does in the console: take a CodeConnection from PENDING to AVAILABLE."""
        self.call("POST", "connections/approve", {"arn": arn})

    def fire_schedules(self, moment: datetime) -> list[dict[str, str]]:
        """Start what EventBridge Scheduler has for that minute, and say what; the emulator's own clock does it too."""
        fired: list[dict[str, str]] = self.call("POST", "schedules/fire", {"moment": moment.isoformat()})["fired"]
        return fired


#: Never through a proxy the environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start_emulator(
    *,
    state_dir: Path,
    repositories: Mapping[str, Path],
    variables: Mapping[str, str] | None = None,
    port: int = 0,
    lifetime: float | None = None,
    owner_pid: int | None = None,
    clock: bool = True,
) -> Emulator:
    """Start an emulator in a process of its own and wait until it answers.

    `repositories` maps `organization/name` on GitHub to the folder builds get instead; `variables` is the environment
    it may inherit from (this process's if None; keys, profiles and endpoints in it never arrive); `lifetime` is in
    seconds; without a `clock` schedules fire by `fire_schedules` alone. Raises EmulatorAlreadyRuns and
    EmulatorDidNotStart.
    """
    with alone(state_dir / START_FILE):
        running = running_emulator(state_dir)
        if running is not None:
            raise EmulatorAlreadyRuns(running, state_dir)
        child = process.start(
            [*_command(state_dir, repositories, port, lifetime, owner_pid), *([] if clock else ["--no-clock"])],
            cwd=state_dir,
            env=_inherited(variables),
            stdout=state_dir / LOG_FILE,
        )
        return _wait_until_it_answers(child, state_dir)


def running_emulator(state_dir: Path) -> Emulator | None:
    """The emulator that serves `state_dir`, None if none runs; a damaged file or that of a killed one is none."""
    try:
        state = json.loads((state_dir / STATE_FILE).read_text())
        emulator = Emulator(endpoint=state["endpoint"], id=state["id"], pid=state["pid"], mark=state["mark"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return emulator if process.is_alive(emulator.pid, emulator.mark) else None


def stop_emulator(emulator: Emulator) -> None:
    """End the emulator and all it started, and wait for it; nothing happens when it has ended."""
    if not process.is_alive(emulator.pid, emulator.mark):
        return
    os.kill(emulator.pid, signal.SIGTERM)
    if not process.wait_until_gone(emulator.pid, emulator.mark, _STOP_SECONDS):
        os.kill(emulator.pid, signal.SIGKILL)


def _command(
    state_dir: Path, repositories: Mapping[str, Path], port: int, lifetime: float | None, owner_pid: int | None
) -> list[str]:
    command = [sys.executable, "-m", "buildkit_dagster.emulator", "--state-dir", str(state_dir), "--port", str(port)]
    if lifetime is not None:
        command += ["--lifetime", str(lifetime)]
    if owner_pid is not None:
        command += ["--owner-pid", str(owner_pid)]
    for name, folder in repositories.items():
        command += ["--repository", f"{name}={folder}"]
    return command


def _inherited(variables: Mapping[str, str] | None) -> dict[str, str]:
    snapshot = read_environment()
    snapshot = snapshot if variables is None else replace(snapshot, variables=dict(variables))
    return {**emulated_variables(snapshot, endpoint="", region="us-east-1"), "PYTHONUNBUFFERED": "1"}


def _wait_until_it_answers(child: process.Child, state_dir: Path) -> Emulator:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if (code := child.poll()) is not None:
            raise EmulatorDidNotStart(f"its process ended with exit code {code}", child.stdout)
        emulator = running_emulator(state_dir)
        if emulator is not None and emulator.pid == child.pid:
            emulator.call("GET", "health")
            return emulator
        time.sleep(0.05)
    child.end()
    raise EmulatorDidNotStart(f"it did not answer within {_START_SECONDS:.0f} seconds", child.stdout)
