"""Dagster's definitions and instance -> the graph of `buildkit_dagster/graph.py`.

Drawing is there; which assets exist is decided in `build.py` and the modules it calls.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from dagster import AssetKey, DagsterInstance, Definitions

from buildkit_dagster.graph import Graph, Node
from buildkit_dagster.naming import key_text


def read_graph(definitions: Definitions, instance: DagsterInstance | None = None) -> Graph:
    """Every asset that can be materialized, with its edges; without an instance nothing counts as materialized."""
    assets = definitions.resolve_asset_graph()
    keys = assets.materializable_asset_keys
    done = materialized_keys(instance, keys) if instance else frozenset()
    nodes = [
        Node(key_text(key.path), tuple(sorted(assets.get(key).kinds or ())), assets.get(key).group_name, key in done)
        for key in keys
    ]
    edges = {
        (key_text(parent.path), key_text(key.path)) for key in keys for parent in assets.get(key).parent_keys & keys
    }
    return Graph(tuple(sorted(nodes, key=lambda node: node.key)), tuple(sorted(edges)))


def materialized_keys(instance: DagsterInstance, keys: AbstractSet[AssetKey]) -> frozenset[AssetKey]:
    """Those of `keys` that were materialized at least once."""
    records = instance.get_asset_records(list(keys))
    return frozenset(record.asset_entry.asset_key for record in records if record.asset_entry.last_materialization)
