"""The small platform with a project of Google, both clouds standing on loopback, and the command line over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from buildkit_dagster.cli import app
from buildkit_dagster.config.environment import GOOGLE_ENDPOINTS
from buildkit_dagster.emulator.control import Emulator
from tests.scenario import edited, write_platform
from tests.tags.stand_in import Google, google

GCP = "gcp: {project: harbour-data, billing_export: harbour-data.billing.gcp_billing_export_v1_0A}"


@pytest.fixture
def stand_in() -> Iterator[Google]:
    with google() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_platform(tmp_path)
    edited(tmp_path, "config/platform.yaml", "  region: eu-west-1\n", f"  region: us-east-1\n  {GCP}\n")
    return tmp_path


@pytest.fixture
def buildkit(
    folder: Path, emulator: Emulator, stand_in: Google, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`buildkit("resources", "a=b")` in the environment `dev`, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BUILDKIT_ENV", "dev")
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    for service in ("cloudasset", "bigquery"):
        monkeypatch.setenv(GOOGLE_ENDPOINTS[service], stand_in.url)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))
