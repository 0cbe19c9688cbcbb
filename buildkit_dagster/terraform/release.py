"""When a unit may be reported while Terraform runs: all its changes are complete, and so are the units it needs.

Dagster fails a step that reports a unit before one it depends on, so units wait here for those before them. Units that
are not part of the run hold nothing up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.root import Root


class Release:
    """Holds the units of one run back until they are complete; gives each out once, in dependency order."""

    def __init__(self, root: Root, plan: Plan, selected: Sequence[str]) -> None:
        self._upstream = {unit: root.upstream(unit) & set(selected) for unit in selected}
        self._waiting = [unit for unit in root.names if unit in selected]
        self._open = {unit: Counter[tuple[str, str]]() for unit in self._waiting}
        self._unit_of = {change.address: change.unit for change in plan.changes}
        for change in plan.changes:
            for action in change.actions if change.unit in self._open else ():
                self._open[change.unit][change.address, action] += 1
        # Terraform has no event for these: they are complete when it has ended.
        for change in plan.resources:
            if change.rewrites and change.unit in self._open:
                self._open[change.unit][change.address, change.rewrites] += 1
        self._given: set[str] = set()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Units not given out yet."""
        return tuple(self._waiting)

    def begin(self) -> list[str]:
        """Units that need not wait for any change."""
        return self._take()

    def complete(self, address: str, action: str) -> list[str]:
        """Note a completed change; the units that may be reported now."""
        unit = self._unit_of.get(address)
        if unit is None or unit not in self._open:
            return []
        self._open[unit] -= Counter({(address, action): 1})
        return self._take()

    def finish(self) -> list[str]:
        """Terraform ended well: everything is complete, whatever its events were."""
        for unit in self._open:
            self._open[unit].clear()
        return self._take()

    def _take(self) -> list[str]:
        ready = list(self._ready())
        self._waiting = [unit for unit in self._waiting if unit not in self._given]
        return ready

    def _ready(self) -> Iterable[str]:
        """One pass is enough, because units are in dependency order."""
        for unit in self._waiting:
            if not self._open[unit].total() and self._upstream[unit] <= self._given:
                self._given.add(unit)
                yield unit
