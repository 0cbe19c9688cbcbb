"""A draft without problems -> `Platform`: every job joined with its asset and connectors.

Entries are checked in `draft.py` and `rules.py`; files are read by `load.py`.
"""

from __future__ import annotations

from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.models import IngestJob, JobFile, Platform, SourceConnector, TargetConnector


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
    if asset is None or not isinstance(source, SourceConnector) or not isinstance(target, TargetConnector):
        return None
    return IngestJob(name=entry.name, tenant=job.tenant_id, job=job, asset=asset, source=source, target=target)
