"""IAM policy documents as data: statements, and which actions and resources they cover.

Reference: IAM User Guide, "Grammar of the IAM JSON policy language". Conditions are evaluated in `conditions.py`; what
is wrong with a document is said by the other rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: A condition: operator as written, key in lower case, values.
Condition = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Statement:
    """One statement; `principals` is type → values (`{"*": ("*",)}` for everybody), None where there are none."""

    effect: str
    sid: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]] | None
    not_principals: Mapping[str, tuple[str, ...]] | None
    conditions: tuple[Condition, ...]

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def label(self) -> str:
        return f"statement {self.sid!r}" if self.sid else "a statement without Sid"

    @property
    def on_everything(self) -> bool:
        """Whether it is about all resources: `*`, or all but some."""
        return bool(self.not_resources) or any(not pattern.strip("*") for pattern in self.resources)

    def covers(self, action: str) -> bool:
        """Whether it is about an action, `iam:PassRole`, through wildcards and NotAction too."""
        if self.not_actions:
            return not any(matches(pattern, action, ignore_case=True) for pattern in self.not_actions)
        return any(matches(pattern, action, ignore_case=True) for pattern in self.actions)


def statements(document: str | Mapping[str, Any] | None) -> tuple[Statement, ...]:
    """The statements of a document; none of one that is no JSON, which AWS does not take either."""
    try:
        data = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return ()
    if not isinstance(data, Mapping):
        return ()
    found = data.get("Statement", ())
    return tuple(_statement(item) for item in _items(found) if isinstance(item, Mapping))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """IAM's wildcards: `*` is any text, `?` any one character; nothing else is special."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _statement(item: Mapping[str, Any]) -> Statement:
    return Statement(
        effect=str(item.get("Effect", "")),
        sid=str(item.get("Sid", "")),
        actions=_texts(item.get("Action")),
        not_actions=_texts(item.get("NotAction")),
        resources=_texts(item.get("Resource")),
        not_resources=_texts(item.get("NotResource")),
        principals=_principals(item.get("Principal")),
        not_principals=_principals(item.get("NotPrincipal")),
        conditions=tuple(_conditions(item.get("Condition"))),
    )


def _principals(value: Any) -> Mapping[str, tuple[str, ...]] | None:
    if value is None:
        return None
    return {kind: _texts(named) for kind, named in value.items()} if isinstance(value, Mapping) else {"*": ("*",)}


def _conditions(value: Any) -> Iterable[Condition]:
    for operator, keys in value.items() if isinstance(value, Mapping) else ():
        for key, expected in keys.items() if isinstance(keys, Mapping) else ():
            yield operator, key.lower(), _texts(expected)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in _items(value) if item is not None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]
