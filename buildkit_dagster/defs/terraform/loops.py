"""Refusing a loop that leaves a stack and comes back: unit, image, unit.

A stack is one op. Where an asset of another op lies between two of its units, Dagster would split the op in two and
Terraform would run twice on one state; so it is refused when definitions are loaded, with the way named. Loops inside a
stack are found in `terraform/reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dagster import AssetKey, AssetsDefinition

from buildkit_dagster.defs.terraform.assets import STACK_METADATA
from buildkit_dagster.errors import StackLoop
from buildkit_dagster.naming import key_text


def refuse_loops(assets: Sequence[AssetsDefinition]) -> None:
    """Raise StackLoop where a unit needs an asset outside its stack that needs a unit of the same stack."""
    needs = {key: {dep.asset_key for dep in spec.deps} for asset in assets for key, spec in asset.specs_by_key.items()}
    for asset in assets:
        if any(STACK_METADATA in spec.metadata for spec in asset.specs):
            _refuse_loop_of(set(asset.keys), needs)


def _refuse_loop_of(stack: set[AssetKey], needs: Mapping[AssetKey, set[AssetKey]]) -> None:
    """Walk upstream from every place where the stack is left; the way back is kept for the message."""
    ways: dict[AssetKey, tuple[AssetKey, ...]]
    ways = {outside: (unit, outside) for unit in sorted(stack) for outside in needs.get(unit, set()) - stack}
    waiting = list(ways)
    while waiting:
        here = waiting.pop()
        for further in needs.get(here, set()):
            if further in stack:
                raise StackLoop([key_text(key.path) for key in (*ways[here], further)])
            if further not in ways:
                ways[further] = (*ways[here], further)
                waiting.append(further)
