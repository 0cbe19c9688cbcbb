"""What executors know of the emulator they run in: its settings, its endpoint, its clients, its connections.

Clients are those of the emulator itself, so a secret, a source archive or a log line goes the way it goes on AWS.
"""

from __future__ import annotations

import shutil
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from buildkit_dagster.config.environment import DUMMY_CREDENTIALS, emulated_variables, read_environment
from buildkit_dagster.emulator.actions.codeconnections import CodeConnections
from buildkit_dagster.emulator.executors.process import Processes
from buildkit_dagster.emulator.settings import Settings

_STANDINS = ("aws", "docker")


@dataclass
class World:
    """One emulator as its executors see it."""

    settings: Settings
    endpoint: str
    connections: CodeConnections = field(default_factory=CodeConnections)
    processes: Processes = field(default_factory=Processes)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, region: str) -> Any:
        """A client of this emulator."""
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._make_client(service, region)
            return self._clients[key]

    def scratch(self, kind: str, identity: str) -> Path:
        """A new folder for one build or task, removed by `forget`."""
        folder = self.settings.state_dir / kind / identity
        (folder / "home").mkdir(parents=True)
        folder.chmod(0o700)
        return folder

    def forget(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def variables(self, region: str, folder: Path) -> dict[str, str]:
        """What a container would find in its environment: nothing of ours but the PATH, a home of its own, dummy keys.

        A `pip install` in a build lands in its folder and not in the virtual environment the emulator runs in.
        """
        inherited = emulated_variables(read_environment(), self.endpoint, region)
        installed = str(folder / "site")
        return {
            **inherited,
            "PATH": f"{self._standins()}:{Path(sys.executable).parent}:{inherited.get('PATH', '')}",
            "HOME": str(folder / "home"),
            "TMPDIR": str(_made(folder / "tmp")),
            "PIP_TARGET": installed,
            "PYTHONPATH": installed,
        }

    def _make_client(self, service: str, region: str) -> Any:
        session: Any = boto3.Session(
            aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
        )
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def _standins(self) -> Path:
        """The folder of the commands that stand in for those a build image has."""
        folder = self.settings.state_dir / "bin"
        with self._lock:
            if not folder.exists():
                folder.mkdir()
                for name in _STANDINS:
                    _write_command(folder / name, f"buildkit_dagster.emulator.standins.{name}")
        return folder


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _write_command(path: Path, module: str) -> None:
    # Isolated: a build may run where another `buildkit_dagster` lies, or install one.
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -m {module} "$@"\n')
    path.chmod(0o755)
