"""Everything that is wrong in a platform folder or in one of its files, for every environment at once.

What the problems are is decided in `yaml.py`, `check.py` and `rules.py`; exit codes and printing are the CLI's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel

from buildkit_dagster.config.check import check
from buildkit_dagster.config.draft import (
    PROJECT_KEYS,
    connector_model,
    draft_of,
    environment_document,
    environments_of,
    project_entries,
)
from buildkit_dagster.config.folder import ENVIRONMENTS, PLATFORM_FILE, nearest_folder
from buildkit_dagster.config.models import EnvironmentConfig, JobFile, PlatformFile, TableAsset
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.rules import problems_between
from buildkit_dagster.config.sources import CONFIG_FOLDER, read_sources
from buildkit_dagster.config.yaml import Document, read_document


def validate(path: Path) -> list[Problem]:
    """All problems at `path`, in the order of the files.

    `path` is a platform folder, its config folder, or a folder or file below that: then the whole platform is read
    and the problems that lie at `path` are returned. A file from elsewhere is checked by itself.
    """
    path = path.resolve()
    if not path.exists():
        return [
            Problem(path, 1, "", "there is no such file or folder; a platform folder is made by: buildkit init NAME")
        ]
    folder = nearest_folder(path)
    if folder is not None and (path == folder or path.is_relative_to(folder / CONFIG_FOLDER)):
        return [problem for problem in _platform_problems(folder) if problem.file.is_relative_to(path)]
    if path.is_dir():
        return [
            Problem(path, 1, "", f"not a platform folder: it holds no {PLATFORM_FILE}; make one: buildkit init NAME")
        ]
    return sorted(set(_file_problems(read_document(path))))


def _platform_problems(folder: Path) -> list[Problem]:
    sources = read_sources(folder)
    problems = list(sources.problems)
    # A platform without a valid environment still has jobs and assets to check.
    for environment in environments_of(sources.platform) or ENVIRONMENTS[:1]:
        draft = draft_of(sources, environment)
        problems += [*draft.problems, *problems_between(draft)]
    return sorted(set(problems))


def _file_problems(document: Document) -> list[Problem]:
    """A file by itself is known by its keys; references to other files are not followed."""
    if document.broken:
        return list(document.problems)
    keys = document.data.keys() if isinstance(document.data, Mapping) else set()
    for known, problems_of in _KINDS:
        if keys & known:
            return [*document.problems, *problems_of(document)]
    return [
        *document.problems,
        document.problem(
            (),
            "not a file of a platform: it has none of the keys "
            + "; ".join(", ".join(sorted(known)) for known, _ in _KINDS),
        ),
    ]


def _of_platform_file(document: Document) -> list[Problem]:
    problems = check(document, PlatformFile)[1]
    if not problems:
        found = (environment_document(document, name) for name in environments_of(document))
        problems = [problem for each in found if each is not None for problem in check(each, EnvironmentConfig)[1]]
    return problems


def _of_projects(document: Document) -> list[Problem]:
    return project_entries(document)[1]


def _of(model: type[BaseModel]) -> Callable[[Document], list[Problem]]:
    return lambda document: check(document, model)[1]


_KINDS: tuple[tuple[frozenset[str], Callable[[Document], list[Problem]]], ...] = (
    (frozenset({"environments"}), _of_platform_file),
    (frozenset(PROJECT_KEYS), _of_projects),
    (frozenset({"tenant_id", "asset_path"}), _of(JobFile)),
    (frozenset({"schema", "source_type"}), _of(TableAsset)),
    (frozenset({"bucket", "dataset"}), lambda document: check(document, connector_model(document))[1]),
)
