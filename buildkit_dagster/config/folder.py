"""Which platform folder and which environment this process is about.

What is in the folder is read by `load.py`; the process environment by `environment.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.values import ENVIRONMENT_ALIASES, EnvironmentName
from buildkit_dagster.errors import NoEnvironment, NotAPlatformFolder, PlatformFolderNotFound, UnknownEnvironment

PLATFORM_FILE = Path("config", "platform.yaml")
ENVIRONMENTS: tuple[EnvironmentName, ...] = get_args(EnvironmentName)


def find_folder(process: ProcessEnvironment) -> Path:
    """The folder named by BUILDKIT_PROJECT, else the nearest parent that holds config/platform.yaml."""
    if process.project is not None:
        if not (process.project / PLATFORM_FILE).is_file():
            raise NotAPlatformFolder(process.project)
        return process.project
    here = Path.cwd()
    found = nearest_folder(here)
    if found is None:
        raise PlatformFolderNotFound(here)
    return found


def nearest_folder(start: Path) -> Path | None:
    """`start` or the nearest of its parents that holds config/platform.yaml; absolute."""
    start = start.absolute()
    return next((folder for folder in (start, *start.parents) if (folder / PLATFORM_FILE).is_file()), None)


def choose_environment(process: ProcessEnvironment, option: str | None = None) -> EnvironmentName:
    """The environment of `--env`, else of BUILDKIT_ENV; there is no default."""
    chosen = option or process.environment
    if not chosen:
        raise NoEnvironment(ENVIRONMENTS)
    return environment_name(chosen)


def environment_name(text: str) -> EnvironmentName:
    """One of the three environments; `stg` and `prd` are read as aliases."""
    for name in ENVIRONMENTS:
        if text == name:
            return name
    if text in ENVIRONMENT_ALIASES:
        return ENVIRONMENT_ALIASES[text]
    raise UnknownEnvironment(text, (*ENVIRONMENTS, *ENVIRONMENT_ALIASES))
