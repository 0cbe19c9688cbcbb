"""A document against a model: the model's instance, or problems that name place, culprit and what is allowed.

What is said about a culprit is in `wording.py`. Rules that look at more than one entry are in `rules.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.config.spelling import published
from buildkit_dagster.config.wording import message
from buildkit_dagster.config.yaml import Document

M = TypeVar("M", bound=BaseModel)

#: A default that could not be made because another key is wrong, which is reported already.
_CONSEQUENCE = "default_factory_not_called"


@dataclass(frozen=True)
class Checked(Generic[M]):
    """What a document says in the spelling of its model: the instance, or None and every problem."""

    document: Document
    value: M | None
    problems: list[Problem]


def check(document: Document, model: type[M]) -> Checked[M]:
    """`document` as a `model`."""
    spelled, clashes = published(document, model)
    try:
        # JSON mode: strict about scalars, yet lists become tuples.
        value = model.model_validate_json(json.dumps(spelled.data))
    except ValidationError as error:
        found = (details for details in error.errors(include_url=False) if not _follows(details))
        return Checked(spelled, None, [*clashes, *(_problem(spelled, model, details) for details in found)])
    return Checked(spelled, None if clashes else value, clashes)


def _follows(details: ErrorDetails) -> bool:
    """Whether it is reported only because of another: a list whose every entry is wrong counts as empty."""
    return details["type"] == _CONSEQUENCE or (details["type"] == "too_short" and bool(details["input"]))


def _problem(document: Document, model: type[BaseModel], details: ErrorDetails) -> Problem:
    path = _without_tags(document.data, details["loc"])
    if details["type"].startswith("union_tag"):
        path = (*path, "type")
    return document.problem(_place(document, path), message(model, details))


def _without_tags(data: Any, path: KeyPath) -> KeyPath:
    """pydantic's `path` as it is written: it names, below each choice of models, the `type` or `tag` that chose."""
    found: list[str | int] = []
    for part in path:
        if str(part).startswith("(") and not (isinstance(data, Mapping) and part in data):
            continue
        if isinstance(data, Mapping) and part not in data and part == data.get("type"):
            continue
        found.append(part)
        inside = (isinstance(data, Mapping) and part in data) or (isinstance(data, list) and isinstance(part, int))
        data = data[part] if inside else None
    return tuple(found)


def _place(document: Document, path: KeyPath) -> KeyPath:
    """Where pydantic's `path` is written: `- NAME: value` in a list is checked as a key of one mapping."""
    path = path[: path.index("[key]")] if "[key]" in path else path
    if not path or path in document.marks:
        return path
    *above, last = path
    for mark in document.marks:
        if len(mark) == len(path) + 1 and isinstance(mark[-2], int) and mark[-1] == last and [*mark[:-2]] == above:
            return mark
    return path
