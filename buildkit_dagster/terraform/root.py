"""What is in a root: its units, which unit needs which, its backend and outputs, and a hash of every unit's code.

A value that others are given; it is made in `reading.py`. What the state or a plan says belongs to `state.py` and
`plan.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

#: The unit that all resources outside of modules form.
ROOT_UNIT = "root"


@dataclass(frozen=True)
class Unit:
    """One infrastructure asset: `needs` are units of the same root, `variables` the root variables it reads.

    `code` is a hash of all that is written about it, `types` are the resource types its files declare.
    """

    name: str
    needs: tuple[str, ...]
    variables: tuple[str, ...]
    code: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Root:
    """A root's units in dependency order; `whole` when its loops leave no choice but one asset for all of it.

    `outputs` says from which units a root output is made, `resources` are the addresses outside of modules,
    `requirements` is a hash of what `init` looks at, `secret_variables` are those declared sensitive or called so.
    """

    units: tuple[Unit, ...]
    whole: bool
    outputs: Mapping[str, tuple[str, ...]]
    resources: tuple[str, ...]
    backend: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs_aws: bool = False
    requirements: str = ""
    secret_variables: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(unit.name for unit in self.units)

    def unit(self, name: str) -> Unit:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    def unit_of(self, address: str) -> str:
        """The unit a resource address belongs to; it need not be in the configuration any more."""
        if self.whole:
            return self.units[0].name
        found = re.match(r"module\.([^\W\d][\w-]*)", address)
        return found[1] if found else ROOT_UNIT

    def targets(self, units: Iterable[str]) -> list[str]:
        """The addresses for `-target` that stand for these units."""
        own = {ROOT_UNIT: self.resources} if self.resources else {}  # without any, a module may have that name
        return [address for unit in units for address in own.get(unit, (f"module.{unit}",))]

    def upstream(self, unit: str) -> set[str]:
        """All units this one needs, directly or not."""
        found: set[str] = set()
        waiting = [unit]
        while waiting:
            for needed in self.unit(waiting.pop()).needs:
                if needed not in found:
                    found.add(needed)
                    waiting.append(needed)
        return found
