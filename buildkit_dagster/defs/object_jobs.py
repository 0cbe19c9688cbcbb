"""The jobs that objects start, alike for the sensors whatever they run: what each reads, and whether it can run.

The sensors are in `object_sensor.py` and beside it, what they answer with in `object_requests.py`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from dagster import AssetKey, DagsterInstance, SensorEvaluationContext
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.config.buckets import ObjectFilter
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.source_connectors import GcsFiles
from buildkit_dagster.defs.checks import Result
from buildkit_dagster.defs.jobs import ingest_job
from buildkit_dagster.defs.partitions import partitions_around, partitions_name
from buildkit_dagster.defs.runtimes.table import unit_keys
from buildkit_dagster.defs.start import out_of_order
from buildkit_dagster.naming import identifier, infra_key, ingest_job_name, table_key
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.objects import Source


@dataclass(frozen=True)
class Door:
    """How objects of a bucket of Cloud Storage are heard of."""

    bucket: str
    subscription: str | None
    poll: str | None

    @property
    def name(self) -> str:
        """Of its sensor."""
        return identifier("objects", "gcs", self.bucket, *(self.subscription or "").split("/")[-1:])


@dataclass(frozen=True)
class ObjectJob:
    """A job of Dagster's that objects of one bucket start.

    `bucket` is its name in the cloud. `makes` are its assets, which checks below them stop; `units` is the
    infrastructure it runs on; `partitions` is the name its partitions are stored under.
    """

    name: str
    bucket: str
    pattern: KeyPattern
    definition: UnresolvedAssetJobDefinition
    makes: tuple[AssetKey, ...]
    units: tuple[AssetKey, ...] = ()
    partitions: str | None = None


@dataclass(frozen=True)
class Build:
    """The job that builds a dbt project, and the assets it makes."""

    job: UnresolvedAssetJobDefinition
    makes: tuple[AssetKey, ...]


def lake_jobs(
    platform: Platform, builds: Mapping[str, Build], buckets: Container[str]
) -> Mapping[str, Sequence[ObjectJob]]:
    """The jobs that objects of these buckets of the lake start, by the bucket's key in platform.yaml.

    `builds` are those of the dbt projects, by the project's name.
    """
    found: dict[str, list[ObjectJob]] = {}
    for project in platform.dbt_projects:
        if project.on_objects and project.on_objects.bucket in buckets:
            bucket = project.on_objects.bucket
            found.setdefault(bucket, []).append(_build(project, builds[project.name], platform.names.bucket(bucket)))
    for job in platform.ingest_jobs:
        bucket, pattern = _starts(job)
        if bucket in buckets and pattern:
            found.setdefault(bucket, []).append(_ingest(job, platform.names.bucket(bucket), pattern))
    return found


def google_jobs(platform: Platform) -> Mapping[Door, Sequence[ObjectJob]]:
    """The jobs that objects of Cloud Storage start, by how those are heard of."""
    found: dict[Door, list[ObjectJob]] = {}
    for job in platform.ingest_jobs:
        source = job.source
        if isinstance(source, GcsFiles) and (source.subscription or source.poll):
            door = Door(source.bucket, source.subscription, source.poll)
            assert job.files is not None, job.name
            found.setdefault(door, []).append(_ingest(job, source.bucket, KeyPattern.of(job.files)))
    return found


def _starts(job: IngestJob) -> tuple[str, KeyPattern | None]:
    """The bucket of the lake and the objects in it that start a job: those it reads, or those it names."""
    if job.lake_bucket and job.files:
        return job.lake_bucket, KeyPattern.of(job.files)
    if job.job.on_objects:
        return job.job.on_objects.bucket, _pattern(job.job.on_objects)
    return "", None


def _pattern(wanted: ObjectFilter) -> KeyPattern:
    return KeyPattern(wanted.prefix, suffix=wanted.suffix)


def _build(project: DbtProject, build: Build, bucket: str) -> ObjectJob:
    assert project.on_objects is not None, project.name
    return ObjectJob(
        name=build.job.name,
        bucket=bucket,
        pattern=_pattern(project.on_objects),
        definition=build.job,
        makes=build.makes,
        units=() if project.runtime == "local" else (AssetKey(infra_key("dbt", project.name)),),
    )


def _ingest(job: IngestJob, bucket: str, pattern: KeyPattern) -> ObjectJob:
    return ObjectJob(
        name=ingest_job_name(job.tenant, job.name),
        bucket=bucket,
        pattern=pattern,
        definition=ingest_job(job),
        makes=(AssetKey(table_key(job.asset.source_type, job.asset.object)),),
        units=tuple(unit_keys(job)),
        partitions=partitions_name(job) if job.partitioned else None,
    )


def sources_of(instance: DagsterInstance, jobs: Iterable[ObjectJob]) -> list[Source]:
    """The jobs as the planner knows them; known partitions are read when an object is of one."""
    return [
        Source(
            job=job.name,
            bucket=job.bucket,
            pattern=job.pattern,
            partitions=partial(partitions_around, instance, job.partitions),
            ready=_is_ready(instance, job),
        )
        for job in jobs
    ]


def stopping(context: SensorEvaluationContext, jobs: Iterable[ObjectJob]) -> Sequence[Result]:
    """The checks that stop one of a bucket's jobs: then all of them wait, as they share what announces its objects."""
    repository = context.repository_def
    if repository is None:
        return ()
    return out_of_order(context.instance, repository.asset_graph, [key for job in jobs for key in job.makes])


def _is_ready(instance: DagsterInstance, job: ObjectJob) -> bool:
    """Whether the job's infrastructure was ever made: a run before that could only fail."""
    return all(instance.get_latest_materialization_event(unit) is not None for unit in job.units)
