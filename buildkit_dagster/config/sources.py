"""The files of a platform folder as documents, before any environment is chosen.

Which files there are, and their YAML, belongs here; what they mean is put together in `load.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.yaml import Document, read_document

CONFIG_FOLDER = "config"
PLATFORM_FILE = "platform.yaml"
PROJECTS_FILE = "codebuild-config.yml"
#: The folders of files of one kind.
GROUPS = ("jobs", "assets", "connectors")
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Sources:
    """Everything below `config/`; keys are paths relative to it, as in `asset_path`."""

    folder: Path
    platform: Document
    projects: Document | None
    jobs: Mapping[str, Document]
    assets: Mapping[str, Document]
    connectors: Mapping[str, Document]

    def documents(self) -> Iterator[Document]:
        yield self.platform
        if self.projects is not None:
            yield self.projects
        for group in (self.jobs, self.assets, self.connectors):
            yield from group.values()

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the YAML of the files."""
        return [problem for document in self.documents() for problem in document.problems]


def read_sources(folder: Path) -> Sources:
    """Read every configuration file of the platform folder, each once."""
    config = folder / CONFIG_FOLDER
    projects = config / PROJECTS_FILE
    return Sources(
        folder=folder,
        platform=read_document(config / PLATFORM_FILE),
        projects=read_document(projects) if os.path.lexists(projects) else None,
        **{group: _documents(config, group) for group in GROUPS},
    )


def is_yaml(file: Path) -> bool:
    """Whether it is a YAML file by its name; a link that leads nowhere is somebody's file too."""
    return file.suffix.lower() in _SUFFIXES and (file.is_file() or file.is_symlink())


def _documents(config: Path, group: str) -> dict[str, Document]:
    files = sorted(file for file in (config / group).rglob("*") if is_yaml(file))
    return {file.relative_to(config).as_posix(): read_document(file) for file in files}
