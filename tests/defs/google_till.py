"""The till with jobs in Google Cloud: its stand-in, the jobs there, and what Terraform would have written down.

`python -m tests.defs.till` is the run worker here too; where Google is comes from its environment.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from buildkit_dagster import process
from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.function_source import ENTRY_POINT, function_archive
from tests.defs.till import ENTRYPOINT, Till, till_at
from tests.google.functions import Function
from tests.google.server import GoogleStandIn
from tests.scenario import edited, write_platform

PROJECT, REGION = "harbour-data", "europe-west1"
MESSAGES = "harbour-messages"

RUNTIMES: Mapping[str, dict[str, Any]] = {
    "gcp_cloud_run": {"type": "gcp_cloud_run", "image_uri": "harbour/ingest:1", "region": REGION},
    "gcp_cloud_function": {"type": "gcp_cloud_function", "region": REGION},
    "local": {"type": "local"},
}


@dataclass
class GoogleTill:
    """A till one of whose jobs runs in Google Cloud."""

    till: Till
    google: GoogleStandIn
    name: str = "customers"

    @property
    def job(self) -> str:
        """The job in Cloud Run; each platform has one of its own."""
        return f"projects/{PROJECT}/locations/{REGION}/jobs/{self.till.platform.name}-{self.name}"

    def make_job(self, command: Sequence[str] = ENTRYPOINT, env: Mapping[str, str] | None = None) -> None:
        """The Cloud Run job, and the state that tells of it."""
        self.google.run.make_job(self.job, command, env)
        self.write_outputs({"job_id": self.job})

    @property
    def function(self) -> str:
        """The function, likewise."""
        return f"projects/{PROJECT}/locations/{REGION}/functions/{self.till.platform.name}-{self.name}"

    def make_function(self, source: bytes | None = None, timeout: float = 300) -> Function:
        """The deployed function, and the state that tells of it."""
        made = self.google.functions.make_function(
            self.function, source or function_archive(), ENTRY_POINT, {}, timeout
        )
        self.write_outputs({"function_id": self.function, "url": self.google.functions.uri(self.function)})
        return made

    def write_outputs(self, outputs: Mapping[str, Any]) -> None:
        value = {**outputs, "project_id": PROJECT, "region": REGION, "messages_bucket": MESSAGES}
        state = {"version": 4, "outputs": {self.name: {"value": value}}, "resources": []}
        names = self.till.platform.names
        self.till.client("s3").put_object(
            Bucket=names.state_bucket(), Key=names.state_key("ingest-acme-gcp"), Body=json.dumps(state).encode()
        )

    def start_worker(self, home: Path) -> process.Child:
        """A run of the job in a process of its own."""
        home.mkdir(exist_ok=True)
        platform, endpoint = self.till.platform, str(self.till.process.endpoint)
        return process.start(
            [sys.executable, "-m", "tests.defs.till", str(platform.folder), platform.name, endpoint, self.name],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **self.google.variables, "DAGSTER_HOME": str(home)},
            stdout=home / "worker.log",
        )

    def count(self) -> int:
        """The rows of the table."""
        [(count,)] = self.till.rows("SELECT count(*) FROM till.customers")
        return int(count)


def google_till(
    folder: Path,
    emulator: Emulator,
    google: GoogleStandIn,
    boto: Callable[[str, str], Any],
    runtime: str,
    timeout: int = 300,
    name: str = "customers",
    raw: str | None = None,
) -> GoogleTill:
    """A new platform with the job `name` in `runtime`; it reads the bucket `raw` of Cloud Storage, or else S3."""
    write_platform(folder)
    emulated = "    cloud: emulator\n"
    edited(folder, "config/platform.yaml", emulated, f"{emulated}    gcp: {{project: {PROJECT}}}\n")
    file = folder / f"config/jobs/acme/{name}.yaml"
    job = {**yaml.safe_load(file.read_text()), "infrastructure": {"runtime": {**RUNTIMES[runtime], "timeout": timeout}}}
    if raw:
        job["source_connector_path"] = "connectors/gs.yaml"
        connector = {"name": "gs", "type": "gcs", "bucket": raw}
        (folder / "config/connectors/gs.yaml").write_text(yaml.safe_dump(connector))
        google.storage.make_bucket(raw)
    file.write_text(yaml.safe_dump(job))
    made = till_at(folder, f"till-{uuid.uuid4().hex[:8]}", emulator.endpoint, boto)
    variables = {**made.process.variables, **google.variables}
    made = Till(made.platform, replace(made.process, variables=variables), made.boto)
    made.make_lake()
    google.storage.make_bucket(MESSAGES)
    return GoogleTill(made, google, name)


def variables_of(emulator: Emulator) -> dict[str, str]:
    """What jobs in Google Cloud are started with: their files are in S3, which is the emulator's."""
    return emulated_variables(read_environment(), emulator.endpoint, "eu-west-1")
