"""Which attributes differ between the two sides of a change, and which of them the configuration writes.

Names only: values stay behind, so that nothing sensitive can be told by mistake. Whether a difference counts as drift
is decided in `rules/drift.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_INDEX = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')


def differing(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> frozenset[str]:
    """The top-level attributes whose values differ: an empty value is no value, and JSON may be worded differently."""
    old, new = before or {}, after or {}
    return frozenset(name for name in {*old, *new} if _plain(old.get(name)) != _plain(new.get(name)))


def written_in(configuration: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Address without indexes → the attributes its resource block writes, from the `configuration` of a plan."""
    return dict(_written(configuration.get("root_module") or {}, ""))


def computed_in(schemas: Mapping[str, Any]) -> dict[str, list[str]]:
    """Resource type → attributes the provider may fill in by itself, from `terraform providers schema -json`."""
    return {
        kind: sorted(
            name for name, attribute in schema["block"].get("attributes", {}).items() if attribute.get("computed")
        )
        for provider in (schemas.get("provider_schemas") or {}).values()
        for kind, schema in (provider.get("resource_schemas") or {}).items()
    }


def without_indexes(address: str) -> str:
    """The address of the block an instance comes from."""
    return _INDEX.sub("", address)


def _written(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    for resource in module.get("resources") or ():
        yield prefix + resource["address"], frozenset(resource.get("expressions") or ())
    for name, call in (module.get("module_calls") or {}).items():
        yield from _written(call.get("module") or {}, f"{prefix}module.{name}.")


def _plain(value: Any) -> Any:
    """A value in the one form that all its equals share; None for everything that says nothing."""
    if isinstance(value, Mapping):
        inner = {name: plain for name in value if (plain := _plain(value[name])) is not None}
        return inner or None
    if isinstance(value, list):
        return [_plain(item) for item in value] or None
    if isinstance(value, str):
        return _plain_text(value)
    return value or None


def _plain_text(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return _plain(json.loads(text))
        except ValueError:
            return text
    return text or None
