"""Blast radius: what hangs on units whose resources go, for good or to be replaced.

A pure function over the asset graph as data. Reading the graph from Dagster is `defs/landscape.py`; a plan says which
units lose something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

UNIT, IMAGE, TABLE, MODEL, OTHER = "unit", "image", "table", "model", "asset"


@dataclass(frozen=True)
class Landscape:
    """The asset graph: `kinds` and `needs` by key (a/b/c), and what stands outside of it.

    `jobs` are the keys each job materializes, `schedules` the job each one starts, `exposures` the keys each one reads.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Collection[str]] = field(default_factory=dict)
    jobs: Mapping[str, Collection[str]] = field(default_factory=dict)
    schedules: Mapping[str, str] = field(default_factory=dict)
    exposures: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class BlastRadius:
    """What is hit; everything sorted. `units` are those that lose something, the rest hangs on them."""

    units: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.units)

    @property
    def downstream(self) -> Mapping[str, tuple[str, ...]]:
        """What hangs on the units, by its kind; only kinds that are there."""
        found = {
            "jobs": self.jobs,
            "tables": self.tables,
            "dbt models": self.models,
            "schedules": self.schedules,
            "exposures": self.exposures,
            "other assets": self.others,
        }
        return {kind: names for kind, names in found.items() if names}


#: Where nothing is lost.
NOTHING = BlastRadius()


def blast_radius(units: Iterable[str], landscape: Landscape) -> BlastRadius:
    """Everything that hangs on these units (asset keys), directly or not.

    A job counts where it materializes a table or model that is hit; those that only converge infrastructure do not.
    """
    lost = sorted(set(units))
    if not lost:
        return NOTHING
    hit = _downstream(lost, landscape.needs)
    data = {key for key in hit if landscape.kinds.get(key) in (TABLE, MODEL)}
    jobs = sorted(name for name, keys in landscape.jobs.items() if data & set(keys))
    return BlastRadius(
        units=tuple(lost),
        jobs=tuple(jobs),
        tables=_of(TABLE, hit, landscape),
        models=_of(MODEL, hit, landscape),
        schedules=tuple(sorted(name for name, job in landscape.schedules.items() if job in jobs)),
        exposures=tuple(sorted(name for name, keys in landscape.exposures.items() if hit & set(keys))),
        others=tuple(sorted(key for kind in (UNIT, IMAGE, OTHER) for key in _of(kind, hit, landscape))),
    )


def _downstream(keys: Sequence[str], needs: Mapping[str, Collection[str]]) -> set[str]:
    needed_by: dict[str, list[str]] = {}
    for key, others in needs.items():
        for other in others:
            needed_by.setdefault(other, []).append(key)
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        for key in needed_by.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found - set(keys)


def _of(kind: str, hit: set[str], landscape: Landscape) -> tuple[str, ...]:
    return tuple(sorted(key for key in hit if landscape.kinds.get(key, OTHER) == kind))
