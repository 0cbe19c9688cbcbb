"""Configuration files in one spelling: each key that is not spelled as published is replaced where it stands.

Only the keys change: comments, order, quotes and line ends stay, because nothing is written anew. Which spelling a key
has is in `spelling.py`; files whose YAML is broken, or that have a key in both spellings, are left as they are, as is a
key written with escapes. Assets of the old form are rewritten by `rewrite_assets.py`.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from buildkit_dagster.config.draft import PROJECT_KEYS
from buildkit_dagster.config.kinds import kind_of
from buildkit_dagster.config.models import EnvironmentConfig, PlatformFile
from buildkit_dagster.config.nested_assets import is_nested
from buildkit_dagster.config.problems import Mark
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.rewrite_assets import unnested
from buildkit_dagster.config.spelling import other_spellings, published
from buildkit_dagster.config.yaml import Document

#: What may stand between the place of a key and its text: a byte order mark, anchors and tags, a quote.
_BEFORE_KEY = re.compile(r"\ufeff?(?:[&!]\S*\s+)*[\"']?")


def respelled(document: Document) -> tuple[str, str] | None:
    """The text of a file before and after; None where there is nothing to change, or it is left as it is."""
    if is_nested(document):
        return _unnested(document)
    parts = list(_parts(document))
    if document.problems or any(published(part, model)[1] for part, model in parts):
        return None
    edits = {mark: (written, key) for part, model in parts for mark, written, key in _edits(part, model)}
    before = document.mark(()).file.read_bytes().decode("utf-8")
    after = _edited(before, edits)
    return (before, after) if after != before else None


def _unnested(document: Document) -> tuple[str, str] | None:
    before = document.mark(()).file.read_bytes().decode("utf-8")
    after = None if document.problems else unnested(document, before)
    return None if after is None else (before, after)


def write_text(file: Path, text: str) -> None:
    """Replace the content of `file`, or of the file it is a link to, all at once; its permissions stay."""
    file = file.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(text.encode("utf-8"))
        Path(temporary).chmod(file.stat().st_mode)
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


_Part = tuple[Document, type[BaseModel]]


def _parts(document: Document) -> Iterator[_Part]:
    """The parts of a file, each with the model that spells it."""
    model = kind_of(document)
    if model is PlatformFile:
        yield from _parts_of_platform(document)
    elif model is DbtProject:
        yield from _parts_of_projects(document)
    elif model is not None:
        yield document, model


def _parts_of_platform(document: Document) -> Iterator[_Part]:
    environments = [each for group in _below(document, "environments") for each in _values(group)]
    for part in (*_below(document, "defaults"), *environments):
        yield part, EnvironmentConfig
        for projects in (*_below(part, "dbt_projects"), *_below(part, "dbt-projects")):
            yield from ((project, DbtProject) for project in _values(projects))


def _parts_of_projects(document: Document) -> Iterator[_Part]:
    for key in PROJECT_KEYS:
        for projects in _below(document, key):
            for project in projects.items() if isinstance(projects.data, list) else [projects]:
                yield project, DbtProject


def _below(document: Document, key: str) -> list[Document]:
    return [document.at(key)] if isinstance(document.data, Mapping) and key in document.data else []


def _values(document: Document) -> list[Document]:
    return [document.at(key) for key in document.data] if isinstance(document.data, Mapping) else []


def _edits(document: Document, model: type[BaseModel]) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Line and column of each key in another spelling, what is written there, and what is published."""
    for path, key in other_spellings(document.data, model):
        mark: Mark = document.marks[path]
        yield (mark.line, mark.column), str(path[-1]), key


def _edited(text: str, edits: Mapping[tuple[int, int], tuple[str, str]]) -> str:
    lines = text.splitlines(keepends=True)
    # From the right, so that columns stay what they are.
    for (line, column), (written, key) in sorted(edits.items(), reverse=True):
        row = lines[line - 1]
        before = _BEFORE_KEY.match(row, column - 1)
        if before and row.startswith(written, before.end()):
            lines[line - 1] = row[: before.end()] + key + row[before.end() + len(written) :]
    return "".join(lines)
