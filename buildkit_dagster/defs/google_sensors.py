"""Sensors on buckets of Cloud Storage: told by a Pub/Sub subscription, or by listing.

Messages and pages are `runtimes/object_subscription.py`'s; a tick is what it is for S3 (`object_sensor.py`,
`object_polling.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster import SensorDefinition, SensorEvaluationContext, SensorResult

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.object_jobs import Door, ObjectJob, google_jobs
from buildkit_dagster.defs.object_polling import ANY_KEYS, EVERY_SECONDS, LIMITS, poll
from buildkit_dagster.defs.object_sensor import Tick, TickLimits, answer, object_sensor
from buildkit_dagster.runtimes.object_listing import PollLimits

_TOLD_EVERY_SECONDS = 5
_TICK_LIMITS = TickLimits()


def google_sensors(
    platform: Platform,
    process: ProcessEnvironment,
    limits: TickLimits = _TICK_LIMITS,
    poll_limits: PollLimits = LIMITS,
) -> list[SensorDefinition]:
    """One sensor for each bucket of Cloud Storage that starts jobs."""
    return [
        object_sensor(
            door.name,
            f"Runs the jobs of every new or changed object in the bucket {door.bucket} of Cloud Storage.",
            jobs,
            _TOLD_EVERY_SECONDS if door.subscription else EVERY_SECONDS,
            _told(platform, process, door.subscription, jobs, limits)
            if door.subscription
            else _listed(platform, process, door, jobs, poll_limits),
        )
        for door, jobs in google_jobs(platform).items()
    ]


def _told(
    platform: Platform, process: ProcessEnvironment, subscription: str, jobs: Sequence[ObjectJob], limits: TickLimits
) -> Tick:
    def tick(context: SensorEvaluationContext) -> SensorResult:
        # Google's libraries take a second to import, which no other sensor needs.
        from buildkit_dagster.cloud.gcp import gcp_for
        from buildkit_dagster.cloud.google_failures import told_as_ours
        from buildkit_dagster.runtimes.object_subscription import ObjectSubscription

        with told_as_ours(f"receive from {subscription}"):
            client = gcp_for(platform, process).client("pubsub")
            return answer(context, jobs, ObjectSubscription(client, subscription), limits)

    return tick


def _listed(
    platform: Platform, process: ProcessEnvironment, door: Door, jobs: Sequence[ObjectJob], limits: PollLimits
) -> Tick:
    def tick(context: SensorEvaluationContext) -> SensorResult:
        from buildkit_dagster.cloud.gcp import gcp_for
        from buildkit_dagster.cloud.google_failures import told_as_ours
        from buildkit_dagster.runtimes.object_subscription import gcs_pages

        with told_as_ours(f"list gs://{door.bucket}"):
            pages = gcs_pages(gcp_for(platform, process).storage(), door.bucket)
            return poll(context, jobs, pages, limits, everywhere=door.poll == ANY_KEYS)

    return tick
