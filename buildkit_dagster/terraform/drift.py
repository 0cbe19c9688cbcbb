"""Looking for drift and orphans in one stack: one refresh-only plan, and the state's own addresses.

What counts as drift is `rules/drift.py`, who is told in `defs/drift.py`; an orphan is removed by a full apply only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from buildkit_dagster.rules.drift import Drifted, drift_of, needs_schemas
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.state import State


@dataclass(frozen=True)
class Found:
    """What was found in a stack; `orphans` are addresses in the state whose unit left the configuration, by unit."""

    stack: str
    applied: bool
    drifted: tuple[Drifted, ...] = ()
    orphans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, unit: str) -> tuple[Drifted, ...]:
        return tuple(each for each in self.drifted if each.unit == unit)


def look_for_drift(engine: Engine) -> Found:
    """Compare what is there with what Terraform left; a stack that was never applied has no drift. Changes nothing."""
    return engine.alone(lambda: _look(engine))


def _look(engine: Engine) -> Found:
    settle_locks(engine)
    state = engine.state()
    if not state.resources:
        return Found(engine.stack.name, applied=False)
    engine.write()
    engine.init()
    plan = engine.drift()
    computed = engine.computed() if needs_schemas(plan) else {}
    found = drift_of(plan, computed)
    orphans = orphans_in(state, engine.stack.root)
    known = tuple(each for each in found if each.unit not in orphans)
    return Found(engine.stack.name, applied=True, drifted=known, orphans=orphans)


def orphans_in(state: State, root: Root) -> dict[str, tuple[str, ...]]:
    """Unit → its addresses, for every unit the state has and the configuration does not."""
    found: dict[str, list[str]] = {}
    for resource in state.resources:
        unit = root.unit_of(resource.address)
        if unit not in root.names:
            found.setdefault(unit, []).append(resource.address)
    return {unit: tuple(sorted(addresses)) for unit, addresses in sorted(found.items())}
