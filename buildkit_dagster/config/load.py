"""A platform folder and an environment -> `Platform`.

Entries are checked in `draft.py`, what they say about each other in `rules.py`. `validate.py` does the same for every
environment at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildkit_dagster.config.assemble import platform_of
from buildkit_dagster.config.draft import NO_VALUES, draft_of, environments_of
from buildkit_dagster.config.folder import PLATFORM_FILE, environment_name
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.rules import problems_between
from buildkit_dagster.config.sources import read_sources
from buildkit_dagster.errors import EnvironmentNotDescribed, InvalidPlatform, NotAPlatformFolder


def load_platform(folder: Path, environment: str, values: Mapping[str, str] = NO_VALUES) -> Platform:
    """The platform of `folder` (made absolute) in `environment`; raises `ConfigError` with all problems.

    `values` is the process environment, of which the paths of jobs may name what platform.yaml lists.
    """
    chosen = environment_name(environment)
    folder = folder.resolve()
    if not (folder / PLATFORM_FILE).is_file():
        raise NotAPlatformFolder(folder)
    sources = read_sources(folder)
    described = environments_of(sources.platform)
    if chosen not in described and not sources.problems:
        raise EnvironmentNotDescribed(chosen, folder / PLATFORM_FILE, tuple(described))
    draft = draft_of(sources, chosen, values)
    problems = [*sources.problems, *draft.problems, *problems_between(draft)]
    if problems:
        raise InvalidPlatform(sorted(set(problems)))
    return platform_of(draft)
