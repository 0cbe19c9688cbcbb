"""Tags as Dagster takes them on assets, and the owners it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from buildkit_dagster.tags.rendering import shortened

#: Dagster's strict tags: 63 of these characters (dagster/_utils/tags.py).
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]")
_LENGTH = 63
#: What Dagster takes for an e-mail address (dagster/_core/utils.py).
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


def dagster_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as Dagster accepts them on assets: letters, digits and `_.-`, at most 63."""
    return {_clean(key): _clean(value) for key, value in sorted(tags.items())}


def owners(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The asset owners for Dagster: the `owner` tag as an e-mail address or as `team:<name>`; empty without one."""
    owner = tags.get("owner", "")
    if not owner or _EMAIL.fullmatch(owner):
        return (owner,) if owner else ()
    name = owner.removeprefix("team:").strip()
    return (f"team:{name}",) if name else ()


def _clean(text: str) -> str:
    return shortened(_ILLEGAL.sub("_", text.strip()), _LENGTH, text)
