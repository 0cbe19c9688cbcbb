"""Partitions of ingest tables: the spans of time, or the objects, that have data.

They are added by the sensors and by runs of everything (`ingest.py`), and only while data is there; a fixed list would
show months as missing that no file exists for. Which key belongs to which one is said by `runtimes/object_keys.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dagster import DagsterInstance, DynamicPartitionsDefinition

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.naming import identifier


def partitions_of(job: IngestJob) -> DynamicPartitionsDefinition | None:
    """The partitions of a job's table, None when it has none."""
    return DynamicPartitionsDefinition(name=partitions_name(job)) if job.partitioned else None


def partitions_name(job: IngestJob) -> str:
    """The name its partitions are stored under in the instance."""
    return identifier(job.asset.source_type, job.asset.object)


def partitions_around(instance: DagsterInstance, name: str | None, asked: Collection[str]) -> tuple[str, ...]:
    """The registered partitions of that name, in the order ranges are counted in, if one of those `asked` for is among
    them: new ones come behind all others, however many there are. None has none."""
    if name and instance.get_existing_dynamic_partitions(name, list(asked)):
        return tuple(instance.get_dynamic_partitions(name))
    return ()


def register(instance: DagsterInstance, job: IngestJob, partitions: Iterable[str]) -> None:
    """Add the partitions that are not there yet, sorted, so that neighbours can share a run."""
    name = partitions_name(job)
    fresh = sorted(set(partitions) - set(instance.get_dynamic_partitions(name)))
    if fresh:
        instance.add_dynamic_partitions(name, fresh)
