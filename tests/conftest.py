"""Fixtures all tests share: one emulator for the session, and clients and variables that reach nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest
from botocore.config import Config

from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.emulator.control import Emulator, start_emulator, stop_emulator

REGION = "us-east-1"
REPOSITORY = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Have property tests try the same examples everywhere, however slow the machine is, as where `CI` is set.

    Let children hear signals: what a script starts in the background ignores some, and no child can trap those.
    """
    hypothesis.settings.load_profile("ci")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note in the JUnit file which rows of the parity checklist a test covers."""
    for item in items:
        item.user_properties += [("parity", row) for mark in item.iter_markers("parity") for row in mark.args]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The session's emulator; `example-org/skyline` on GitHub is this checkout."""
    started = start_emulator(
        state_dir=tmp_path_factory.mktemp("emulator"),
        repositories={"example-org/skyline": REPOSITORY},
        owner_pid=os.getpid(),
    )
    yield started
    stop_emulator(started)


@pytest.fixture
def aws_env(emulator: Emulator) -> dict[str, str]:
    """The whole environment of a child process that talks to the emulator and to nothing else."""
    return emulated_variables(read_environment(), emulator.endpoint, REGION)


@pytest.fixture(scope="session")
def boto(emulator: Emulator) -> Callable[[str], Any]:
    """`boto("s3")`: a client of the emulator."""
    session = boto3.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator", region_name=REGION)
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return cache(lambda service: session.client(service, endpoint_url=emulator.endpoint, config=config))
