"""Required tags: every taggable resource that stays carries them, its own or the provider's default ones.

Which tags a platform's resources get is the business of `buildkit_dagster/tags/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildkit_dagster.rules.verdicts import Finding
from buildkit_dagster.terraform.plan import Plan

#: Types that have `tags_all` and whose tags say nothing about ownership: the account has them anyway.
ADOPTED = "aws_default_"


def required_tags(plan: Plan, required: Sequence[str]) -> Iterator[Finding]:
    """A finding `tags/required` for each resource that lacks some; only AWS's `tags_all` is looked at."""
    units = {change.address: change.unit for change in plan.resources if change.stays}
    for item in plan.document.get("resource_changes", ()):
        address = item["address"]
        if address not in units or item["type"].startswith(ADOPTED):
            continue
        carried = _carried(item["change"])
        missing = [key for key in required if carried is not None and key not in carried]
        if missing:
            message = (
                f"lacks the required tags {', '.join(missing)}; set them in `tags` or in the provider's default_tags"
            )
            yield Finding("tags/required", units[address], address, message)


def _carried(change: Mapping[str, Any]) -> set[str] | None:
    """Keys of `tags_all` with a value or one to come; None where a resource has no tags or nothing of them is known."""
    after, unknown = change.get("after") or {}, change.get("after_unknown") or {}
    tags, coming = after.get("tags_all"), unknown.get("tags_all")
    if "tags_all" not in after or coming is True or isinstance(tags, str):
        return None
    known = {key for key, value in (tags or {}).items() if value}
    return known | {key for key, mark in (coming or {}).items() if mark}
