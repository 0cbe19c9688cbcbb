"""A small evaluator of IAM policy documents: enough for the operators our own policies use, loud about any other.

After https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: a Deny that applies
wins, then an Allow that applies; a condition applies when all its operators do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Context = Mapping[str, str]


def allows(policies: str | Sequence[str], action: str, resource: str = "*", **context: str) -> bool:
    """Whether the documents together allow an action; context keys are written `iam_PermissionsBoundary`."""
    given = {key.replace("_", ":", 1): value for key, value in context.items()}
    documents = [policies] if isinstance(policies, str) else policies
    statements = [statement for document in documents for statement in json.loads(document)["Statement"]]
    effects = {statement["Effect"] for statement in statements if _applies(statement, action, resource, given)}
    return effects == {"Allow"}


def trusts(document: str, **claims: str) -> bool:
    """Whether a role's trust policy lets in a GitHub token with these claims (`aud`, `sub`)."""
    token = {f"token.actions.githubusercontent.com:{name}": value for name, value in claims.items()}
    return any(
        statement["Effect"] == "Allow" and _holds(statement["Condition"], token)
        for statement in json.loads(document)["Statement"]
    )


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        _matches(statement["Action"], action)
        and _matches(statement["Resource"], resource)
        and _holds(statement.get("Condition", {}), context)
    )


def _matches(patterns: str | Sequence[str], value: str) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in _list(patterns))


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _compare(operator, _list(expected), context.get(key))
        for operator, keys in condition.items()
        for key, expected in keys.items()
    )


def _compare(operator: str, expected: Sequence[str], actual: str | None) -> bool:
    if operator in ("StringEquals", "ArnEquals", "ForAnyValue:StringEquals"):
        return actual in expected
    if operator in ("StringLike", "ArnLike"):
        return actual is not None and any(fnmatchcase(actual, pattern) for pattern in expected)
    if operator == "ForAllValues:StringLike":
        return actual is None or any(fnmatchcase(actual, pattern) for pattern in expected)
    raise AssertionError(f"this evaluator does not know {operator}")


def _list(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
