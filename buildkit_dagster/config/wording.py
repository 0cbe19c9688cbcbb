"""What pydantic finds wrong, in words for people: the culprit, what is allowed, and the nearest of it.

Where it stands in which file is `check.py`'s. A pattern or kind of error that a model comes to use gets its words here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from buildkit_dagster.config.problems import KeyPath
from buildkit_dagster.config.spelling import is_container, plain

#: What a pattern of a model means, for people.
IN_WORDS = {
    r"^[a-z][a-z0-9-]*$": "lower-case letters, digits and hyphens, starting with a letter",
    r"^[a-z][a-z0-9_]*$": "lower-case letters, digits and underscores, starting with a letter",
    r"^[a-z][a-z0-9_-]*$": "lower-case letters, digits, hyphens and underscores, starting with a letter",
    r"^\d{12}$": "an account id of 12 digits in quotes",
    r"^[a-z]{2}(-[a-z]+)+-\d$": "a region such as us-east-1",
    r"^[a-z]+-[a-z]+\d{1,2}$": "a region of Google Cloud such as us-central1",
    r"^\d{4}-\d{2}-\d{2}$": "a day such as 2026-10-01, in quotes",
    r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+$": "a table of BigQuery, PROJECT.DATASET.TABLE",
    r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$": "a project id: 6 to 30 lower-case letters, digits and hyphens",
    r"^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\.gserviceaccount\.com$": "NAME@PROJECT.iam.gserviceaccount.com",
    r"^projects/[^/]+/notificationChannels/\d+$": "projects/PROJECT/notificationChannels/NUMBER",
    r"^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$": "NAME or projects/PROJECT/secrets/NAME",
    r"^projects/[^/]+/locations/[^/]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+$": (
        "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY"
    ),
    r"^[a-z0-9.-]+\.(pkg\.dev|gcr\.io)(/[a-z0-9._-]+)+$": "LOCATION-docker.pkg.dev/PROJECT/REPOSITORY",
    r"^[1-9][0-9]*(Mi|Gi)$": "a size such as 512Mi or 2Gi",
    r"^[1-9][0-9]*(MB|GB|Mi|Gi)$": "a size such as 512MB or 1GB",
    r"^python31[1-9]$": "a Python runtime of Cloud Run functions from python311 on",
    r"^[A-Za-z0-9._-]+$": "letters, digits, dots, hyphens and underscores",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a variable name: letters, digits and underscores, not starting with a digit",
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$": "a bucket name of 3 to 63 lower-case letters, digits, dots and hyphens",
    r"^[^/].*$": "a key or key prefix that does not start with a slash",
    r"^[^/].*/$": "a key prefix that ends in a slash and does not start with one",
    r"^projects/[^/]+/subscriptions/[^/]+$": "projects/PROJECT/subscriptions/NAME",
    r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$": (
        "a bucket of Cloud Storage: 3 to 63 lower-case letters, digits, dots, hyphens and underscores"
    ),
    r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$": "an import path such as package.module:name",
    r"^[a-z0-9]+(\+[a-z0-9]+)?$": "a driver of SQLAlchemy such as postgresql or mysql+pymysql",
    r"^https?://\S+$": "a URL: https://HOST/PATH, or http",
    r"^vpc-[0-9a-z]+$": "the id of a VPC, as in vpc-0a1b2c3d",
    r"^subnet-[0-9a-z]+$": "the id of a subnet, as in subnet-0a1b2c3d",
    r"^sg-[0-9a-z]+$": "the id of a security group, as in sg-0a1b2c3d",
    r"^[a-z0-9]+([._/-][a-z0-9]+)*$": "the name of an ECR repository, without account and region",
    r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$": "an image tag: letters, digits, dots, hyphens and underscores",
    r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$": "the full ARN of a Secrets Manager secret",
    r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+|projects/[^/\s]+/secrets/[\w-]+(/versions/\w+)?)$": (
        "the full ARN of a Secrets Manager secret, or projects/PROJECT/secrets/NAME of Google's Secret Manager"
    ),
    r"^[^@\s]+@[^@\s]+$": "an e-mail address",
    r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+)?$": "the ARN of an SNS topic that is not FIFO",
    r"^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/\S+$": "the ARN of an IAM policy",
    r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$": "the ARN of an IAM role",
    r"^arn:aws[a-z-]*:iam::\d{12}:(user|role)/[A-Za-z0-9+=,.@_/-]+$": "the ARN of an IAM user or role, no wildcards",
    r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/\S+$": "the ARN of a KMS key, not of an alias",
    r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+$": (
        "the ARN of a connection of CodeConnections"
    ),
    r"^arn:aws[a-z-]*:redshift-serverless:[a-z0-9-]+:\d{12}:workgroup/\S+$": "the ARN of a workgroup of Redshift",
    r"^[a-z0-9-]+:[A-Za-z]+$": "an action of IAM without wildcards, as in s3:GetObject",
    r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?]*)?$": "s3://BUCKET/PREFIX without wildcards",
    r"^[^*?/]+\*?$": "the name of a database, with or without * at its end",
    r"^https?://[^\s/]+(/\S*)?$": "a URL: https://HOST/PATH, or http",
    r"^[^\s/@?#]+$": "the name of a host alone, without scheme, user, port and path",
    r"^https?://[^\s/@?#]+(/[^\s?#]*)?$": "a URL without user and query: https://HOST/PATH, or http",
    (
        r"^\d{12}\.dkr[.-]ecr\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)/"
        r"[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$"
    ): (
        "ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG, as Lambda takes images of ECR only, or `image`, one of "
        "the platform's"
    ),
    r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$": "an image such as REGISTRY/REPOSITORY:TAG",
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
    "literal_error": "{shown} is not allowed{hint} allowed: {expected}",
    "union_tag_not_found": "required key is missing; allowed: {types}",
    "union_tag_invalid": "'{tag}' is not allowed{hint} allowed: {expected_tags}",
    "string_pattern_mismatch": "{shown} is not allowed; allowed: {pattern}",
    "string_too_short": "empty text is not allowed",
    "too_short": "empty; at least one entry is needed",
    "too_long": "too many entries with {actual_length}; allowed: {max_length}",
    "string_too_long": "too long with {length} characters; allowed: {max_length}, so that names made from it fit",
    "finite_number": "{shown} is not a number that has an end",
    "greater_than_equal": "{shown} is not allowed; allowed: {ge:g} or more",
    "less_than_equal": "{shown} is not allowed; allowed: {le:g} or less",
}

_SECRETIVE = (
    "secret",
    "password",
    "token",
    "webhook",
    "deploy_key",
    "api_key",
    "private_key",
    "headers",
    "environment_variables",
)


def message(model: type[BaseModel], details: ErrorDetails) -> str:
    """What is wrong with a value, what stands there and what is allowed."""
    kind, path, context = details["type"], details["loc"], details.get("ctx", {})
    shown = _shown(path, details["input"])
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), _models_at(model, path[:-1]))
    if kind in _TYPES:
        if isinstance(details["input"], str) and _TYPES[kind] == "a mapping":
            # What was written in place of a notification may be its URL.
            return "text is not a mapping"
        return f"{shown} is not {_TYPES[kind]}"
    if kind in _WORDED:
        words = {"length": len(str(details["input"])), "hint": _hint(details), "types": _types_at(model, path)}
        return _WORDED[kind].format(shown=shown, **words, **_in_words(context))
    return f"{shown} is not allowed: {details['msg'][0].lower()}{details['msg'][1:]}"


def _in_words(context: Mapping[str, Any]) -> dict[str, Any]:
    pattern = context.get("pattern")
    return {**context, "pattern": IN_WORDS.get(str(pattern), pattern)}


def _hint(details: ErrorDetails) -> str:
    """The nearest of the values that are allowed; `prod` is near to `production`."""
    context = details.get("ctx", {})
    found = str(context.get("tag", details["input"]))
    allowed = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
    by_lower = {value.lower(): value for value in allowed}
    low = found.lower()
    begun = [value for value in by_lower if low and (value.startswith(low) or low.startswith(value))]
    near = begun or difflib.get_close_matches(low, by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[near[0]]!r}?" if near else ";"


def _unknown(key: str, models: Sequence[type[BaseModel]]) -> str:
    """The message for a key that none of the `models` that may stand there has."""
    told = [getattr(model, "elsewhere", {}).get(plain(key)) for model in models]
    if any(told):
        return f"unknown key `{key}`: {next(filter(None, told))}"
    return unknown_key(key, _keys(models[:1]))


def unknown_key(key: str, allowed: Sequence[str]) -> str:
    """The message for a key that is not `allowed`, with the nearest one that is."""
    by_spelling = {plain(name).lower(): name for name in allowed}
    near = difflib.get_close_matches(plain(key).lower(), by_spelling, n=1, cutoff=0.6)
    hint = f", did you mean `{by_spelling[near[0]]}`?" if near else ";"
    return f"unknown key `{key}`{hint} allowed: {', '.join(allowed)}"


def _keys(models: Sequence[type[BaseModel]]) -> list[str]:
    """The keys of the models, as people write them."""
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _types_at(model: type[BaseModel], path: KeyPath) -> str:
    """What `type` may be where it chooses among the models at `path`."""
    return ", ".join(repr(tag) for each in _models_at(model, path) for tag in _tags(each))


def _models_at(annotation: Any, path: KeyPath) -> list[type[BaseModel]]:
    """The models that may stand at `path`: several where a `type` chooses among them."""
    models = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    if not path:
        return models
    chosen = [model for model in models if path[0] in _tags(model)]
    if chosen:
        return _models_at(chosen[0], path[1:])
    for model in models:
        for name, field in model.model_fields.items():
            if path[0] == (field.alias or name):
                return _models_at(field.annotation, path[1:])
    inside = [part for part in get_args(annotation) if part is not Ellipsis]
    rest = path[1:] if is_container(annotation) else path
    return next((found for part in inside if (found := _models_at(part, rest))), [])


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    """What `type` of a model may be where that chooses among models, or its `tag`."""
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field else (getattr(model, "tag", None),)


def _parts(annotation: Any) -> Iterator[Any]:
    """The annotation and, for unions and Annotated, what they are made of."""
    yield annotation
    if not is_container(annotation):
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
    if isinstance(found, str) and re.search(r"://\S*[@?]", found):
        # What stands before the @ and after the ? may let anybody in.
        return "this URL"
    return "nothing" if found is None else repr(found if len(found) <= 80 else found[:77] + "...")
