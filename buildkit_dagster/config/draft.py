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
    DbtProject,
    EnvironmentConfig,
    JobFile,
    PlatformFile,
    SourceConnector,
    TableAsset,
    TargetConnector,
)
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.sources import Sources
from buildkit_dagster.config.values import ENVIRONMENT_ALIASES, EnvironmentName
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

    def text(self, *path: str) -> str | None:
        """The text written at `path`, also in an entry that has problems elsewhere."""
        data = self.document.data
        for part in path:
            data = _mapping(data).get(part)
        return data if isinstance(data, str) else None

    def names(self, key: str) -> list[str] | None:
        """The keys of the mapping written at `key`; None when none is written."""
        data = _mapping(self.document.data).get(key)
        return list(data) if isinstance(data, Mapping) else None


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
    project_names: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def environments_of(platform: Document) -> dict[EnvironmentName, str]:
    """The environments platform.yaml describes, by canonical name, with the spelling the file uses."""
    written = _mapping(_mapping(platform.data).get("environments"))
    canonical = {ENVIRONMENT_ALIASES.get(name, name): name for name in written}
    return {name: canonical[name] for name in ENVIRONMENTS if name in canonical}


def draft_of(sources: Sources, environment: EnvironmentName) -> Draft:
    """Every entry checked by itself; entries that other environments own are left out."""
    config, problems = _config(sources, environment)
    draft = Draft(sources, environment, config, problems=problems)
    draft.projects = _projects(draft)
    draft.assets = {path: _entry(draft, path, document, TableAsset) for path, document in sources.assets.items()}
    draft.connectors = {
        path: _entry(draft, path, document, connector_model(document)) for path, document in sources.connectors.items()
    }
    jobs = [_entry(draft, Path(path).stem, document, JobFile) for path, document in sources.jobs.items()]
    draft.jobs = [job for job in jobs if job.value is None or job.value.environment in (None, environment)]
    return draft


def _config(sources: Sources, environment: EnvironmentName) -> tuple[Entry[EnvironmentConfig], list[Problem]]:
    _, problems = _checked(sources.platform, PlatformFile)
    document = environment_document(sources.platform, environment)
    if document is None:
        return Entry(environment, Document({}, sources.platform.marks), None), problems
    config, more = check(document, EnvironmentConfig)
    return Entry(environment, document, config), problems + more


def environment_document(platform: Document, environment: EnvironmentName) -> Document | None:
    """`environments.<env>` over `defaults`, None where it is not described.

    The segment of resource names is the environment's name unless given.
    """
    written = environments_of(platform).get(environment)
    if written is None:
        return None
    own = platform.at("environments", written)
    if not isinstance(own.data, Mapping):
        return None
    document = merge(platform.at("defaults"), own) if "defaults" in platform.data else own
    return document.placed_at(own.mark(())).with_default("segment", environment)


def _projects(draft: Draft) -> list[Entry[DbtProject]]:
    """The environment's dbt projects; inactive ones are checked, then left out."""
    document, config = draft.sources.projects, draft.config
    if document is None or document.broken:
        return []
    has_overrides = config.value is not None and bool(config.value.dbt_projects)
    entries, problems = project_entries(document, config.document.at("dbt_projects") if has_overrides else None)
    draft.problems += problems
    draft.project_names = {entry.name for entry in entries}
    return [entry for entry in entries if entry.value is None or entry.value.active]


def project_entries(
    document: Document, overrides: Document | None = None
) -> tuple[list[Entry[DbtProject]], list[Problem]]:
    """One entry per dbt project of codebuild-config.yml, `overrides` (by name) laid over it key by key."""
    if not isinstance(document.data, Mapping):
        return [], [document.problem((), f"the list of projects belongs under the key `{PROJECT_KEYS[0]}`")]
    unknown = [key for key in document.data if key not in PROJECT_KEYS]
    problems = [document.problem((key,), unknown_key(key, PROJECT_KEYS)) for key in unknown]
    entries = []
    for key in (known for known in PROJECT_KEYS if known in document.data):
        below = document.at(key)
        # The published file has a list; one project alone may stand without it.
        for item in below.items() if isinstance(below.data, list) else [below]:
            entry, found = _project(item, overrides)
            entries.append(entry)
            problems += found
    return entries, problems


def _project(document: Document, overrides: Document | None) -> tuple[Entry[DbtProject], list[Problem]]:
    if not isinstance(document.data, Mapping):
        return Entry("", document, None), [document.problem((), "not a mapping with the keys of one dbt project")]
    name = str(document.data.get("name", ""))
    if overrides is not None and name in overrides.data:
        document = merge(document, overrides.at(name))
    value, problems = check(document, DbtProject)
    return Entry(name, document, value), problems


def _entry(draft: Draft, name: str, document: Document, model: type[M]) -> Entry[M]:
    value, problems = _checked(document, model)
    draft.problems += problems
    return Entry(name, document, value)


def _checked(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """A broken file has its own problem; that keys are missing in it would be noise."""
    return (None, []) if document.broken else check(document, model)


def connector_model(document: Document) -> type[SourceConnector] | type[TargetConnector]:
    kind = document.data.get("type") if isinstance(document.data, Mapping) else None
    return TargetConnector if kind == "warehouse" else SourceConnector


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
