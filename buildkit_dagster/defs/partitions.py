"""Partitions of ingest tables: the months that have data.

They are added by the sensor (`sensors.py`) and by runs of everything (`ingest.py`), and only while data is there; a
fixed list would show months as missing that no file exists for. Which key belongs to which month is said by
`runtimes/objects.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster import DagsterInstance, DynamicPartitionsDefinition

from buildkit_dagster.config.models import IngestJob
from buildkit_dagster.naming import identifier


def partitions_of(job: IngestJob) -> DynamicPartitionsDefinition | None:
    """The partitions of a job's table, None when it has none."""
    return DynamicPartitionsDefinition(name=partitions_name(job)) if job.job.source.partition else None


def partitions_name(job: IngestJob) -> str:
    """The name its months are stored under in the instance."""
    return identifier(job.asset.source_type, job.asset.object)


def known_partitions(instance: DagsterInstance, job: IngestJob) -> tuple[str, ...]:
    """The registered months, in the order ranges are counted in."""
    return tuple(instance.get_dynamic_partitions(partitions_name(job))) if job.job.source.partition else ()


def register(instance: DagsterInstance, job: IngestJob, months: Iterable[str]) -> None:
    """Add the months that are not there yet, sorted, so that neighbours can share a run."""
    fresh = sorted(set(months) - set(known_partitions(instance, job)))
    if fresh:
        instance.add_dynamic_partitions(partitions_name(job), fresh)
