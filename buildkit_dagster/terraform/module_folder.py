"""What a folder is to whoever calls it as a module: its files, its outputs, and what a root would lack as one.

What is in a root is read in `reading.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from buildkit_dagster.terraform.hcl import document, is_true, merge, root_files

#: Beside a module: what Terraform and we ourselves write, and what is not part of it.
NOT_CODE = {".terraform", ".buildkit", "tests", "examples", ".git"}
_NOT_CODE_SUFFIXES = {".md", ".tfstate", ".backup"}
#: Blocks that Terraform refuses in a module that is called.
_ROOT_ONLY = ("import",)
_OUTPUT = re.compile(r'^output "([\w-]+)" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_ANY_OUTPUT = re.compile(r"^[^#\n]*\boutput\b[^=\n]*\{", re.MULTILINE)
_SENSITIVE = re.compile(r"\bsensitive\s*=\s*(.*?)\s*$", re.MULTILINE)
_SOURCE = re.compile(r'^\s*"?source"?\s*[=:]\s*"(\.{1,2}/[^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class Interface:
    """What another root would have to say to call this one as a module: its variables, its outputs with whether they
    are sensitive, the providers it configures, and kinds of blocks that only a root may have."""

    variables: tuple[str, ...]
    outputs: Mapping[str, bool]
    providers: frozenset[str]
    root_only: tuple[str, ...]


def interface_of(folder: Path) -> Interface:
    """Read a root as a module."""
    documents = [document(file) for file in root_files(folder)]
    blocks = merge(documents)
    return Interface(
        variables=tuple(name for (name,) in blocks["variable"]),
        outputs={name: is_true(body.get("sensitive")) for (name,), body in blocks["output"].items()},
        providers=frozenset(provider for provider, _ in blocks["provider"]),
        root_only=tuple(sorted({kind for document in documents for kind in document if kind in _ROOT_ONLY})),
    )


def module_outputs(folder: Path) -> tuple[str, ...]:
    """The outputs of a module that are not sensitive."""
    found: dict[str, bool] = {}
    for file in sorted(folder.glob("*.tf")):
        found |= _outputs(file, file.stat().st_mtime_ns)
    return tuple(name for name, sensitive in found.items() if not sensitive)


@lru_cache(maxsize=1000)
def _outputs(file: Path, _changed: int) -> dict[str, bool]:
    """Output → whether it is sensitive, read once for each version of a file: stacks call the same modules."""
    text = file.read_text()
    if not _ANY_OUTPUT.search(text):
        return {}
    plain = _plain_outputs(text)
    return _parsed_outputs(file) if plain is None else plain


def _parsed_outputs(file: Path) -> dict[str, bool]:
    outputs = merge([document(file)])["output"]
    return {name: is_true(body.get("sensitive")) for (name,), body in outputs.items()}


def _plain_outputs(text: str) -> dict[str, bool] | None:
    """Output → whether it is sensitive, from a file as `terraform fmt` leaves it; None where it is less plain.

    The parser takes a third of a second to start, and a platform of rendered roots needs it for nothing else.
    """
    blocks = _OUTPUT.findall(text)
    marks = {name: _SENSITIVE.findall(body) for name, body in blocks}
    is_plain = len(blocks) == len(_ANY_OUTPUT.findall(text)) and "<<" not in text and "/*" not in text
    if not is_plain or any(mark not in ([], ["true"], ["false"]) for mark in marks.values()):
        return None
    return {name: mark == ["true"] for name, mark in marks.items()}


def module_files(folder: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files of a folder and of local modules called in it."""
    folder = folder.resolve()
    if folder in seen:
        return
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if not file.is_file() or NOT_CODE & set(inside.parts) or file.suffix in _NOT_CODE_SUFFIXES:
            continue
        yield file
        if file.suffix == ".tf":
            for source in _SOURCE.findall(file.read_text(errors="replace")):
                called = (file.parent / source).resolve()
                if not called.is_relative_to(folder):
                    yield from module_files(called, seen | {folder})
