"""Everything that is wrong in a platform folder or in one of its files, for every environment at once.

What the problems are is decided in `yaml.py`, `check.py` and `rules.py`; exit codes and printing are the CLI's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel

from buildkit_dagster.config.check import check
from buildkit_dagster.config.draft import NO_VALUES, draft_of, environment_document, environments_of, project_entries
from buildkit_dagster.config.folder import ENVIRONMENTS, PLATFORM_FILE, nearest_folder
from buildkit_dagster.config.kinds import KNOWN_BY, kind_of
from buildkit_dagster.config.models import EnvironmentConfig, PlatformFile
from buildkit_dagster.config.nested_assets import flattened, is_nested
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.remarks import old_form, remarks_on
from buildkit_dagster.config.rules import problems_between
from buildkit_dagster.config.sources import CONFIG_FOLDER, read_sources
from buildkit_dagster.config.yaml import Document, read_document


@dataclass(frozen=True)
class Findings:
    """All problems, in the order of the files; and remarks, whole sentences, on a platform that has none."""

    problems: list[Problem]
    remarks: list[str] = field(default_factory=list)


def validate(path: Path, values: Mapping[str, str] = NO_VALUES) -> list[Problem]:
    """All problems at `path`, in the order of the files."""
    return examine(path, values).problems


def examine(path: Path, values: Mapping[str, str] = NO_VALUES) -> Findings:
    """What there is to say about `path`; `values` is the process environment, for the paths of jobs.

    `path` is a platform folder, its config folder, or a folder or file below that: then the whole platform is read
    and the problems that lie at `path` are returned. A file from elsewhere is checked by itself.
    """
    path = path.resolve()
    if not path.exists():
        return Findings(
            [Problem(path, 1, "", "there is no such file or folder; a platform folder is made by: buildkit init NAME")]
        )
    folder = nearest_folder(path)
    if folder is not None and (path == folder or path.is_relative_to(folder / CONFIG_FOLDER)):
        found = _of_platform(folder, values)
        return replace(found, problems=[problem for problem in found.problems if problem.file.is_relative_to(path)])
    if path.is_dir():
        return Findings(
            [Problem(path, 1, "", f"not a platform folder: it holds no {PLATFORM_FILE}; make one: buildkit init NAME")]
        )
    return _of_file(read_document(path))


def _of_platform(folder: Path, values: Mapping[str, str]) -> Findings:
    sources = read_sources(folder)
    problems = list(sources.problems)
    # A platform without a valid environment still has jobs and assets to check.
    drafts = [draft_of(sources, each, values) for each in environments_of(sources.platform) or ENVIRONMENTS[:1]]
    for draft in drafts:
        problems += [*draft.problems, *problems_between(draft)]
    return Findings(sorted(set(problems)), [] if problems else remarks_on(sources, drafts))


def _of_file(document: Document) -> Findings:
    problems = sorted(set(_file_problems(document)))
    told = is_nested(document) and not problems
    return Findings(problems, [f"The file is {old_form(document)}"] if told else [])


def _file_problems(document: Document) -> list[Problem]:
    """A file by itself; references to other files are not followed."""
    if document.broken:
        return list(document.problems)
    model = kind_of(document)
    if model is None:
        unknown = f"not a file of a platform: it has none of the keys {KNOWN_BY}"
        return [*document.problems, document.problem((), unknown)]
    return [*document.problems, *_problems_of(document, model)]


def _problems_of(document: Document, model: type[BaseModel]) -> list[Problem]:
    if model is DbtProject:
        return project_entries(document)[1]
    problems = check(flattened(document), model).problems
    if model is PlatformFile and not problems:
        for name in environments_of(document):
            environment, clashes = environment_document(document, name)
            problems += [*clashes, *(check(environment, EnvironmentConfig).problems if environment else ())]
    return problems
