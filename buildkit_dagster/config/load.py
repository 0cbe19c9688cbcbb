"""A platform folder and an environment -> `Platform`.

Entries are checked in `draft.py`, what they say about each other in `rules.py`. `validate.py` does the same for every
environment at once.
"""

from __future__ import annotations

from pathlib import Path

from buildkit_dagster.config.draft import Draft, Entry, draft_of, environments_of
from buildkit_dagster.config.folder import PLATFORM_FILE, environment_name
from buildkit_dagster.config.models import IngestJob, JobFile, Platform, SourceConnector, TargetConnector
from buildkit_dagster.config.rules import problems_between
from buildkit_dagster.config.sources import read_sources
from buildkit_dagster.errors import EnvironmentNotDescribed, InvalidPlatform, NotAPlatformFolder


def load_platform(folder: Path, environment: str) -> Platform:
    """The platform of `folder` (made absolute) in `environment`; raises `ConfigError` with all problems."""
    chosen = environment_name(environment)
    folder = folder.resolve()
    if not (folder / PLATFORM_FILE).is_file():
        raise NotAPlatformFolder(folder)
    sources = read_sources(folder)
    described = environments_of(sources.platform)
    if chosen not in described and not sources.problems:
        raise EnvironmentNotDescribed(chosen, folder / PLATFORM_FILE, tuple(described))
    draft = draft_of(sources, chosen)
    problems = [*sources.problems, *draft.problems, *problems_between(draft)]
    if problems:
        raise InvalidPlatform(sorted(set(problems)))
    return _platform(draft)


def _platform(draft: Draft) -> Platform:
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
