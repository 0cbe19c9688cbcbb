"""The sensors on the queues of the lake's buckets: new objects become runs of the jobs that read them.

A tick is `object_sensor.py`'s, what messages ask for is decided in `runtimes/objects.py`. Buckets without a queue are
read in `object_polling.py`; sensors on runs and on models are in `watch.py` and `automation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import botocore.exceptions
from dagster import SensorDefinition, SensorEvaluationContext, SensorResult, SkipReason

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.object_jobs import Build, ObjectJob, lake_jobs
from buildkit_dagster.defs.object_sensor import Tick, TickLimits, answer, object_sensor
from buildkit_dagster.naming import identifier
from buildkit_dagster.runtimes.object_queue import queue_named

_EVERY_SECONDS = 5
_LIMITS = TickLimits()


def sensor_name(bucket: str) -> str:
    """The sensor of a bucket of the lake, whatever tells it of objects."""
    return identifier("objects", bucket)


def object_sensors(
    platform: Platform,
    process: ProcessEnvironment,
    builds: Mapping[str, Build],
    limits: TickLimits = _LIMITS,
) -> list[SensorDefinition]:
    """One sensor per bucket that sends its events to a queue and has jobs."""
    aws = aws_for(platform, process)
    told = {name for name, bucket in platform.config.buckets.items() if bucket.notifications}
    return [
        object_sensor(
            sensor_name(bucket),
            f"Runs the jobs of every new or changed object in the bucket {bucket}.",
            jobs,
            _EVERY_SECONDS,
            _tick(platform, bucket, jobs, aws, limits),
        )
        for bucket, jobs in lake_jobs(platform, builds, told).items()
    ]


def _tick(platform: Platform, bucket: str, jobs: Sequence[ObjectJob], aws: Aws, limits: TickLimits) -> Tick:
    name = platform.names.queue(bucket)

    def tick(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        try:
            queue = queue_named(aws.client("sqs"), name)
            if queue is None:
                return SkipReason(f"there is no queue {name} yet: materialize infra/lake/{bucket}")
            return answer(context, jobs, queue, limits)
        except botocore.exceptions.EndpointConnectionError as error:
            return SkipReason(f"the queue cannot be reached: {error}")

    return tick
