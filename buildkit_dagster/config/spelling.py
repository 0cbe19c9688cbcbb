"""One spelling for every key: `slack_notification` is read as `slack-notification`, `vpc-config` as `vpc_config`.

The published file mixes hyphens and underscores. Here the keys of a document are brought to the spelling its model has,
at every depth, before anything else looks at them; marks keep what was written. Rewriting files is in `rewrite.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.config.yaml import Document


@dataclass(frozen=True)
class Keys:
    """The keys of a value: `own` are those of its model, by their plain spelling, each with the keys of its value;
    `inside` are those of the items of a list or the values of a mapping."""

    own: Mapping[str, tuple[str, Keys]]
    inside: Keys | None = None


def published(document: Document, model: type[BaseModel]) -> tuple[Document, list[Problem]]:
    """`document` in the spelling of `model`, and a problem for each key that is there in both spellings."""
    renamed: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    data = _spelled(document, document.data, keys_of(model), (), renamed, problems)
    if not renamed:
        return document, problems
    # Of two spellings the first one counts, also for where it is.
    marks = {_translated(path, renamed): mark for path, mark in reversed([*document.marks.items()])}
    return Document(data, marks, document.problems, document.broken), problems


def other_spellings(data: Any, model: type[BaseModel]) -> Iterator[tuple[KeyPath, str]]:
    """The path of each key that is not spelled as `model` does, and how it does."""
    return _others(data, keys_of(model), ())


@cache
def keys_of(model: type[BaseModel]) -> Keys:
    """The keys `model` knows."""
    own = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        own[plain(key)] = (key, _keys_below(field.annotation))
    return Keys(own)


def plain(key: str) -> str:
    """The spelling that keys are compared in."""
    return key.replace("-", "_")


def _keys_below(annotation: Any) -> Keys:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return keys_of(annotation)
    below = [_keys_below(part) for part in get_args(annotation) if part is not Ellipsis]
    if is_container(annotation):
        return Keys({}, below[-1] if below else None)
    own = {name: entry for keys in below for name, entry in keys.own.items()}
    return Keys(own, next((keys.inside for keys in below if keys.inside), None))


def is_container(annotation: Any) -> bool:
    """A list or a mapping, as models write them."""
    origin = getattr(annotation, "__origin__", None)
    return isinstance(origin, type) and issubclass(origin, (tuple, Mapping))


def _spelled(
    document: Document, data: Any, keys: Keys, path: KeyPath, renamed: dict[KeyPath, str], problems: list[Problem]
) -> Any:
    if isinstance(data, list) and keys.inside:
        return [
            _spelled(document, item, keys.inside, (*path, index), renamed, problems) for index, item in enumerate(data)
        ]
    if not isinstance(data, Mapping) or not (keys.own or keys.inside):
        return data
    found: dict[str, Any] = {}
    written: dict[str, str] = {}
    for name, value in data.items():
        key, below = _known(keys, name)
        if key != name:
            renamed[(*path, name)] = key
        if key in found:
            first = document.mark((*path, written[key])).line
            problems.append(
                document.problem((*path, name), f"the same key as `{written[key]}` in line {first}; keep one of them")
            )
            continue
        written[key] = name
        found[key] = _spelled(document, value, below, (*path, name), renamed, problems) if below else value
    return found


def _others(data: Any, keys: Keys, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(data, list) and keys.inside:
        for index, item in enumerate(data):
            yield from _others(item, keys.inside, (*path, index))
    elif isinstance(data, Mapping):
        for name, value in data.items():
            key, below = _known(keys, name)
            if key != name:
                yield (*path, name), key
            if below:
                yield from _others(value, below, (*path, name))


def _known(keys: Keys, name: str) -> tuple[str, Keys | None]:
    """The key in the model's spelling, with the keys of its value; itself where the model has no such key."""
    return keys.own.get(plain(name), (name, keys.inside))


def _translated(path: KeyPath, renamed: Mapping[KeyPath, str]) -> KeyPath:
    return tuple(renamed.get(path[: size + 1], part) for size, part in enumerate(path))
