"""Orphans: changes to units that left the configuration. Telling them apart from the rest is all there is to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buildkit_dagster.rules.verdicts import Finding
from buildkit_dagster.terraform.plan import Plan


def orphans(plan: Plan, units: Sequence[str]) -> Iterator[Finding]:
    """One finding `orphans/remove` for each unit the plan removes and `units`, the configuration's, lack."""
    for unit in plan.changed_units:
        gone = [change.address for change in plan.changes if change.unit == unit and change.removes]
        if unit not in units and gone:
            yield Finding("orphans/remove", unit, f"module.{unit}", _message(unit, gone))


def _message(unit: str, gone: Sequence[str]) -> str:
    more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
    return (
        f"unit {unit!r} is no longer in the configuration, and {len(gone)} of its resources would be deleted "
        f"({', '.join(gone[:3])}{more}); put it back, or have the removal approved"
    )
