"""Where clients of Google go and as whom: emulated environments never to Google, real ones never to a stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials

from buildkit_dagster.cloud.gcp import VERSIONS, Gcp
from buildkit_dagster.config.environment import GOOGLE_ENDPOINTS, ProcessEnvironment
from buildkit_dagster.errors import GoogleCredentialsMissing, GoogleIsLoopback, GoogleNotEmulated

LOOPBACK = "http://127.0.0.1:8085"


def gcp(emulated: bool, **variables: str) -> Gcp:
    return Gcp(ProcessEnvironment(None, None, None, None, None, False, variables), emulated)


@pytest.mark.parametrize("service", VERSIONS)
def test_an_emulated_environment_uses_the_stand_in_without_credentials_and_without_proxy(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "planted.json"))
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    client = gcp(True, **{GOOGLE_ENDPOINTS[service]: f"{LOOPBACK}/"}).client(service)
    assert client._baseUrl == LOOPBACK
    assert client._http.proxy_info is None


def test_cloud_storage_of_an_emulated_environment_is_the_stand_in_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")
    client = gcp(True, STORAGE_EMULATOR_HOST=LOOPBACK).storage()
    assert client.api_endpoint == LOOPBACK
    assert isinstance(client._credentials, AnonymousCredentials)


@pytest.mark.parametrize("endpoint", ["", "https://run.googleapis.com", "http://10.0.0.1:80", "http://[broken"])
def test_an_emulated_environment_never_leaves_the_machine(endpoint: str) -> None:
    emulated = gcp(True, **dict.fromkeys(GOOGLE_ENDPOINTS.values(), endpoint))
    for make in (lambda: emulated.client("run"), emulated.storage, lambda: emulated.caller("https://f-uc.a.run.app")):
        with pytest.raises(GoogleNotEmulated, match="emulated and talks to loopback addresses only"):
            make()


def test_a_real_environment_refuses_a_stand_in() -> None:
    real = gcp(False, **dict.fromkeys(GOOGLE_ENDPOINTS.values(), LOOPBACK))
    for make in (lambda: real.client("run"), real.storage, lambda: real.caller(LOOPBACK)):
        with pytest.raises(GoogleIsLoopback, match="a stand-in on this machine, but this environment is real"):
            make()


def test_missing_credentials_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    with pytest.raises(GoogleCredentialsMissing, match="gcloud auth application-default login"):
        gcp(False).client("run")
