"""A saved plan as data: what it does to which unit. Read once from `terraform show -json`, never kept as text.

Sensitive values are dropped while reading, so nothing that is made of a `Plan` can leak one. Making a plan is
`engine.py`, judging it is the business of `rules/` and of the selection check here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import SelectionTooNarrow
from buildkit_dagster.terraform.differences import differing, written_in
from buildkit_dagster.terraform.import_ids import kept_fields
from buildkit_dagster.terraform.journal import PlannedCreate
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.secret_names import MARK, SENSITIVE, masked

#: Stands for a value that only the apply will tell.
UNKNOWN = object()

_QUIET = (["no-op"], ["read"], ["forget"])


@dataclass(frozen=True)
class Counts:
    """What is done to the resources of a unit; a replacement counts as one to add and one to destroy."""

    add: int = 0
    change: int = 0
    destroy: int = 0


@dataclass(frozen=True)
class ResourceChange:
    """One resource instance in a plan; `values` are the planned ones that are known and not sensitive, `before` those
    the state has, what is secret by name masked in both; `unknown` names attributes known after the apply only.
    `importing` is the id of an import, `moved_from` the address it had before."""

    address: str
    unit: str
    type: str
    actions: tuple[str, ...]
    id: str | None
    values: Mapping[str, Any] = field(repr=False)
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unknown: frozenset[str] = frozenset()
    importing: str | None = None
    #: Names of attributes whose values differ before and after, sensitive ones too.
    differing: frozenset[str] = frozenset()
    moved_from: str | None = None

    @property
    def changes(self) -> bool:
        return list(self.actions) not in _QUIET

    @property
    def removes(self) -> bool:
        """Whether the object that is there now goes, for good or to be replaced."""
        return "delete" in self.actions

    @property
    def stays(self) -> bool:
        """Whether the resource is in the state after the apply."""
        return self.actions not in (("delete",), ("forget",))

    @property
    def rewrites(self) -> str | None:
        """What the apply does to the state alone, where the object itself stays as it is."""
        if self.changes:
            return None
        if self.actions == ("forget",):
            return "forgotten"
        return "imported" if self.importing else "moved" if self.moved_from else None


@dataclass(frozen=True)
class Plan:
    """A saved plan; `file` is None for one that changes nothing.

    `drift` is what Terraform found changed outside of it, each `values` what is there and `before` what was recorded.
    `outputs` are the root outputs after the apply, with `UNKNOWN` for what only the apply will tell and `SENSITIVE`.
    `document` is `terraform show -json` without any sensitive value, for the user's own policies.
    """

    stack: str
    file: Path | None
    resources: tuple[ResourceChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    #: Address without indexes -> names of the attributes its block writes.
    written: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

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
        rewrites = Counter(resource.rewrites for resource in self.resources if resource.rewrites)
        aside = f"Only in the state: {', '.join(f'{count} {what}' for what, count in sorted(rewrites.items()))}."
        if not self.changes:
            return aside if rewrites else "No changes."
        shown = self.changed_units if units is None else units
        actions = Counter(action for change in self.changes for action in change.actions)
        rows = [(unit, self.counts(unit)) for unit in shown]
        rows.append(("*the whole stack*", Counts(actions["create"], actions["update"], actions["delete"])))
        lines = [f"| {name} | {counts.add} | {counts.change} | {counts.destroy} |" for name, counts in rows]
        table = ["| unit | add | change | destroy |", "|---|---:|---:|---:|", *lines]
        return "\n".join([*table, "", aside] if rewrites else table)


def parse_plan(shown: str | Mapping[str, Any], stack: str, root: Root, file: Path) -> Plan:
    """A plan from what `terraform show -json` says, as text or read already."""
    data = json.loads(shown) if isinstance(shown, str) else shown
    return Plan(
        stack,
        file,
        resources=_managed(data.get("resource_changes"), root),
        drift=_managed(data.get("resource_drift"), root),
        outputs={name: planned_output(change) for name, change in (data.get("output_changes") or {}).items()},
        document=_document(data),
        written=written_in(data.get("configuration") or {}),
    )


def planned_output(change: Mapping[str, Any]) -> Any:
    """The value an output will have, with `UNKNOWN` and `SENSITIVE` in it where it is not to be known."""
    return _masked(change.get("after"), change.get("after_unknown"), change.get("after_sensitive"))


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


def _managed(items: Sequence[Mapping[str, Any]] | None, root: Root) -> tuple[ResourceChange, ...]:
    return tuple(_change(item, root) for item in items or () if item.get("mode") == "managed")


def _change(item: Mapping[str, Any], root: Root) -> ResourceChange:
    change = item["change"]
    unknown = change.get("after_unknown") or {}
    values = _plain_values(change.get("after"), change.get("after_sensitive"), unknown)
    before = _plain_values(change.get("before"), change.get("before_sensitive"), {})
    kept = before.get("id") if "create" not in change["actions"] else None
    return ResourceChange(
        address=item["address"],
        unit=root.unit_of(item["address"]),
        type=item["type"],
        actions=tuple(change["actions"]),
        id=kept or values.get("id"),
        values=values,
        before=before,
        unknown=frozenset(name for name in unknown if _any(unknown, name)),
        importing=(change.get("importing") or {}).get("id"),
        differing=differing(change.get("before"), change.get("after")),
        moved_from=item.get("previous_address"),
    )


def _plain_values(values: Mapping[str, Any] | None, sensitive: Any, unknown: Any) -> dict[str, Any]:
    """Top-level attributes that have a value, all of which is known and not sensitive."""
    return {
        name: masked(value, name)
        for name, value in (values or {}).items()
        if value is not None and not _any(unknown, name) and not _any(sensitive or {}, name)
    }


def _masked(value: Any, unknown: Any, sensitive: Any) -> Any:
    """`value` with every marked part replaced; marks mirror its shape, and what is unknown is missing in it."""
    if sensitive is True:
        return SENSITIVE
    if unknown is True:
        return UNKNOWN
    if isinstance(value, Mapping) or isinstance(unknown, Mapping):
        value, unknown, sensitive = value or {}, unknown or {}, sensitive or {}
        names = dict.fromkeys([*value, *(name for name, mark in unknown.items() if mark)])
        return {name: _masked(value.get(name), unknown.get(name), sensitive.get(name)) for name in names}
    if isinstance(value, list):
        return [_masked(inner, _at(unknown, index), _at(sensitive, index)) for index, inner in enumerate(value)]
    return value


def _at(marks: Any, index: int) -> Any:
    return marks[index] if isinstance(marks, list) and index < len(marks) else None


def _document(data: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the JSON that carry marks, with what they mark taken out. Variables and configuration carry none
    and may hold secrets in clear, so they are left out."""
    return {
        "format_version": data.get("format_version"),
        "terraform_version": data.get("terraform_version"),
        "resource_changes": [_open(item) for item in data.get("resource_changes") or ()],
        "resource_drift": [_open(item) for item in data.get("resource_drift") or ()],
        "output_changes": {
            name: _open_change(change, name) for name, change in (data.get("output_changes") or {}).items()
        },
    }


def _open(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**item, "change": _open_change(item["change"])}


def _open_change(change: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    return {
        **change,
        "before": masked(_shown(_masked(change.get("before"), None, change.get("before_sensitive"))), name),
        "after": masked(_shown(_masked(change.get("after"), None, change.get("after_sensitive"))), name),
    }


def _shown(value: Any) -> Any:
    """JSON again: a sensitive part is a text that says so."""
    if value is SENSITIVE:
        return MARK
    if isinstance(value, Mapping):
        return {name: _shown(inner) for name, inner in value.items()}
    return [_shown(inner) for inner in value] if isinstance(value, list) else value


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
    return {name: str(change.values[name]) for name in sorted(kept_fields(change.type)) if name in change.values}
