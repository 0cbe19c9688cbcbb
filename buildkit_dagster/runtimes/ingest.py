"""What an ingest job is asked to do, as data; pure.

The request travels from Dagster to wherever the job runs and holds no secret, only the names of secrets. Choosing what
is new among objects is `loads.py`'s; reading, dlt and the target are the entrypoint's (`entrypoints/`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.job_settings import LogLevel
from buildkit_dagster.config.job_sources import Endpoint, Resource, Table
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.quality import Freshness, Volume
from buildkit_dagster.config.source_connectors import DltFunction, FileFormat, GcsFiles, RestApi, S3Files, SqlDatabase
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.secrets import secrets_of
from buildkit_dagster.runtimes.targets import Target, target_of

#: The column that says which partition a row came with; a partition's rows are replaced by it.
PARTITION_COLUMN = "_partition"

Contract = Literal["strict", "warn"]


@dataclass(frozen=True)
class ColumnSpec:
    """A declared column; `type` is dlt's name of it."""

    name: str
    type: str
    required: bool = False
    description: str | None = None


@dataclass(frozen=True)
class Files:
    """Objects of a bucket, by its own name."""

    store: Literal["s3", "gcs"]
    bucket: str
    pattern: KeyPattern
    format: FileFormat = "csv"
    null_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """What a source of dlt yields; `reads` is the part of the connector's source that is this table's."""

    connector: RestApi | SqlDatabase | DltFunction
    reads: Endpoint | Table | Resource


@dataclass(frozen=True)
class Checks:
    """What is looked at after a load; each of them is an asset check of the table."""

    required: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    freshness: Freshness | None = None
    volume: Volume | None = None


@dataclass(frozen=True)
class IngestRequest:
    """One load. `partitions` None means everything that is there; `force` loads also what was loaded before.

    `secrets` maps variables, named as dlt looks for them, to names of secrets.
    """

    pipeline: str
    dataset: str
    table: str
    source: Files | Rows
    target: Target
    columns: tuple[ColumnSpec, ...]
    primary_key: tuple[str, ...] = ()
    contract: Contract = "strict"
    checks: Checks = Checks()
    secrets: Mapping[str, str] = field(default_factory=dict)
    log_level: LogLevel = "INFO"
    partitions: tuple[str, ...] | None = None
    force: bool = False

    @property
    def partitioned(self) -> bool:
        return isinstance(self.source, Files) and self.source.pattern.partition is not None

    @property
    def declaration(self) -> str:
        """Hash of what the table is declared to be: when it changes, every object has to be loaded again."""
        declared: list[Any] = [[(column.name, column.type, column.required) for column in self.columns]]
        if isinstance(self.source, Files):
            declared += [self.source.null_values, asdict(self.source.pattern)]
        else:
            declared += [self.primary_key, self.source.reads.model_dump(mode="json")]
        return digest(json.dumps(declared))

    def to_extras(self) -> dict[str, Any]:
        """As JSON data."""
        found: dict[str, Any] = _adapter().dump_python(self, mode="json", by_alias=True)
        return found

    @classmethod
    def from_extras(cls, extras: Mapping[str, Any]) -> IngestRequest:
        """The inverse of `to_extras`."""
        return _adapter().validate_json(json.dumps(extras))


@cache
def _adapter() -> TypeAdapter[IngestRequest]:
    return TypeAdapter(IngestRequest)


def pattern_of(job: IngestJob) -> KeyPattern:
    """The objects of a job that reads files."""
    if job.files is None:
        raise ValueError(f"{job.name} reads no files")
    return KeyPattern.of(job.files)


def request_for(platform: Platform, job: IngestJob) -> IngestRequest:
    """The load of everything that is there; partitions and force are the run's to set."""
    return IngestRequest(
        pipeline=f"{job.asset.source_type}_{job.asset.object}",
        dataset=job.target.dataset,
        table=job.asset.object,
        source=_source(platform, job),
        target=target_of(platform, job.target),
        columns=tuple(ColumnSpec(c.name, c.type, c.required, c.description) for c in job.asset.columns),
        primary_key=job.asset.primary_key,
        contract=job.job.schema_validation_mode,
        checks=checks_of(job),
        secrets=secrets_of(platform, job),
        log_level=job.job.logging.level,
    )


def checks_of(job: IngestJob) -> Checks:
    """What the asset's file says of the table's rows."""
    quality = job.asset.data_quality
    return Checks(
        required=tuple(column.name for column in job.asset.columns if column.required),
        key=job.asset.primary_key,
        unique=job.asset.unique_columns,
        freshness=quality.freshness,
        volume=quality.volume,
    )


def _source(platform: Platform, job: IngestJob) -> Files | Rows:
    connector = job.source
    if isinstance(connector, S3Files):
        bucket = platform.names.bucket(connector.bucket)
        return Files("s3", bucket, pattern_of(job), connector.format, connector.null_values)
    if isinstance(connector, GcsFiles):
        return Files("gcs", connector.bucket, pattern_of(job), connector.format, connector.null_values)
    return Rows(connector, job.reads)  # type: ignore[arg-type]  # which fits which is checked by config/references.py


def digest(text: str) -> str:
    """16 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
