"""What a kind of target cannot do, said when the platform is read, before a run meets it.

Pure functions from a draft to problems, as in `rules.py`, which calls them. The same is refused of a request that was
not made from a platform (`runtimes/entrypoints/destinations.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from buildkit_dagster.config.draft import Draft
from buildkit_dagster.config.job_sources import Incremental
from buildkit_dagster.config.problems import Problem


@dataclass(frozen=True)
class Refusal:
    """The key of `source` that cannot be followed, why, and what to do."""

    key: str
    why: str
    fix: str


def target_problems(draft: Draft) -> Iterator[Problem]:
    """Jobs whose rows cannot be loaded into their target so that each counts once."""
    for entry in draft.jobs:
        target = draft.connectors.get(entry.text("target_connector_path") or "")
        asset = draft.assets.get(entry.text("asset_path") or "")
        if entry.value is None or entry.value.source is None or not (target and target.value and asset and asset.value):
            continue
        reads = entry.value.source
        incremental = getattr(reads, "incremental", None)
        partitioned = getattr(reads, "partition", None) is not None
        found = refusal(str(target.value.type), partitioned, incremental, bool(asset.value.primary_key))
        if found:
            yield entry.document.problem(("source", found.key), f"{found.why}; {found.fix}")


def refusal(kind: str, partitioned: bool, incremental: Incremental | None, keyed: bool) -> Refusal | None:
    """What a target of this kind cannot follow of a table's source; `keyed`: the asset has a primary key."""
    if kind in ("files", "iceberg") and partitioned:
        why = f"a target of type {kind!r} cannot replace single partitions"
        return Refusal("partition", why, "leave it out, or load into a database")
    if kind == "iceberg" and incremental and not keyed:
        why = "a target of type 'iceberg' cannot take back rows of a load that was cut off"
        return Refusal("incremental", why, "declare a `primary_key` in the asset")
    if incremental and incremental.lag and (kind == "files" or not keyed):
        fix = "declare a `primary_key` in the asset and load into no plain files, or leave out `lag`"
        return Refusal("incremental", "rows that `lag` reads again are replaced by their key", fix)
    return None
