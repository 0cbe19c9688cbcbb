"""Ingest jobs, as frozen, strict models: config/jobs, and a job joined with all it names.

Tables are in `assets.py`, sources and targets in `connectors.py`, what of its source a job reads in `job_sources.py`,
where a job runs in `runtimes.py`, its overrides, retries and log in `job_settings.py`; joining is in `draft.py` and
`load.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from buildkit_dagster.config.assets import FinOps, TableAsset
from buildkit_dagster.config.buckets import ObjectFilter
from buildkit_dagster.config.connectors import SourceConnector, TargetConnector
from buildkit_dagster.config.file_source import FileSource
from buildkit_dagster.config.job_settings import (
    ClassificationOverrides,
    GovernanceOverrides,
    Logging,
    RetryConfig,
    ValidationMode,
)
from buildkit_dagster.config.job_sources import JobSource
from buildkit_dagster.config.runtimes import Infrastructure, Scheduler
from buildkit_dagster.config.source_connectors import S3Files
from buildkit_dagster.config.values import EntryName, Model, Schedule, Slug, Text, Timezone, WrittenEnvironment


class JobFile(Model):
    """config/jobs/<tenant>/<job>.yaml. Paths are relative to the `config` folder.

    `environment` names the one environment the job is for; without it, it is in all of them. `source_connector`,
    `target_connector` and `asset` repeat, for readers, the names that the files at the paths give. Without `source`,
    the job reads what `job_sources.default_source` says. `on_objects` starts a job that reads no files.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "target": "where and how a table is written is the target connector's to say; make one for it",
    }

    tenant_id: Slug
    environment: WrittenEnvironment | None = None
    source_connector: Text | None = None
    source_connector_path: Text
    target_connector: Text | None = None
    target_connector_path: Text
    asset: Text | None = None
    asset_path: Text
    source: JobSource | None = None
    schedule: Schedule | None = None
    timezone: Timezone = "UTC"
    scheduler: Scheduler = "dagster"
    on_objects: ObjectFilter | None = None
    infrastructure: Infrastructure = Infrastructure()
    finops: FinOps = FinOps()
    governance_overrides: GovernanceOverrides = GovernanceOverrides()
    classification_overrides: Annotated[ClassificationOverrides, Field(default_factory=dict)]
    schema_validation_mode: ValidationMode = "strict"
    retry_config: RetryConfig | None = None
    logging: Logging = Logging()


class IngestJob(Model):
    """A job joined with its asset and connectors; `name` is the file's stem, `reads` what it reads of its source."""

    name: EntryName
    tenant: Slug
    job: JobFile
    asset: TableAsset
    source: SourceConnector
    reads: JobSource
    target: TargetConnector

    @property
    def files(self) -> FileSource | None:
        """The objects it reads; None where its source holds no files."""
        return self.reads if isinstance(self.reads, FileSource) else None

    @property
    def lake_bucket(self) -> str | None:
        """The bucket of the lake it reads, by its key in platform.yaml; None where it reads something else."""
        return self.source.bucket if isinstance(self.source, S3Files) else None

    @property
    def partitioned(self) -> bool:
        return self.files is not None and self.files.partition is not None
