"""A root that was read before: its reading is noted in the stack's work folder, because parsing HCL is most of what
loading definitions costs, and they are loaded again for every run and step.

A note holds the `Root`, and hashes of all it was read from: no text of a file, no value of a variable, no setting that
may be secret, and of a file of values not even a hash. One that does not fit, or cannot be read, is as none. The
reading itself is `reading.py`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from buildkit_dagster.terraform import beside, hcl, module_folder, reading, references, secret_names
from buildkit_dagster.terraform import root as model
from buildkit_dagster.terraform.beside import Beside, digest, digest_file
from buildkit_dagster.terraform.hcl import read_values, root_files
from buildkit_dagster.terraform.private import make_work_folder, write_private
from buildkit_dagster.terraform.reading import open_reading
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.secret_names import masked

#: The name of a note in the stack's work folder.
NOTE = "reading.json"


@dataclass(frozen=True)
class _Note:
    """A reading and hashes of its sources: what is in the root, in modules and files beside it, what it is given."""

    files: str
    around: str
    values: str
    beside: Beside
    root: Root

    def fits(self, folder: Path, given: Mapping[str, Any]) -> bool:
        """Whether what lies beside these files, and the given values, are the ones of the reading."""
        return self.around == self.beside.digest(folder) and self.values == _digest_of_values(self.root, given)


_NOTE = TypeAdapter(_Note)


def read_again(
    work: Path, folder: Path, name: str, given: Mapping[str, Any], value_files: Sequence[Path], workspace: str
) -> Root:
    """What `read_root` returns, from the note in `work` where everything is as it was."""
    sources = [[digest_file(file) for file in root_files(folder)], [_mark_of(file) for file in value_files]]
    files = digest([_reader(), name, workspace, sorted(given), *sources])
    note = _noted(work / NOTE)
    if note and note.files == files and note.fits(folder, given):
        return note.root
    opened = open_reading(folder, name, given, read_values(value_files), workspace)
    # Before the modules are read: what changes meanwhile makes the note unfit, never wrong.
    around = opened.beside.digest(folder)
    root = opened.root()
    if _may_be_noted(root):
        _keep(work, _Note(files, around, _digest_of_values(root, given), opened.beside, root))
    return root


@cache
def _reader() -> str:
    """Another one makes another root of the same files."""
    modules = (beside, hcl, module_folder, reading, references, model, secret_names)
    sources = [digest_file(Path(str(module.__file__))) for module in modules]
    return digest([version("python-hcl2"), sources])


def _mark_of(file: Path) -> list[Any]:
    """What tells that a file of values was written, as git knows it; its hash would be one of the secrets in it."""
    found = file.stat()
    return [str(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _digest_of_values(root: Root, values: Mapping[str, Any]) -> str:
    """Of the values that count: the hash of a short secret could be guessed, and no unit's code depends on one."""
    read = {name for unit in root.units for name in unit.variables} - root.secret_variables
    return digest({name: values[name] for name in read if name in values})


def _may_be_noted(root: Root) -> bool:
    """Not where the backend block holds a secret, or an address, which may hold a password."""
    return masked(root.backend) == root.backend and "://" not in json.dumps(root.backend)


def _noted(file: Path) -> _Note | None:
    try:
        return _NOTE.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(work: Path, note: _Note) -> None:
    """Best effort: definitions are loaded from folders nobody may write, too."""
    with contextlib.suppress(OSError):
        make_work_folder(work)
        write_private(work / NOTE, _NOTE.dump_json(note).decode())
