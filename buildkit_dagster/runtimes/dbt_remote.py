"""The manifest of a dbt project that lies in another repository: that of its last complete build.

Definitions read the local copy only; `buildkit prepare` brings it. The projects in the platform folder have theirs made
in `dbt.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.runtimes.dbt import manifest_path
from buildkit_dagster.runtimes.dbt_artifacts import ArtifactStore, BuildFolder

_STATE_FILE = "manifest.state.json"


def is_remote(project: DbtProject) -> bool:
    """Whether only its builds know the project's models."""
    return project.path is None and project.runtime == "codebuild"


def fetch_manifest(platform: Platform, project: DbtProject, store: ArtifactStore) -> BuildFolder | None:
    """Bring the last complete build's manifest unless it is here; that build, None before the first.

    Which build it is of is written beside it, last: a copy that was cut off is brought again.
    """
    latest = store.latest()
    if latest is None:
        return None
    manifest = manifest_path(platform, project)
    state, wanted = manifest.with_name(_STATE_FILE), json.dumps(asdict(latest))
    if manifest.is_file() and state.is_file() and state.read_text() == wanted:
        return latest
    found = store.read(latest, manifest.name)
    if found is None:
        return None
    manifest.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: a code location may be reading it.
    coming = manifest.with_name("manifest.json.coming")
    coming.write_bytes(found)
    coming.replace(manifest)
    state.write_text(wanted)
    return latest
