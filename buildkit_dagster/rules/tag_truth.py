"""Whether tags are the same in three places: in the configuration, in a plan's `tags_all`, and on what is there.

Pure. A plan refreshes first, so it also says which tags the provider found on each resource; that counts for types the
Resource Groups Tagging API does not list (roles), and for Google. Making the plan and reading the API is
`terraform/tag_truth.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.rules.tags import ADOPTED
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.state import State

Tags = Mapping[str, str]


@dataclass(frozen=True)
class TagDifference:
    """One tag of one resource that is not the same everywhere; None where a place does not have it.

    `live` is None as well where the resource is still to be made.
    """

    unit: str
    address: str
    key: str
    wanted: str | None
    planned: str | None
    live: str | None

    def __str__(self) -> str:
        places = (("wanted", self.wanted), ("planned", self.planned), ("live", self.live))
        said = ", ".join(f"{place} {'missing' if value is None else repr(value)}" for place, value in places)
        return f"{self.address}: {self.key}: {said}"


@dataclass(frozen=True)
class Carried:
    """A resource with the tags its plan gives it, and those the provider found on it (None: it is still to be made)."""

    unit: str
    address: str
    arn: str
    planned: Tags
    found: Tags | None


def tag_differences(
    resources: Iterable[Carried], wanted: Mapping[str, Tags], live: Mapping[str, Tags]
) -> Iterator[TagDifference]:
    """Every tag that differs; `wanted` by unit, `live` by ARN.

    Tags a module adds of its own are in the plan alone, which is no difference. Tags AWS sets itself (`aws:`) are not
    looked at.
    """
    for each in resources:
        asked = wanted.get(each.unit, {})
        there = live.get(each.arn, each.found) if each.found is not None else None
        for key in sorted({*asked, *each.planned, *(there or {})}):
            want, plan, found = asked.get(key), each.planned.get(key), (there or {}).get(key)
            same = want in (None, plan) and (there is None or found == plan)
            if not same and not key.startswith("aws:"):
                yield TagDifference(each.unit, each.address, key, want, plan, found)


def carried_in_plan(plan: Plan) -> Iterator[Carried]:
    """What stays of the resources of a plan with changes; those whose tags only an apply will tell are left out."""
    units = {change.address: change.unit for change in plan.resources if change.stays}
    for item in plan.document["resource_changes"]:
        change, address = item["change"], item["address"]
        name, planned = _all_of(change.get("after") or {})
        coming = (change.get("after_unknown") or {}).get(name)
        if address in units and planned is not None and not coming and not item["type"].startswith(ADOPTED):
            before = change.get("before") if "create" not in change["actions"] else None
            found = None if before is None else _all_of(before)[1] or {}
            yield Carried(units[address], address, str((before or {}).get("arn")), planned, found)


def carried_in_state(state: State, root: Root) -> Iterator[Carried]:
    """The same of a stack whose plan changes nothing: all is as the state says."""
    for resource in state.resources:
        _, tags = _all_of(resource.values)
        if tags is not None and not resource.type.startswith(ADOPTED):
            arn = str(resource.values.get("arn"))
            yield Carried(root.unit_of(resource.address), resource.address, arn, tags, tags)


def _all_of(values: Mapping[str, Any]) -> tuple[str, Tags | None]:
    """The attribute that holds all tags of a resource, or all labels of one of Google; None where it has none."""
    name = next((name for name in ("tags_all", "effective_labels") if name in values), "")
    tags = values.get(name)
    return name, tags if isinstance(tags, Mapping) else None
