"""`buildkit validate`: every problem of the platform folder at once, and one spelling for its keys."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer

from buildkit_dagster.commands.common import err, out
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.folder import nearest_folder
from buildkit_dagster.config.rewrite import respelled, write_text
from buildkit_dagster.config.sources import read_sources
from buildkit_dagster.config.validate import examine
from buildkit_dagster.config.yaml import Document, read_document


def run(
    path: Annotated[Path, typer.Argument(help="A file or folder of the platform folder.")] = Path("config"),
    fix: Annotated[bool, typer.Option("--fix", help="First write keys and old assets as published.")] = False,
) -> None:
    """Check the configuration; prints `file:line: path: problem` for each and exits 2."""
    if fix:
        _respell(path.resolve())
    found = examine(path, read_environment().variables)
    for problem in found.problems:
        err.print(str(problem))
    if found.problems:
        raise typer.Exit(2)
    out.print(f"{path} is valid.")
    for remark in found.remarks:
        out.print(remark)


def _respell(path: Path) -> None:
    """Rewrite the files at `path` and show the lines that changed."""
    for document in _documents(path):
        file, texts = document.mark(()).file, respelled(document)
        if texts is None:
            continue
        write_text(file, texts[1])
        before, after = (text.splitlines() for text in texts)
        for line in difflib.unified_diff(before, after, file.name, file.name, n=0, lineterm=""):
            out.print(line)


def _documents(path: Path) -> list[Document]:
    """The files of a platform folder that lie at `path`, or one from elsewhere."""
    if path.is_file():
        return [read_document(path)]
    folder = nearest_folder(path)
    found = read_sources(folder).documents() if folder else ()
    return [document for document in found if document.mark(()).file.is_relative_to(path)]
