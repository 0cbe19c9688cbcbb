"""What an ingest job is asked to do and what it has to load, as data; pure.

The request travels from Dagster to the container and holds no secret. Choosing what is new happens here; reading
files, dlt and the warehouse are the entrypoint's (`entrypoints/`), starting it is `ecs.py`'s or `defs/pipes/`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from buildkit_dagster.config.models import IngestJob, Platform, Warehouse
from buildkit_dagster.runtimes.objects import KeyPattern

#: The column that says which partition a row came with; a partition's rows are replaced by it.
PARTITION_COLUMN = "_partition"


@dataclass(frozen=True)
class ColumnSpec:
    """A declared column; `type` is dlt's name of it."""

    name: str
    type: str
    required: bool = False
    description: str | None = None


@dataclass(frozen=True)
class WarehouseSpec:
    """Where to load. `settings` go to dlt as they are; credentials come from the task's own environment."""

    type: str
    path: str | None
    settings: Mapping[str, str]


@dataclass(frozen=True)
class IngestRequest:
    """One load. `partitions` None means every object that is there; `force` loads also what was loaded before."""

    pipeline: str
    dataset: str
    table: str
    bucket: str
    pattern: KeyPattern
    columns: tuple[ColumnSpec, ...]
    null_values: tuple[str, ...]
    warehouse: WarehouseSpec
    partitions: tuple[str, ...] | None = None
    force: bool = False

    @property
    def declaration(self) -> str:
        """Hash of what the table is declared to be: when it changes, every object has to be loaded again."""
        declared = [[asdict(column) for column in self.columns], self.null_values, asdict(self.pattern)]
        return _digest(json.dumps(declared))

    def to_extras(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_extras(cls, extras: Mapping[str, Any]) -> IngestRequest:
        """The inverse of `to_extras`."""
        partitions = extras["partitions"]
        return cls(
            **{name: extras[name] for name in ("pipeline", "dataset", "table", "bucket", "force")},
            pattern=KeyPattern(**extras["pattern"]),
            columns=tuple(ColumnSpec(**column) for column in extras["columns"]),
            null_values=tuple(extras["null_values"]),
            warehouse=WarehouseSpec(**extras["warehouse"]),
            partitions=None if partitions is None else tuple(partitions),
        )


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


def pattern_of(job: IngestJob) -> KeyPattern:
    return KeyPattern(job.job.source.path, job.job.source.partition)


def request_for(platform: Platform, job: IngestJob) -> IngestRequest:
    """The load of everything that is there; partitions and force are the run's to set."""
    return IngestRequest(
        pipeline=f"{job.asset.source_type}_{job.asset.object}",
        dataset=job.target.dataset,
        table=job.asset.object,
        bucket=platform.names.bucket(job.source.bucket),
        pattern=pattern_of(job),
        columns=tuple(ColumnSpec(c.name, c.type, c.required, c.description) for c in job.asset.columns),
        null_values=job.source.null_values,
        warehouse=_warehouse(platform, platform.config.warehouse),
    )


def _warehouse(platform: Platform, warehouse: Warehouse) -> WarehouseSpec:
    if warehouse.path is None:
        return WarehouseSpec(warehouse.type, None, dict(warehouse.settings))
    return WarehouseSpec("duckdb", str((platform.folder / warehouse.path).absolute()), dict(warehouse.settings))


def plan_load(request: IngestRequest, present: Sequence[StoredObject], state: Mapping[str, str]) -> LoadPlan:
    """Choose the partitions that are new or changed; each is loaded whole, from all of its objects.

    Objects that are gone take no rows with them: raw files expire, the table is what keeps them.
    """
    groups = _by_partition(request, present)
    marks = {item.key: f"{item.etag}/{request.declaration}" for item in present}
    changed = {
        partition: members
        for partition, members in groups.items()
        if request.force or any(state.get(item.key) != marks[item.key] for item in members)
    }
    loaded = {item.key: marks[item.key] for members in changed.values() for item in members}
    kept = {key: mark for key, mark in state.items() if request.pattern.partition_of(key) not in changed}
    return LoadPlan(changed, tuple(partition for partition in groups if partition not in changed), {**kept, **loaded})


def data_version(state: Mapping[str, str], request: IngestRequest, partitions: Iterable[str] | None = None) -> str:
    """Hash of what is loaded, of all or of some partitions: the same input gives the same version."""
    only = None if partitions is None else set(partitions)
    kept = {key: mark for key, mark in state.items() if only is None or request.pattern.partition_of(key) in only}
    return _digest(json.dumps(kept, sort_keys=True))


def _by_partition(
    request: IngestRequest, present: Sequence[StoredObject]
) -> dict[str | None, tuple[StoredObject, ...]]:
    groups: dict[str | None, tuple[StoredObject, ...]] = {}
    for item in sorted(present, key=lambda item: item.key):
        partition = request.pattern.partition_of(item.key)
        if request.pattern.matches(item.key) and (request.partitions is None or partition in request.partitions):
            groups[partition] = (*groups.get(partition, ()), item)
    return groups


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
