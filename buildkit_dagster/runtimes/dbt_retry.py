"""Which nodes a dbt build left to do: those that failed, were skipped or never had their turn; pure.

What `dbt retry` does within one command, for all commands of a project, and without a `target` folder that a fresh
checkout does not have. How the commands are narrowed to these nodes is in `dbt_selection.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_DONE = frozenset({"success", "pass", "warn", "no-op", "reused"})
_RUN = frozenset({"model", "seed", "snapshot"})
_TESTS = frozenset({"test", "unit_test"})


def statuses(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Unique id → status, of `run_results.json` documents in the order they were written."""
    return {one["unique_id"]: one["status"] for document in results for one in document["results"]}


def left_to_do(
    manifest: Mapping[str, Any], known: Mapping[str, str], names: Sequence[str] | None, indirect: str | None
) -> list[str]:
    """Fully qualified names of the selected nodes that are not done, sorted; `names` and `indirect` are the selection.

    Tests are named too: run them with the indirect selection `empty`, or those that passed run again.
    """
    nodes = _selected(manifest, names, indirect)
    return sorted(".".join(node["fqn"]) for node in nodes if known.get(node["unique_id"]) not in _DONE)


def runs(node: Mapping[str, Any]) -> bool:
    """Whether dbt does something in the warehouse for a node; an ephemeral model is text in what reads it."""
    kind = node["resource_type"]
    return kind in _TESTS or (kind in _RUN and node.get("config", {}).get("materialized") != "ephemeral")


def _selected(
    manifest: Mapping[str, Any], names: Sequence[str] | None, indirect: str | None
) -> list[Mapping[str, Any]]:
    nodes = [node for part in ("nodes", "unit_tests") for node in manifest.get(part, {}).values() if runs(node)]
    if names is None:
        return nodes
    wanted = set(names)
    chosen = {node["unique_id"] for node in nodes if ".".join(node["fqn"]) in wanted}
    if indirect != "empty":
        tests = [node for node in nodes if node["resource_type"] in _TESTS]
        chosen |= {test["unique_id"] for test in tests if chosen & set(test["depends_on"]["nodes"])}
    return [node for node in nodes if node["unique_id"] in chosen]
