"""A draft without problems -> `Platform`: every job joined with its asset and connectors, and told where it runs.

Entries are checked in `draft.py` and `rules.py`; files are read by `load.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.connectors import SOURCES, TARGETS
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.ingest import IngestJob, JobFile
from buildkit_dagster.config.job_sources import default_source
from buildkit_dagster.config.models import EnvironmentConfig, Platform


def platform_of(draft: Draft) -> Platform:
    """The platform of a draft without problems."""
    if draft.config.value is None:
        raise ValueError(f"{draft.config.document.mark(())}: the draft has problems")
    return Platform(
        name=draft.sources.platform.data["name"],
        folder=draft.sources.folder,
        environment=draft.environment,
        config=draft.config.value,
        dbt_projects=tuple(entry.value for entry in draft.projects if entry.value),
        ingest_jobs=tuple(joined for entry in draft.jobs if (joined := _ingest_job(draft, entry))),
    )


def _ingest_job(draft: Draft, entry: Entry[JobFile]) -> IngestJob | None:
    """The job with its asset and connectors; None when one of them is not what the job needs."""
    job = entry.value
    if job is None:
        return None
    asset = draft.assets[job.asset_path].value
    source = draft.connectors[job.source_connector_path].value
    target = draft.connectors[job.target_connector_path].value
    if asset is None or not isinstance(source, SOURCES) or not isinstance(target, TARGETS):
        return None
    return IngestJob(
        name=entry.name,
        tenant=job.tenant_id,
        job=on_runtime(job, draft.config.value),
        asset=_reclassified(asset, job.classification_overrides),
        source=source,
        reads=job.source or default_source(source, job.asset_path, asset),
        target=target,
    )


def _reclassified(asset: TableAsset, classes: Mapping[str, str]) -> TableAsset:
    """The table with the classes that the job gives its columns."""
    columns = tuple(
        column.model_copy(update={"classification": classes[column.name]}) if column.name in classes else column
        for column in asset.columns
    )
    return asset.model_copy(update={"columns": columns}) if classes else asset


def on_runtime(job: JobFile, config: EnvironmentConfig | None) -> JobFile:
    """The job on the environment's runtime, where it does not name its own."""
    if config is None or says_runtime(job):
        return job
    infrastructure = job.infrastructure.model_copy(update={"runtime": config.runtime})
    return job.model_copy(update={"infrastructure": infrastructure})


def says_runtime(job: JobFile) -> bool:
    return "runtime" in job.infrastructure.model_fields_set
