"""A PostgreSQL server of the tests' own, on loopback, in a folder that goes with it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

PASSWORD = "canary-2291"
_START_SECONDS = 300.0
#: Between looking for a free port and taking it somebody else may.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Postgres:
    """A running server with one user, `terraform`."""

    port: int

    @property
    def url(self) -> str:
        return f"postgres://terraform:{PASSWORD}@127.0.0.1:{self.port}/postgres?sslmode=disable"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server and stop it at the end; fails where PostgreSQL is not installed."""
    folder = Path(tempfile.mkdtemp(prefix="buildkit-pg-"))
    account = _account()
    if account:
        shutil.chown(folder, account["user"])
    try:
        _initialise(folder, account)
        port, server = _start(folder, account)
        try:
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(300)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Debian keeps the server's programs off PATH."""
    found = shutil.which(name) or next((str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    assert found, f"PostgreSQL's `{name}` is missing; install the server (Debian: apt-get install postgresql)"
    return found


def _account() -> dict[str, Any]:
    """The server refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _initialise(folder: Path, account: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    line = [_program("initdb"), "-D", str(folder / "data"), "-U", "terraform", f"--pwfile={secret}"]
    subprocess.run(
        [*line, "--auth=scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd=folder,
        **account,
    )


def _line(folder: Path, port: int) -> list[str]:
    settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off"]
    return [_program("postgres"), "-D", str(folder / "data"), *(part for item in settings for part in ("-c", item))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, account: dict[str, Any]) -> "tuple[int, subprocess.Popen[bytes]]":
    log = folder / "log"
    for _ in range(_ATTEMPTS):
        port = _free_port()
        server = subprocess.Popen(_line(folder, port), stderr=log.open("wb"), **account)
        if _lets_in(port, server):
            return port, server
        server.kill()
        server.wait()
        if "Address already in use" not in log.read_text():
            break
    raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}")


def _lets_in(port: int, server: "subprocess.Popen[bytes]") -> bool:
    """Whether it is up; it listens before it lets anybody in. Not whoever else has the port: it ends then."""
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg2.connect(Postgres(port).url).close()
            return True
        except psycopg2.OperationalError:
            time.sleep(0.1)
    return False
