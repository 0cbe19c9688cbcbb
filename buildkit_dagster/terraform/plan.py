"""A saved plan as data: what it does to which unit. Read once from `terraform show -json`, never kept as text.

Sensitive values are dropped while reading, so nothing that is made of a `Plan` can leak one. Making a plan is
`engine.py`, judging it is the business of `rules/` and of the selection check here.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import SelectionTooNarrow
from buildkit_dagster.terraform.import_ids import FORETOLD
from buildkit_dagster.terraform.journal import PlannedCreate
from buildkit_dagster.terraform.root import Root

_QUIET = (["no-op"], ["read"], ["forget"])


@dataclass(frozen=True)
class Counts:
    """What is done to the resources of a unit; a replacement counts as one to add and one to destroy."""

    add: int = 0
    change: int = 0
    destroy: int = 0


@dataclass(frozen=True)
class ResourceChange:
    """One resource instance in a plan; `values` are the planned ones that are known and not sensitive."""

    address: str
    unit: str
    type: str
    actions: tuple[str, ...]
    id: str | None
    values: Mapping[str, Any] = field(repr=False)

    @property
    def changes(self) -> bool:
        return list(self.actions) not in _QUIET

    @property
    def stays(self) -> bool:
        """Whether the resource is there after the apply."""
        return self.actions != ("delete",)


@dataclass(frozen=True)
class Plan:
    """A saved plan; `file` is None for one that changes nothing."""

    stack: str
    file: Path | None
    resources: tuple[ResourceChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.file is None

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        return tuple(resource for resource in self.resources if resource.changes)

    @property
    def changed_units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(change.unit for change in self.changes))

    def counts(self, unit: str) -> Counts:
        """The counts of one unit."""
        actions = Counter(action for change in self.changes if change.unit == unit for action in change.actions)
        return Counts(actions["create"], actions["update"], actions["delete"])

    def creates(self) -> dict[str, PlannedCreate]:
        """Address → what an import id could be made of, for every resource to be created."""
        return {
            change.address: PlannedCreate(change.type, _import_fields(change))
            for change in self.changes
            if "create" in change.actions
        }

    def summary(self, units: Sequence[str] | None = None) -> str:
        """The plan as a Markdown table: a row for each of `units` (all changed ones if not named), and the whole."""
        if not self.changes:
            return "No changes."
        shown = self.changed_units if units is None else units
        actions = Counter(action for change in self.changes for action in change.actions)
        rows = [(unit, self.counts(unit)) for unit in shown]
        rows.append(("*the whole stack*", Counts(actions["create"], actions["update"], actions["delete"])))
        lines = [f"| {name} | {counts.add} | {counts.change} | {counts.destroy} |" for name, counts in rows]
        return "\n".join(["| unit | add | change | destroy |", "|---|---:|---:|---:|", *lines])


def parse_plan(text: str, stack: str, root: Root, file: Path) -> Plan:
    """A plan from the text of `terraform show -json`."""
    data = json.loads(text)
    managed = (item for item in data.get("resource_changes", ()) if item.get("mode") == "managed")
    return Plan(stack, file, tuple(_change(item, root) for item in managed))


def check_selection(plan: Plan, root: Root, selected: Sequence[str]) -> None:
    """Refuse a plan that changes units outside the selection; a full selection may change anything.

    `-target` follows dependencies, so a narrow selection can reach further than it says.
    """
    outside = [unit for unit in plan.changed_units if unit not in selected]
    if not outside or set(selected) == set(root.names):
        return
    wanted = {*selected, *outside}
    needed = [unit for unit in root.names if unit in wanted]
    raise SelectionTooNarrow(plan.stack, sorted(selected), sorted(outside), needed)


def _change(item: Mapping[str, Any], root: Root) -> ResourceChange:
    change = item["change"]
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    sensitive = change.get("after_sensitive") or {}
    values = {
        name: value
        for name, value in after.items()
        if value is not None and not _any(unknown, name) and not _any(sensitive, name)
    }
    kept = before.get("id") if "create" not in change["actions"] else None
    return ResourceChange(
        address=item["address"],
        unit=root.unit_of(item["address"]),
        type=item["type"],
        actions=tuple(change["actions"]),
        id=kept or values.get("id"),
        values=values,
    )


def _any(marks: Any, name: str) -> bool:
    """Whether anything inside this attribute is marked; marks mirror the value's shape."""
    return _marked(marks.get(name)) if isinstance(marks, Mapping) else bool(marks)


def _marked(mark: Any) -> bool:
    if isinstance(mark, Mapping):
        return any(_marked(inner) for inner in mark.values())
    if isinstance(mark, list):
        return any(_marked(inner) for inner in mark)
    return bool(mark)


def _import_fields(change: ResourceChange) -> dict[str, str]:
    names = _fields(FORETOLD.get(change.type, ""))
    return {name: str(change.values[name]) for name in names if name in change.values}


def _fields(rule: str) -> Iterable[str]:
    return (name.partition("|")[0] for _, name, _, _ in string.Formatter().parse(rule) if name)
