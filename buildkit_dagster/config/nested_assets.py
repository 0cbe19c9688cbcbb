"""The old form of an asset file, everything below one key `asset`, read as what is written today.

`governance` was where owner, class, retention and cost centre are said; they have places of their own now. What such a
file says and nothing does any more is left out, which `remarks.py` tells. Rewriting the file is `rewrite_assets.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.config.problems import KeyPath, Mark
from buildkit_dagster.config.yaml import Document

NESTED = "asset"
GOVERNANCE = "governance"

#: What `governance` said, and where it is said today.
MOVED: Mapping[str, tuple[str, str]] = {
    "owner": ("team", "owner"),
    "cost_center": ("finops", "cost_center"),
    "classification": ("compliance", "classification"),
    "retention_days": ("compliance", "retention_days"),
}
#: What nothing reads any more: how a table is written is its connector's to say, its history is Git's.
_GONE = ("target", "lineage", "audit")


@dataclass(frozen=True)
class Place:
    """A value of the old form: its path in the file, and the one it has today; None where it has none."""

    old: KeyPath
    new: KeyPath | None


def is_nested(document: Document) -> bool:
    return isinstance(document.data, Mapping) and isinstance(document.data.get(NESTED), Mapping)


def places(document: Document) -> Iterator[Place]:
    """Every value of a nested asset, in the order of the file."""
    inner = document.data[NESTED]
    for key, value in inner.items():
        path = (NESTED, key)
        if key == GOVERNANCE and isinstance(value, Mapping):
            for name in value:
                new = MOVED.get(name)
                taken = new is not None and new[1] in _mapping(inner.get(new[0]))
                yield Place((*path, name), None if taken else new)
        else:
            yield Place(path, None if key in _GONE else (key,))


def flattened(document: Document) -> Document:
    """The asset as it is written today, with the marks of what is written; any other document as it is."""
    if not is_nested(document):
        return document
    data: dict[str, Any] = {key: value for key, value in document.data.items() if key != NESTED}
    marks: dict[KeyPath, Mark] = {path: mark for path, mark in document.marks.items() if path[:1] != (NESTED,)}
    marks[()] = document.marks[(NESTED,)]
    for place in places(document):
        if place.new is not None:
            _set(data, place.new, document.at(*place.old).data)
            marks.setdefault(place.new[:1], document.marks[place.old])
    old = {place.old: place.new for place in places(document) if place.new is not None}
    for path, mark in document.marks.items():
        for size in (2, 3):
            if path[:size] in old:
                marks[(*old[path[:size]], *path[size:])] = mark
    return Document(data, marks, document.problems, document.broken)


def _set(data: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set a key, or one of a mapping below it."""
    if len(path) == 1:
        data[str(path[0])] = {**value, **_mapping(data.get(str(path[0])))} if isinstance(value, Mapping) else value
    else:
        data[str(path[0])] = {**_mapping(data.get(str(path[0]))), path[1]: value}


def _mapping(data: Any) -> Mapping[Any, Any]:
    return data if isinstance(data, Mapping) else {}
