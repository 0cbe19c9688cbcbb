"""Requests of ingest as tests write them, and a Pipes session that only keeps what it is told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from buildkit_dagster import process
from buildkit_dagster.config.connectors import CONNECTORS
from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.config.job_sources import Endpoint, Table
from buildkit_dagster.runtimes.entrypoints.ingest import ingest
from buildkit_dagster.runtimes.ingest import ColumnSpec, IngestRequest, Rows
from buildkit_dagster.runtimes.targets import Target
from tests.postgres import PASSWORD
from tests.runtimes.api_ways import TOKEN

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a"
#: Where dlt looks for what the servers of the tests ask for.
CREDENTIALS = {
    "SOURCES__REST_API__TOKEN": TOKEN,
    "SOURCES__SQL_DATABASE__CREDENTIALS__PASSWORD": PASSWORD,
    "DESTINATION__POSTGRES__CREDENTIALS__PASSWORD": PASSWORD,
}
#: No telemetry, no warnings of dlt's, and no long waits for a server that is busy.
QUIET = {**NO_TELEMETRY, "RUNTIME__LOG_LEVEL": "CRITICAL", "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01"}

EVENTS = (
    ColumnSpec("id", "bigint", required=True),
    ColumnSpec("at", "timestamp", required=True),
    ColumnSpec("version", "bigint"),
    ColumnSpec("note", "json"),
)


EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass
class FakePipes:
    """Takes what the entrypoint reports."""

    metadata: dict[str, Any] = field(default_factory=dict)
    data_version: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, tuple[bool, str, dict[str, Any]]] = field(default_factory=dict)

    def report_asset_check(self, check_name: str, passed: bool, severity: str, metadata: dict[str, Any]) -> None:
        self.checks[check_name] = (passed, severity, metadata)

    def report_custom_message(self, payload: dict[str, Any]) -> None:
        self.messages.append(payload)

    def report_asset_materialization(self, metadata: dict[str, Any], data_version: str) -> None:
        self.metadata, self.data_version = metadata, data_version

    @property
    def rows(self) -> tuple[int, int]:
        """Rows in the table, rows loaded."""
        return self.metadata["dagster/row_count"], self.metadata["rows_loaded"]


def load(request: IngestRequest, s3: Any = None) -> FakePipes:
    """One load in this process, of the request as it travels."""
    pipes = FakePipes()
    ingest(pipes, IngestRequest.from_extras(request.to_extras()), s3, checkpoint=lambda: None)  # type: ignore[arg-type]
    return pipes


def connector(**keys: Any) -> Any:
    """A connector as a file says it."""
    return CONNECTORS[keys["type"]].model_validate_json(json.dumps({"name": "source", **keys}))


def events_of(
    url: str,
    target: Target,
    *key: str,
    api: Mapping[str, Any] = EMPTY,
    reads: Mapping[str, Any] = EMPTY,
    **changes: Any,
) -> IngestRequest:
    """The events of the tests' API; replaced by `key` where it has one, else added.

    `api` is laid over the connector's keys, `reads` over those of the job's `source`.
    """
    keys = {
        "base_url": url,
        "auth": {"type": "bearer", "token": SECRET},
        "paginator": {"type": "offset", "limit": 50, "total_path": "total"},
    }
    cursor = {"cursor_path": "at", "initial_value": "2024-01-01T00:00:00Z", "start_param": "since"}
    endpoint = {"endpoint": "events", "data_selector": "data.events", "incremental": cursor}
    source = Rows(
        connector(type="rest_api", **{**keys, **api}), Endpoint.model_validate_json(json.dumps({**endpoint, **reads}))
    )
    wanted: dict[str, Any] = {
        "pipeline": "api_events",
        "dataset": "api",
        "table": "events",
        "source": source,
        "target": target,
        "columns": EVENTS,
        "primary_key": key,
        "secrets": {"SOURCES__REST_API__TOKEN": SECRET},
    }
    return IngestRequest(**{**wanted, **changes})


def orders_of(port: int, target: Target, *key: str, **changes: Any) -> IngestRequest:
    """The table `shop.orders` of the tests' PostgreSQL."""
    database = connector(
        type="sql",
        host="127.0.0.1",
        port=port,
        database="postgres",
        username="terraform",
        password=SECRET,
        query={"sslmode": "disable"},
    )
    cursor = {"cursor_path": "placed", "initial_value": "2024-01-01T00:00:00"}
    reads = Table.model_validate_json(json.dumps({"table": "orders", "schema": "shop", "incremental": cursor}))
    wanted: dict[str, Any] = {
        "pipeline": "shop_orders",
        "dataset": "shop_copy",
        "table": "orders",
        "source": Rows(database, reads),
        "target": target,
        "columns": (
            ColumnSpec("id", "bigint", required=True),
            ColumnSpec("amount", "decimal"),
            ColumnSpec("placed", "timestamp"),
        ),
        "primary_key": key,
        "secrets": {"SOURCES__SQL_DATABASE__CREDENTIALS__PASSWORD": SECRET},
    }
    return IngestRequest(**{**wanted, **changes})


def postgres_target(port: int) -> Target:
    """The tests' PostgreSQL as a target connector names it."""
    settings = {"host": "127.0.0.1", "port": str(port), "username": "terraform", "database": "postgres"}
    return Target("postgres", None, {**settings, "query": '{"sslmode": "disable"}'})


def killed_loads(request: IngestRequest, folder: Path, kills: int, seed: int = 0) -> dict[str, int]:
    """Loads that are killed at random moments, and one that is not; how many of each."""
    file = folder / f"{request.pipeline}.json"
    file.write_text(json.dumps(request.to_extras()))
    line = [sys.executable, "-m", "tests.runtimes.killed", str(file), str(kills), str(seed)]
    root = Path(__file__).parents[2]
    done = process.run(line, cwd=root, env={**os.environ, **QUIET, **CREDENTIALS}, timeout=900)
    assert done.returncode == 0, done.stderr
    told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return told
