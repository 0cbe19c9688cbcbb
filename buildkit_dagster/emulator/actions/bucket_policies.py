"""Bucket policies that refuse plain HTTP: a request that cannot leave the machine counts as one over TLS.

moto looks at no condition of a Deny statement, so such a policy would close the bucket to everyone. All other
statements stay with moto.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from buildkit_dagster.emulator.actions import replace


def install() -> None:
    """Leave statements about plain HTTP out of what moto decides by."""

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        kept = [statement for statement in _statements(document) if not _is_about_plain_http(statement)]
        return IAMPolicy(json.dumps({**document, "Statement": kept})).is_action_permitted(action, resource)

    replace(FakeBucket, get_permission)


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statement = document.get("Statement", [])
    return statement if isinstance(statement, list) else [statement]


def _is_about_plain_http(statement: Mapping[str, Any]) -> bool:
    asked = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and asked in ("false", ["false"], False)
