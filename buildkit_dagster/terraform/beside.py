"""What a root reads besides its own files: local modules, and the files its expressions name; and hashes of both.

Which files a module consists of is `module_folder.py`'s; what the root itself says is read in `reading.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.module_folder import NOT_CODE, module_files

#: A path in an expression: what follows `${path.module}`, or the first argument of a function that reads files.
_READ = re.compile(r'\$\{path\.(?:module|root)\}/([^"$%\s]+)|(?:file|templatefile|file[a-z0-9]+)\(\s*"([^"$%]+)')


@dataclass(frozen=True)
class Beside:
    """What a reading looks at besides the root's own files: local modules by their source, and paths in expressions."""

    modules: tuple[str, ...]
    paths: tuple[str, ...]

    def digest(self, folder: Path) -> str:
        """Changes with everything that lies there."""
        modules = [[source, [digest_file(file) for file in module_files(folder / source)]] for source in self.modules]
        return digest([modules, [[str(file), *digest_file(file)] for file in files_read(folder, self.paths)]])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def paths_in(value: Any) -> set[str]:
    """The paths that expressions anywhere in a value read, as far as they are written out."""
    expressions = (text for text in _texts(value) if "{" in text or "(" in text)
    return {"".join(path) for text in expressions for path in _READ.findall(text)}


def files_read(root: Path, paths: Iterable[str]) -> list[Path]:
    """The files such paths of a root can mean, each once."""
    return sorted({file for path in paths for file in _files_at(root, path)})


def _files_at(root: Path, path: str) -> Iterator[Path]:
    """The files a path in an expression can mean; `path` ends where its unwritten part begins."""
    place = root / path.lstrip("/")
    if place.is_file():
        yield place
    elif path.strip("/"):
        folder = place if place.is_dir() else place.parent
        inside = folder.is_dir() and folder.resolve().is_relative_to(root.resolve()) and not folder.samefile(root)
        for file in sorted(folder.rglob("*")) if inside else ():
            if file.is_file() and not NOT_CODE & set(file.relative_to(root).parts):
                yield file


def digest(value: Any) -> str:
    """A hash of JSON-like data."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_file(file: Path) -> list[str]:
    """A file's name and a hash of what is in it."""
    return [file.name, hashlib.sha256(file.read_bytes()).hexdigest()]
