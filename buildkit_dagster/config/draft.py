"""The entries of a platform folder for one environment, each checked by itself.

Files come from `sources.py`, single entries are checked by `check.py`, what they say about each other by `rules.py`;
`load.py` makes the platform of a draft without problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from buildkit_dagster.config.check import check, unknown_key
from buildkit_dagster.config.folder import ENVIRONMENTS
from buildkit_dagster.config.models import (
    ENVIRONMENT_ALIASES,
    DbtProject,
    EnvironmentConfig,
    EnvironmentName,
    JobFile,
    PlatformFile,
    SourceConnector,
    TableAsset,
    TargetConnector,
)
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.sources import Sources
from buildkit_dagster.config.yaml import Document, merge

M = TypeVar("M", bound=BaseModel)

#: The top-level keys the list of dbt projects is published under.
PROJECT_KEYS = ("codebuild", "dbtbuildkit")


@dataclass(frozen=True)
class Entry(Generic[M]):
    """One thing the files describe, and where; `value` is None when it has problems of its own."""

    name: str
    document: Document
    value: M | None


@dataclass
class Draft:
    """All entries of one environment, complete or not, and the problems found so far."""

    sources: Sources
    environment: EnvironmentName
    config: Entry[EnvironmentConfig]
    projects: list[Entry[DbtProject]] = field(default_factory=list)
    jobs: list[Entry[JobFile]] = field(default_factory=list)
    assets: dict[str, Entry[TableAsset]] = field(default_factory=dict)
    connectors: dict[str, Entry[SourceConnector | TargetConnector]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def environments_of(sources: Sources) -> dict[EnvironmentName, str]:
    """The environments platform.yaml describes, by canonical name, with the spelling the file uses."""
    written = _mapping(sources.platform.data.get("environments"))
    canonical = {ENVIRONMENT_ALIASES.get(name, name): name for name in written}
    return {name: canonical[name] for name in ENVIRONMENTS if name in canonical}


def draft_of(sources: Sources, environment: EnvironmentName) -> Draft:
    """Every entry checked by itself; entries that other environments own are left out."""
    config, problems = _config(sources, environment)
    draft = Draft(sources, environment, config, problems=problems)
    draft.projects = _projects(draft)
    draft.assets = {path: _entry(draft, path, document, TableAsset) for path, document in sources.assets.items()}
    draft.connectors = {
        path: _entry(draft, path, document, _connector_model(document)) for path, document in sources.connectors.items()
    }
    jobs = [_entry(draft, Path(path).stem, document, JobFile) for path, document in sources.jobs.items()]
    draft.jobs = [job for job in jobs if job.value is None or job.value.environment in (None, environment)]
    return draft


def _config(sources: Sources, environment: EnvironmentName) -> tuple[Entry[EnvironmentConfig], list[Problem]]:
    """`environments.<env>` over `defaults`; the segment of names is the environment's name unless given."""
    _, problems = check(sources.platform, PlatformFile)
    written = environments_of(sources).get(environment)
    if problems or written is None:
        return Entry(environment, sources.platform, None), problems
    own = sources.platform.at("environments", written)
    document = merge(sources.platform.at("defaults"), own) if "defaults" in sources.platform.data else own
    document = document.with_default("segment", environment)
    config, more = check(document, EnvironmentConfig)
    return Entry(environment, document, config), problems + more


def _projects(draft: Draft) -> list[Entry[DbtProject]]:
    """One entry per dbt project, the environment's replacements laid over it; inactive ones are left out."""
    document = draft.sources.projects
    if document is None or not document.data:
        return []
    if not isinstance(document.data, Mapping):
        draft.problems.append(document.problem((), f"a list of projects belongs under the key `{PROJECT_KEYS[0]}`"))
        return []
    found = []
    for key in document.data:
        if key not in PROJECT_KEYS:
            draft.problems.append(document.problem((key,), unknown_key(key, PROJECT_KEYS)))
            continue
        below = document.at(key)
        # The published file has a list; one project alone may stand without it.
        items = [below.at(index) for index in range(len(below.data))] if isinstance(below.data, list) else [below]
        found += [_project(draft, item) for item in items]
    return [entry for entry in found if entry.value is None or entry.value.active]


def _project(draft: Draft, document: Document) -> Entry[DbtProject]:
    if not isinstance(document.data, Mapping):
        draft.problems.append(document.problem((), "is not a mapping with the keys of one dbt project"))
        return Entry("", document, None)
    name = str(document.data.get("name", ""))
    config = draft.config.document
    if draft.config.value is not None and name in draft.config.value.dbt_projects:
        document = merge(document, config.at("dbt_projects", name))
    return _entry(draft, name, document, DbtProject)


def _entry(draft: Draft, name: str, document: Document, model: type[M]) -> Entry[M]:
    value, problems = check(document, model) if not document.problems else (None, [])
    draft.problems += problems
    return Entry(name, document, value)


def _connector_model(document: Document) -> type[SourceConnector] | type[TargetConnector]:
    kind = document.data.get("type") if isinstance(document.data, Mapping) else None
    return TargetConnector if kind == "warehouse" else SourceConnector


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
