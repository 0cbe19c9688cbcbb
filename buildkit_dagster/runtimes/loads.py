"""Which objects a load takes, and what is remembered of it; pure.

What a load is asked to do is `ingest.py`'s; listing and reading objects is `entrypoints/files.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildkit_dagster.runtimes.ingest import Files, IngestRequest, digest


@dataclass(frozen=True)
class StoredObject:
    """An object as the bucket lists it; `etag` changes with its content."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True)
class LoadPlan:
    """Objects to load by partition (None: the whole table), what stays as it is, and the state after the load.

    State maps each loaded object's key to its content and the declaration it was loaded with.
    """

    load: Mapping[str | None, tuple[StoredObject, ...]]
    unchanged: tuple[str | None, ...]
    state: Mapping[str, str]


def plan_load(request: IngestRequest, present: Sequence[StoredObject], state: Mapping[str, str]) -> LoadPlan:
    """Choose the partitions that are new or changed; each is loaded whole, from all of its objects.

    Objects that are gone take no rows with them: raw files expire, the table is what keeps them.
    """
    pattern = _files(request).pattern
    groups = _by_partition(request, present)
    marks = {item.key: f"{item.etag}/{request.declaration}" for item in present}
    changed = {
        partition: members
        for partition, members in groups.items()
        if request.force or any(state.get(item.key) != marks[item.key] for item in members)
    }
    loaded = {item.key: marks[item.key] for members in changed.values() for item in members}
    kept = {key: mark for key, mark in state.items() if pattern.partition_of(key) not in changed}
    return LoadPlan(changed, tuple(partition for partition in groups if partition not in changed), {**kept, **loaded})


def data_version(state: Mapping[str, str], request: IngestRequest, partitions: Iterable[str] | None = None) -> str:
    """Hash of what is loaded, of all or of some partitions: the same input gives the same version."""
    only = None if partitions is None else set(partitions)
    pattern = _files(request).pattern
    kept = {key: mark for key, mark in state.items() if only is None or pattern.partition_of(key) in only}
    return digest(json.dumps(kept, sort_keys=True))


def _by_partition(
    request: IngestRequest, present: Sequence[StoredObject]
) -> dict[str | None, tuple[StoredObject, ...]]:
    pattern = _files(request).pattern
    groups: dict[str | None, tuple[StoredObject, ...]] = {}
    for item in sorted(present, key=lambda item: item.key):
        partition = pattern.partition_of(item.key)
        if pattern.matches(item.key) and (request.partitions is None or partition in request.partitions):
            groups[partition] = (*groups.get(partition, ()), item)
    return groups


def _files(request: IngestRequest) -> Files:
    if not isinstance(request.source, Files):
        raise ValueError(f"{request.table} is not loaded from files")
    return request.source
