"""A selection on the command line -> the stacks and units it names.

SELECTION is Dagster's selection syntax over the platform's units (`key:"infra/lake/*"`, `group:registry`); `--stack`
names one stack. Neither means everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dagster import AssetSelection
from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.errors import DagsterInvalidSubsetError

from buildkit_dagster.defs.terraform.assets import STACK_METADATA, UNIT_METADATA, terraform_assets
from buildkit_dagster.errors import InvalidSelection, NoSuchStack, NoUnitSelected
from buildkit_dagster.terraform.stack import TerraformStack


def chosen_units(
    stacks: Sequence[TerraformStack], selection: str | None, stack: str | None, graph: AssetGraph | None = None
) -> Mapping[TerraformStack, tuple[str, ...]]:
    """Stack -> its chosen units, in the order of `stacks`; stacks without one are left out.

    `graph` is what the selection is about where that is more than the stacks: `1+key:"till/sales"` needs the table's.
    Raises NoSuchStack, InvalidSelection, NoUnitSelected.
    """
    if stack is not None and stack not in [each.name for each in stacks]:
        raise NoSuchStack(stack, [each.name for each in stacks])
    asked = [each for each in stacks if stack in (None, each.name)]
    if selection is None:
        return {each: each.root.names for each in asked}
    wanted = _resolved(graph or _graph_of(stacks), selection)
    found = {each: tuple(unit for unit in each.root.names if (each.name, unit) in wanted) for each in asked}
    chosen = {each: units for each, units in found.items() if units}
    if not chosen:
        raise NoUnitSelected(selection, stack)
    return chosen


def _graph_of(stacks: Sequence[TerraformStack]) -> AssetGraph:
    return AssetGraph.from_assets([terraform_assets(stack=stack)(lambda: None) for stack in stacks])


def _resolved(graph: AssetGraph, selection: str) -> set[tuple[str, str]]:
    """Stack and unit of every selected asset that is a unit."""
    try:
        keys = AssetSelection.from_string(selection).resolve(graph)
    except DagsterInvalidAssetSelectionError:
        raise InvalidSelection(selection) from None
    except DagsterInvalidSubsetError:
        return set()
    details = [graph.get(key).metadata for key in keys]
    return {(found[STACK_METADATA].name, found[UNIT_METADATA]) for found in details if STACK_METADATA in found}
