"""Which endpoint and credentials clients and children get: emulated and real accounts are kept apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.cloud.aws import Ambient, Aws
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.errors import EmulatorNotRunning, EndpointIsLoopback, EndpointNotLoopback

PLANTED = {"AWS_PROFILE": "prod", "AWS_ACCESS_KEY_ID": "AKIAPLANTED", "AWS_SESSION_TOKEN": "planted", "PATH": "/bin"}


def process(endpoint: str | None = None) -> ProcessEnvironment:
    variables = {**PLANTED, **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})}
    return ProcessEnvironment(None, None, None, endpoint, None, False, variables)


def emulator_file(folder: Path, endpoint: str = "http://127.0.0.1:4566") -> Path:
    file = folder / "dev" / "emulator.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"id": "x", "endpoint": endpoint}))
    return file


def keys_of(client: Any) -> str:
    return str(client._request_signer._credentials.access_key)


def test_an_emulated_account_uses_the_running_emulator_and_dummy_keys_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    aws = Aws(process(), "eu-west-1", emulator_file(tmp_path))
    client = aws.client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert keys_of(client) == "emulator"
    assert "prod" not in aws.variables.values()
    assert {"AWS_PROFILE", "AWS_SESSION_TOKEN"}.isdisjoint(aws.variables)


def test_an_emulator_that_was_restarted_is_found_at_its_new_address(tmp_path: Path) -> None:
    file = emulator_file(tmp_path)
    aws = Aws(process(), "eu-west-1", file)
    file.write_text(json.dumps({"endpoint": "http://127.0.0.1:9"}))
    assert aws.endpoint == "http://127.0.0.1:9"


@pytest.mark.parametrize("endpoint", ["https://s3.eu-west-1.amazonaws.com", "http://[broken", "no address"])
def test_an_emulated_account_is_never_another_machine(tmp_path: Path, endpoint: str) -> None:
    aws = Aws(process(endpoint), "eu-west-1", emulator_file(tmp_path))
    with pytest.raises(EndpointNotLoopback, match="emulated and talks to loopback addresses only"):
        aws.client("s3")


def test_a_missing_emulator_is_said_to_be_missing_and_only_at_first_use(tmp_path: Path) -> None:
    aws = Aws(process(), "eu-west-1", tmp_path / "dev" / "emulator.json")
    with pytest.raises(EmulatorNotRunning, match="'dev' is not running"):
        _ = aws.variables


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_a_real_account_is_never_an_emulator(endpoint: str) -> None:
    with pytest.raises(EndpointIsLoopback):
        _ = Aws(process(endpoint), "eu-west-1").variables


def test_without_a_platform_the_process_environment_decides() -> None:
    assert Ambient(process("http://127.0.0.1:4566")).variables["AWS_PROFILE"] == "prod"
