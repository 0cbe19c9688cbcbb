"""The digest of a plan: one hash over named parts, so that a refusal can say which part is another one now.

Pure functions: the same input gives the same digest. What the parts are made of is read from a stack in `inputs.py`;
what a digest is good for is in `plan_record.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

#: What a plan is made from, then what it says and the file that is applied; in the order in which a change is told.
PARTS = (
    "configuration",
    "variables",
    "upstream outputs",
    "state",
    "modules",
    "providers",
    "tools",
    "selection",
    "changes",
    "plan file",
)

#: As many hexadecimal digits as make a second plan with the same digest out of reach.
_LENGTH = 32


def hash_of(value: Any, key: str = "") -> str:
    """A hash of JSON-like data; `key` keeps whoever does not know it from trying out short values."""
    return hmac.new(key.encode(), _text(value).encode(), hashlib.sha256).hexdigest()


def digest_of(parts: Mapping[str, str]) -> str:
    """The digest over hashes by part; a part that is not known is refused, because nobody could compare it."""
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise ValueError(f"no part of a plan's digest: {', '.join(unknown)}")
    return hashlib.sha256(_text(dict(parts)).encode()).hexdigest()[:_LENGTH]


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The parts that are not the same in both."""
    return tuple(part for part in PARTS if before.get(part) != now.get(part))


def _text(value: Any) -> str:
    """One text for equal data, whatever the order of its keys; numbers and strings stay apart."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
