"""A document against a model: the model's instance, or problems that name place, culprit and what is allowed.

Only pydantic's errors are put into our words here. Rules that look at more than one entry are in `rules.py`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.config.yaml import Document

M = TypeVar("M", bound=BaseModel)

#: What a pattern of `models.py` means, for people.
_IN_WORDS = {
    r"^[a-z][a-z0-9-]*$": "lower-case letters, digits and hyphens, starting with a letter",
    r"^[a-z][a-z0-9_]*$": "lower-case letters, digits and underscores, starting with a letter",
    r"^[a-z][a-z0-9_-]*$": "lower-case letters, digits, hyphens and underscores, starting with a letter",
    r"^\d{12}$": "an account id of 12 digits in quotes",
    r"^[a-z]{2}(-[a-z]+)+-\d$": "a region such as us-east-1",
    r"^[A-Za-z0-9._-]+$": "letters, digits, dots, hyphens and underscores",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a variable name: letters, digits and underscores, not starting with a digit",
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$": "a bucket name of 3 to 63 lower-case letters, digits, dots and hyphens",
    r"^[^/].*$": "a key or key prefix that does not start with a slash",
    r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$": "the full ARN of a Secrets Manager secret",
}

_TYPES = {
    "string_type": "text (in quotes)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

#: Our words for pydantic's other kinds of errors.
_WORDED = {
    "missing": "required key is missing",
    "value_error": "{error}",
    "literal_error": "{shown} is not allowed; allowed: {expected}",
    "string_pattern_mismatch": "{shown} is not allowed; allowed: {pattern}",
    "string_too_short": "empty text is not allowed",
    "too_short": "empty; at least one entry is needed",
    "string_too_long": "too long with {length} characters; allowed: {max_length}, so that names made from it fit",
    "greater_than_equal": "{shown} is not allowed; allowed: {ge} or more",
    "less_than_equal": "{shown} is not allowed; allowed: {le} or less",
}

#: A default that could not be made because another key is wrong, which is reported already.
_CONSEQUENCE = "default_factory_not_called"

_SECRETIVE = ("secret", "password", "token", "webhook", "environment_variables")


def check(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """The instance, or None with every problem of the document."""
    try:
        # JSON mode: strict about scalars, yet lists become tuples.
        return model.model_validate_json(json.dumps(document.data)), []
    except ValidationError as error:
        found = (details for details in error.errors(include_url=False) if details["type"] != _CONSEQUENCE)
        return None, [_problem(document, model, details) for details in found]


def _problem(document: Document, model: type[BaseModel], details: ErrorDetails) -> Problem:
    path = written_path(document, details["loc"])
    return document.problem(path, _message(model, details))


def written_path(document: Document, path: KeyPath) -> KeyPath:
    """`path` with the spelling the file uses: a key may be written by its alias or by its name."""
    written: KeyPath = ()
    for part in path:
        if part == "[key]":
            break
        spellings = (part, part.replace("-", "_"), part.replace("_", "-")) if isinstance(part, str) else (part,)
        written = next((found for p in spellings if (found := (*written, p)) in document.marks), (*written, part))
    return written


def _message(model: type[BaseModel], details: ErrorDetails) -> str:
    kind, path, context = details["type"], details["loc"], details.get("ctx", {})
    shown = _shown(path, details["input"])
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), allowed_keys(model, path[:-1]))
    if kind in _TYPES:
        return f"{shown} is not {_TYPES[kind]}"
    if kind in _WORDED:
        return _WORDED[kind].format(shown=shown, length=len(str(details["input"])), **_in_words(context))
    return f"{shown} is not allowed: {details['msg'][0].lower()}{details['msg'][1:]}"


def _in_words(context: Mapping[str, Any]) -> dict[str, Any]:
    pattern = context.get("pattern")
    return {**context, "pattern": _IN_WORDS.get(str(pattern), pattern)}


def unknown_key(key: str, allowed: Sequence[str]) -> str:
    """The message for a key that is not `allowed`, with the nearest one that is."""
    by_spelling = {name.replace("-", "_").lower(): name for name in allowed}
    near = difflib.get_close_matches(key.replace("-", "_").lower(), by_spelling, n=1, cutoff=0.6)
    hint = f", did you mean `{by_spelling[near[0]]}`?" if near else ";"
    return f"unknown key `{key}`{hint} allowed: {', '.join(allowed)}"


def allowed_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys of the model at `path` below `model`, as people write them."""
    found = _model_at(model, path)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _model_at(annotation: Any, path: KeyPath) -> type[BaseModel] | None:
    models = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    if not path:
        return models[0] if models else None
    for model in models:
        for name, field in model.model_fields.items():
            if path[0] in (name, field.alias):
                return _model_at(field.annotation, path[1:])
    inside = [part for part in get_args(annotation) if part is not Ellipsis]
    rest = path[1:] if _is_container(annotation) else path
    return next((found for part in inside if (found := _model_at(part, rest))), None)


def _is_container(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    return isinstance(origin, type) and issubclass(origin, (tuple, Mapping))


def _parts(annotation: Any) -> Iterator[Any]:
    """The annotation and, for unions and Annotated, what they are made of."""
    yield annotation
    if not _is_container(annotation):
        for part in get_args(annotation):
            yield from _parts(part)


def _shown(path: KeyPath, found: Any) -> str:
    """The value for a message; never one that may be a secret."""
    if any(word in str(part).lower() for part in path for word in _SECRETIVE):
        return "this value"
    if isinstance(found, Mapping):
        return "a mapping"
    if isinstance(found, (list, tuple)):
        return "a list"
    if isinstance(found, bool):
        return f"the boolean {str(found).lower()}"
    if isinstance(found, (int, float)):
        return f"the number {found}"
    return "nothing" if found is None else repr(found if len(found) <= 80 else found[:77] + "...")
