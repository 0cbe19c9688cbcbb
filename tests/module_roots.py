"""A root that calls our modules with the real provider, made in the emulator; for the tests of what each input does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.data import data_path
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.stack import TerraformStack

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class ModuleRoot:
    """A root in a folder of its own, its modules beside it, and the region its provider is in."""

    folder: Path
    emulator: Emulator
    region: str

    @property
    def variables(self) -> Mapping[str, str]:
        return emulated_variables(read_environment(), self.emulator.endpoint, self.region)

    def client(self, service: str) -> Any:
        session = boto3.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator", region_name=self.region)
        return session.client(service, endpoint_url=self.emulator.endpoint)

    @cached_property
    def engine(self) -> Engine:
        return Engine(TerraformStack(self.folder), self, "modules", lambda _: None)

    def write(self, calls: Mapping[str, Mapping[str, Any]]) -> None:
        """Module calls by name, `source` being the module; what each returns is an output of the root."""
        shutil.copytree(data_path("modules"), self.folder / "modules")
        root = {
            "module": {name: {**call, "source": f"./modules/{call['source']}"} for name, call in calls.items()},
            "output": {name: {"value": f"${{module.{name}}}"} for name in calls},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(root))
        self.engine.write()
        self.engine.init()

    def apply(self) -> Mapping[str, Any]:
        """What the calls return, once everything is made and nothing is left to do."""
        plan = self.engine.plan()
        assert [event for batch in self.engine.apply(plan) for event in batch]
        assert self.engine.plan().is_empty
        return self.engine.state().outputs
