"""One initialised stack and one Dagster instance for all rows; every row has the account for itself."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.defs.sqlite import runs_held_open
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.render import backend_settings
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene
from tests.chaos.worker import BACKEND, BUCKET, NAME, stack
from tests.terraform_runs import REGION

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def empty_account(emulator: Emulator, boto: Callable[[str], Any]) -> None:
    """Everything gone but the state's bucket, which is new."""
    _DIRECT.open(urllib.request.Request(f"{emulator.endpoint}/moto-api/reset", method="POST"), timeout=300).close()
    boto("s3").create_bucket(Bucket=BUCKET)


def few_retries() -> dict[str, Any]:
    """Terraform's own retries take minutes by default; a fault that lasts outlives them all, so one is enough."""
    backend = {"s3": {**backend_settings(BACKEND), "max_retries": 2}}
    return {"terraform": {"backend": backend}, "provider": {"aws": {"max_retries": 2}}}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(scope="session")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(home)) as made, runs_held_open(home):
        yield made


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, boto: Callable[[str], Any]) -> Path:
    """A work folder in which `init` has run."""
    empty_account(emulator, boto)
    work = tmp_path_factory.mktemp("template") / ".buildkit" / "dev"
    (work / NAME).mkdir(parents=True)
    (work / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    (work / NAME / "few_retries_override.tf.json").write_text(json.dumps(few_retries()))
    engine = Engine(stack(work), Aws(read_environment(), REGION, work / "emulator.json"), run="template", tell=print)
    with engine.workdir.alone():
        engine.write()
        engine.init()
    return work


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    home: Path,
    emulator: Emulator,
    instance: DagsterInstance,
    boto: Callable[[str], Any],
    initialised: Path,
) -> Iterator[Scene]:
    empty_account(emulator, boto)
    made = Scene(tmp_path, home, request.node.name, Proxy(emulator.endpoint), instance, boto, initialised)
    yield made
    made.leave()
