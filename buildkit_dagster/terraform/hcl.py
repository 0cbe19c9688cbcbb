"""Files of a root as plain dicts in the shape of Terraform's JSON syntax, whichever syntax they are written in.

Parsing is python-hcl2's; its errors become ours here. What the blocks mean is read in `reading.py`, the references in
their expressions in `references.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

from buildkit_dagster.errors import InvalidRoot

#: Blocks of a root by their labels.
Blocks = Mapping[str, Mapping[tuple[str, ...], Any]]

_OPTIONS = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
_LABELS = {
    "module": 1,
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "output": 1,
    "variable": 1,
    "provider": 1,
    "terraform": 0,
    "locals": 0,
}
_LETTER = re.compile(r"[^\W\x00-\x7f]")
_STAND_IN = re.compile(r"_u([0-9a-f]{2,6})_")


def root_files(folder: Path) -> list[Path]:
    """The configuration files of a folder, in the order in which Terraform reads them."""
    return sorted((path for path in folder.glob("*.tf*") if path.name.endswith((".tf", ".tf.json"))), key=_turn)


def value_files_beside(folder: Path) -> list[Path]:
    """The files in the root that Terraform reads values from by itself, the stronger ones last."""
    files = [folder / "terraform.tfvars", folder / "terraform.tfvars.json"]
    files += sorted(path for path in folder.glob("*.auto.tfvars*") if path.name.endswith((".tfvars", ".tfvars.json")))
    return [file for file in files if file.is_file()]


def read_values(files: Iterable[Path]) -> dict[str, Any]:
    """The values in `.tfvars` files (or backend settings, which are written the same way), the later win."""
    return {name: value for file in files for name, value in document(file).items()}


def document(file: Path) -> Mapping[str, Any]:
    """What a file says; raises InvalidRoot with the place of an error."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return json.loads(text) if file.suffix == ".json" else _parse(text)
    except Exception as error:  # noqa: BLE001 - lark raises many kinds for one fact: the file cannot be parsed
        raise _unreadable(file, error) from None


@lru_cache(maxsize=256)
def _parse(text: str) -> Mapping[str, Any]:
    """HCL as data that nobody changes: stacks share their modules, and parsing is slow.

    Terraform takes letters of every alphabet in names, the parser those of one: it gets stand-ins.
    """
    try:
        return hcl2.loads(text, serialization_options=_OPTIONS)
    except Exception:
        if text.isascii():
            raise
    stood_in = _LETTER.sub(lambda found: f"_u{ord(found[0]):x}_", text)
    return _back(hcl2.loads(stood_in, serialization_options=_OPTIONS))


def _back(value: Any) -> Any:
    if isinstance(value, str):
        return _STAND_IN.sub(lambda found: chr(int(found[1], 16)), value)
    if isinstance(value, Mapping):
        return {_back(name): _back(inner) for name, inner in value.items()}
    return [_back(inner) for inner in value] if isinstance(value, list) else value


def _unreadable(file: Path, error: Exception) -> InvalidRoot:
    """The place of a syntax error, without the text that stands there: it may be a secret."""
    line = getattr(error, "line", getattr(error, "lineno", 0))
    column = getattr(error, "column", getattr(error, "colno", 0))
    if line > 0:
        return InvalidRoot(f"{file}:{line}", f"a syntax error at column {column}; `terraform validate` explains it")
    return InvalidRoot(file, f"cannot be read as Terraform configuration ({type(error).__name__})")


def _turn(file: Path) -> tuple[bool, str]:
    """Terraform reads files by name, those that override others last."""
    stem = file.name.partition(".")[0]
    return stem == "override" or stem.endswith("_override"), file.name


def merge(documents: Iterable[Mapping[str, Any]]) -> dict[str, dict[tuple[str, ...], Any]]:
    """The blocks of documents, kind → labels → body; the later files win."""
    blocks: dict[str, dict[tuple[str, ...], Any]] = {kind: {} for kind in _LABELS}
    for document in documents:
        for kind, depth in _LABELS.items():
            for labels, body in labelled(document.get(kind, {}), depth):
                # Several configurations of one provider differ in their alias only.
                labels = (*labels, str(body.get("alias", ""))) if kind == "provider" else labels
                blocks[kind][labels] = {**blocks[kind].get(labels, {}), **body}
    return blocks


def labelled(value: Any, depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Labels and body of every block in either syntax; lists stand anywhere."""
    if isinstance(value, list):
        for item in value:
            yield from labelled(item, depth)
    elif depth == 0:
        yield (), value
    else:
        for label, inner in value.items():
            for labels, body in labelled(inner, depth - 1):
                yield (label, *labels), body


def is_true(value: Any) -> bool:
    """In either syntax."""
    return value in (True, "true", "${true}")
