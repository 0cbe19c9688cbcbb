"""The entries of a platform folder for one environment, each checked by itself.

Files come from `sources.py`, single entries are checked by `check.py`, what they say about each other by `rules.py`;
`load.py` makes the platform of a draft without problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.check import check
from buildkit_dagster.config.connectors import CONNECTORS, AnyConnector, SourceConnector, TargetConnector
from buildkit_dagster.config.folder import ENVIRONMENTS
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.models import EnvironmentConfig, PlatformFile
from buildkit_dagster.config.nested_assets import flattened
from buildkit_dagster.config.paths import Variables, expanded
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.sources import CONFIG_FOLDER, Sources
from buildkit_dagster.config.spelling import published
from buildkit_dagster.config.values import ENVIRONMENT_ALIASES, EnvironmentName, canonical_environment
from buildkit_dagster.config.wording import unknown_key
from buildkit_dagster.config.yaml import Document, merge

M = TypeVar("M", bound=BaseModel)

#: No process environment: paths of jobs then name no variables.
NO_VALUES: Mapping[str, str] = MappingProxyType({})
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


def draft_of(sources: Sources, environment: EnvironmentName, values: Mapping[str, str] = NO_VALUES) -> Draft:
    """Every entry checked by itself; entries that other environments own are left out.

    `values` is the process environment, of which the paths of jobs may name what platform.yaml lists.
    """
    config, problems = _config(sources, environment)
    draft = Draft(sources, environment, config, problems=problems)
    draft.projects = _projects(draft)
    draft.assets = {
        path: _entry(draft, path, flattened(document), TableAsset) for path, document in sources.assets.items()
    }
    draft.connectors = {
        path: _entry(draft, path, document, connector_model(document)) for path, document in sources.connectors.items()
    }
    variables = Variables(_path_variables(sources.platform), values, sources.folder / CONFIG_FOLDER)
    jobs = [_job(draft, Path(path).stem, document, variables) for path, document in sources.jobs.items()]
    draft.jobs = [job for job in jobs if _is_for(job, environment)]
    return draft


def _config(sources: Sources, environment: EnvironmentName) -> tuple[Entry[EnvironmentConfig], list[Problem]]:
    problems = [] if sources.platform.broken else check(sources.platform, PlatformFile).problems
    document, clashes = environment_document(sources.platform, environment)
    if document is None:
        return Entry(environment, Document({}, sources.platform.marks), None), problems
    config = check(document, EnvironmentConfig)
    value = None if clashes else config.value
    return Entry(environment, config.document, value), [*problems, *clashes, *config.problems]


def environment_document(platform: Document, environment: EnvironmentName) -> tuple[Document | None, list[Problem]]:
    """`environments.<env>` over `defaults`, None where it is not described, and keys that either has twice.

    The segment of resource names is the environment's name unless given.
    """
    written = environments_of(platform).get(environment)
    if written is None:
        return None, []
    own, clashes = published(platform.at("environments", written), EnvironmentConfig)
    if not isinstance(own.data, Mapping):
        return None, []
    document = own
    if "defaults" in platform.data:
        defaults, more = published(platform.at("defaults"), EnvironmentConfig)
        document, clashes = merge(defaults, own), [*more, *clashes]
    return document.placed_at(own.mark(())).with_default("segment", environment), clashes


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
    below, problems = _listed_projects(document)
    if below is None:
        return [], problems
    entries = []
    # The published file has a list; one project alone may stand without it.
    for item in below.items() if isinstance(below.data, list) else [below]:
        entry, found = _project(item, overrides)
        entries.append(entry)
        problems += found
    return entries, problems


def _listed_projects(document: Document) -> tuple[Document | None, list[Problem]]:
    """What stands under the one key of the file."""
    keys = " or ".join(f"`{key}`" for key in PROJECT_KEYS)
    if not isinstance(document.data, Mapping):
        return None, [document.problem((), f"the list of projects belongs under the key {keys}")]
    if not document.data:
        return None, [document.problem((), f"the file is empty: list projects under {keys}, or write `codebuild: []`")]
    problems = [
        document.problem((key,), unknown_key(key, PROJECT_KEYS)) for key in document.data if key not in PROJECT_KEYS
    ]
    found = [key for key in document.data if key in PROJECT_KEYS]
    problems += [
        document.problem(
            (key,), f"`{key}` beside `{found[0]}`: both mean the list of projects; join the lists under one"
        )
        for key in found[1:]
    ]
    below = document.at(found[0]) if found else None
    if below is not None and below.data is None:
        return None, [
            *problems,
            below.problem((), "no project is listed; a platform without dbt projects has `[]` here"),
        ]
    return below, problems


def _project(document: Document, overrides: Document | None) -> tuple[Entry[DbtProject], list[Problem]]:
    if not isinstance(document.data, Mapping):
        return Entry("", document, None), [document.problem((), "not a mapping with the keys of one dbt project")]
    document, problems = published(document, DbtProject)
    name = str(document.data.get("name", ""))
    if overrides is not None and name in overrides.data:
        override, clashes = published(overrides.at(name), DbtProject)
        document, problems = merge(document, override), [*problems, *clashes]
    checked = check(document, DbtProject)
    return Entry(name, document, None if problems else checked.value), [*problems, *checked.problems]


def _entry(draft: Draft, name: str, document: Document, model: type[M]) -> Entry[M]:
    """A broken file has its own problem; that keys are missing in it would be noise."""
    if document.broken:
        return Entry(name, document, None)
    checked = check(document, model)
    draft.problems += checked.problems
    return Entry(name, checked.document, checked.value)


def _job(draft: Draft, name: str, document: Document, variables: Variables) -> Entry[JobFile]:
    """A path that could not be read has its own problem; that it is missing would be noise."""
    found, problems = expanded(document, variables)
    if not problems:
        return _entry(draft, name, found, JobFile)
    draft.problems += problems
    return Entry(name, published(found, JobFile)[0], None)


def _is_for(job: Entry[JobFile], environment: EnvironmentName) -> bool:
    """What is wrong with a job elsewhere does not make it one of this environment."""
    written = canonical_environment(job.text("environment"))
    return written == environment or written not in get_args(EnvironmentName)


def _path_variables(platform: Document) -> tuple[str, ...]:
    listed = _mapping(platform.data).get("path_variables")
    return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def connector_model(document: Document) -> type[Any]:
    kind = document.data.get("type") if isinstance(document.data, Mapping) else None
    return CONNECTORS.get(kind, AnyConnector) if isinstance(kind, str) else AnyConnector


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
