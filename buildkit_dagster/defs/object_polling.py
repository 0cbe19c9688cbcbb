"""Sensors on buckets that tell nobody of their objects: they list what is new, and run the jobs of it.

Where to list and what that asks for is decided in `runtimes/object_listing.py`; buckets with a queue are read in
`sensors.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

from dagster import SensorDefinition, SensorEvaluationContext, SensorResult

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.object_jobs import Build, ObjectJob, lake_jobs, sources_of
from buildkit_dagster.defs.object_requests import recorded, sensor_result
from buildkit_dagster.defs.object_sensor import Tick, object_sensor
from buildkit_dagster.defs.sensors import sensor_name
from buildkit_dagster.runtimes.object_listing import ListPage, Place, Poll, PollLimits, s3_pages
from buildkit_dagster.runtimes.objects import Planner, Source

#: Seconds between two looks; each costs a request per job at least.
EVERY_SECONDS = 30
#: `poll` in the configuration: keys anywhere, not only behind all others.
ANY_KEYS = "any_keys"
LIMITS = PollLimits()


def polling_sensors(
    platform: Platform,
    process: ProcessEnvironment,
    builds: Mapping[str, Build],
    limits: PollLimits = LIMITS,
) -> list[SensorDefinition]:
    """One sensor per bucket of the lake that is polled and has jobs."""
    aws = aws_for(platform, process)
    listed = {name for name, bucket in platform.config.buckets.items() if bucket.poll}
    return [
        object_sensor(
            sensor_name(bucket),
            f"Lists the bucket {bucket} and runs the jobs of every new or changed object in it.",
            jobs,
            EVERY_SECONDS,
            _tick(platform, bucket, jobs, aws, limits),
        )
        for bucket, jobs in lake_jobs(platform, builds, listed).items()
    ]


def _tick(platform: Platform, bucket: str, jobs: Sequence[ObjectJob], aws: Aws, limits: PollLimits) -> Tick:
    everywhere = platform.config.buckets[bucket].poll == ANY_KEYS

    def tick(context: SensorEvaluationContext) -> SensorResult:
        with told_as_ours():
            pages = s3_pages(aws.client("s3"), platform.names.bucket(bucket))
            return poll(context, jobs, pages, limits, everywhere=everywhere)

    return tick


def poll(
    context: SensorEvaluationContext,
    jobs: Sequence[ObjectJob],
    list_page: ListPage,
    limits: PollLimits,
    *,
    everywhere: bool,
) -> SensorResult:
    """One tick: read on for every job that can run, ask for runs of what has none."""
    sources = sources_of(context.instance, jobs)
    before = _places(context.cursor, sources)
    ready = [source for source in sources if source.ready]
    planner = Planner(ready)
    reading = Poll(planner, list_page, partial(recorded, context.instance), limits)
    after = before | {
        what(source): reading.read(source.pattern.prefix, before[what(source)], everywhere=everywhere)
        for source in ready
    }
    cursor = json.dumps({name: asdict(place) for name, place in after.items()})
    return sensor_result(planner.plan(), jobs, cursor)


def what(source: Source) -> str:
    """What a place in the cursor is of: a job, and the keys it reads."""
    return f"{source.job} {source.pattern.path} {source.pattern.suffix or ''}".rstrip()


def _places(cursor: str | None, sources: Sequence[Source]) -> dict[str, Place]:
    """Where each job reads on; one that is new, or reads other keys than before, begins at the beginning."""
    written = json.loads(cursor or "{}")
    return {name: Place(**written.get(name, {})) for name in map(what, sources)}
