"""Secrets Manager: ValidateResourcePolicy, which Terraform asks before it writes a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.secretsmanager.responses import SecretsManagerResponse

from buildkit_dagster.emulator.actions import replace


def install() -> None:
    """Add the action moto lacks."""
    replace(SecretsManagerResponse, validate_resource_policy)


def validate_resource_policy(self: SecretsManagerResponse) -> str:
    """Whether the policy is one, and grants nothing to everybody."""
    errors = [{"CheckName": name, "ErrorMessage": said} for name, said in _errors(self._get_param("ResourcePolicy"))]
    return json.dumps({"PolicyValidationPassed": not errors, "ValidationErrors": errors})


def _errors(text: str) -> Iterator[tuple[str, str]]:
    try:
        statements: Any = json.loads(text)["Statement"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        yield "SYNTAX", f"The policy is no JSON object with a Statement: {error}"
        return
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        if missing := [name for name in ("Effect", "Action", "Principal") if name not in statement]:
            yield "SYNTAX", f"Statement {number} lacks {', '.join(missing)}"
        elif statement["Effect"] == "Allow" and _is_public(statement):
            yield "PUBLIC_ACCESS", f"Statement {number} grants access to everybody"


def _is_public(statement: dict[str, Any]) -> bool:
    principal = statement["Principal"]
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return "*" in (named if isinstance(named, list) else [named]) and not statement.get("Condition")
