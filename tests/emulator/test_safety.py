"""Nothing the user has in the environment reaches what the emulator starts, and nothing outlives the emulator."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from helpers import PATIENCE, finish, log, project, start, until

from buildkit_dagster import process
from buildkit_dagster.emulator.control import Emulator, start_emulator, stop_emulator

PLANTED = "PLANTED"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What must never be connected to: it stands for real endpoints, proxies and the metadata service."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def planted(tmp_path: Path, listener: socket.socket) -> dict[str, str]:
    """An environment full of real-looking credentials."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    keys = f"aws_access_key_id = AKIA{PLANTED}\naws_secret_access_key = {PLANTED}\n"
    (home / ".aws" / "credentials").write_text(f"[default]\n{keys}[work]\n{keys}")
    (home / ".aws" / "config").write_text(f"[profile work]\nregion = eu-{PLANTED}\n")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    secrets = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "DBT_PASSWORD")
    addresses = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "HTTP_PROXY")
    addresses += ("http_proxy", "https_proxy", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        **dict.fromkeys(secrets, f"AKIA{PLANTED}"),
        **dict.fromkeys(addresses, address),
    }


@pytest.fixture
def tempted(tmp_path: Path, planted: dict[str, str]) -> Iterator[Emulator]:
    """An emulator started in that environment."""
    started = start_emulator(state_dir=tmp_path / "state", repositories={}, variables=planted, owner_pid=os.getpid())
    yield started
    stop_emulator(started)


def clients(emulator: Emulator) -> Callable[[str], Any]:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=emulator.endpoint)


def test_planted_credentials_reach_neither_builds_nor_any_other_address(
    tempted: Emulator, listener: socket.socket, tmp_path: Path
) -> None:
    found = tmp_path / "found"
    look = (
        "import boto3, json, os; session = boto3.Session(); "
        "print(json.dumps([dict(os.environ), session.get_credentials().access_key, "
        "session.client('sts').get_caller_identity()['Account']]))"
    )
    spec = json.dumps({"version": 0.2, "phases": {"build": {"commands": [f'python -c "{look}" > {found}']}}})
    boto = clients(tempted)
    build = finish(boto, start(boto, project(boto, spec)))
    assert build["buildStatus"] == "SUCCEEDED", log(boto, build)
    variables, key, account = json.loads(found.read_text())
    assert PLANTED not in found.read_text()
    assert (key, account) == ("emulator", "123456789012")
    assert variables["AWS_ENDPOINT_URL"] == tempted.endpoint
    assert variables["HOME"].startswith(str(tmp_path / "state"))
    assert PLANTED not in Path(f"/proc/{tempted.pid}/environ").read_text()
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("way", ["stop", "SIGTERM"])
def test_builds_end_with_the_emulator(tempted: Emulator, tmp_path: Path, way: str) -> None:
    child = tmp_path / "child"
    spec = f"{{version: 0.2, phases: {{build: {{commands: ['trap \"\" TERM; echo $$ > {child}; sleep 300']}}}}}}"
    boto = clients(tempted)
    start(boto, project(boto, spec))
    until(lambda: child.exists() and child.read_text(), bool)
    if way == "stop":
        tempted.call("POST", "stop")
    else:
        os.kill(tempted.pid, signal.SIGTERM)
    assert process.wait_until_gone(tempted.pid, tempted.mark, PATIENCE)
    assert process.started_at(int(child.read_text())) is None
