"""A platform folder and an environment -> `Platform`.

Entries are checked in `draft.py`, what they say about each other in `rules.py`. `validate.py` does the same for every
environment at once.
"""

from __future__ import annotations

from pathlib import Path

from buildkit_dagster.config.draft import Draft, draft_of, environments_of
from buildkit_dagster.config.folder import PLATFORM_FILE, environment_name
from buildkit_dagster.config.models import IngestJob, JobFile, Platform
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
    described = environments_of(sources)
    if chosen not in described and not sources.problems:
        raise EnvironmentNotDescribed(chosen, folder / PLATFORM_FILE, tuple(described))
    draft = draft_of(sources, chosen)
    problems = [*sources.problems, *draft.problems, *problems_between(draft)]
    if problems:
        raise InvalidPlatform(sorted(set(problems)))
    return _platform(draft)


def _platform(draft: Draft) -> Platform:
    """The platform of a draft without problems."""
    assert draft.config.value is not None
    return Platform(
        name=draft.sources.platform.data["name"],
        folder=draft.sources.folder,
        environment=draft.environment,
        config=draft.config.value,
        dbt_projects=tuple(entry.value for entry in draft.projects if entry.value),
        ingest_jobs=tuple(_ingest_job(draft, entry.name, entry.value) for entry in draft.jobs if entry.value),
    )


def _ingest_job(draft: Draft, name: str, job: JobFile) -> IngestJob:
    return IngestJob(
        name=name,
        tenant=job.tenant_id,
        job=job,
        asset=draft.assets[job.asset_path].value,
        source=draft.connectors[job.source_connector_path].value,
        target=draft.connectors[job.target_connector_path].value,
    )
