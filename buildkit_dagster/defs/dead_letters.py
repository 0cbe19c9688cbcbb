"""Events that were given up, as people meet them: for the command line, and a job `replay_<bucket>` for each bucket.

Reading, sending back and deleting is `runtimes/dead_letters.py`'s; that there are some is said by the check of
`backlog.py`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from dataclasses import dataclass

from dagster import JobDefinition, OpExecutionContext, in_process_executor, job, op

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.errors import NoSuchQueue, QueueMissing
from buildkit_dagster.naming import identifier
from buildkit_dagster.runtimes.dead_letters import replay
from buildkit_dagster.runtimes.object_queue import ObjectQueue, queue_named


@dataclass(frozen=True)
class Queues:
    """A bucket's queue, and the one behind it."""

    events: ObjectQueue
    dead: ObjectQueue


def queues_of(platform: Platform, process: ProcessEnvironment, bucket: str) -> Queues:
    """Both queues of a bucket; raises NoSuchQueue for one that has none, QueueMissing where they are not made yet."""
    with_queue = queue_buckets(platform)
    if bucket not in with_queue:
        raise NoSuchQueue(bucket, with_queue)
    sqs, names = aws_for(platform, process).client("sqs"), platform.names
    found = [queue_named(sqs, name) for name in (names.queue(bucket), names.dead_letters(bucket))]
    events, dead = found
    if events is None or dead is None:
        raise QueueMissing(names.queue(bucket), f"infra/lake/{bucket}")
    return Queues(events, dead)


def queue_buckets(platform: Platform) -> list[str]:
    """The buckets that send their events to a queue, sorted."""
    return sorted(name for name, bucket in platform.config.buckets.items() if bucket.notifications)


def replay_jobs(platform: Platform, process: ProcessEnvironment) -> list[JobDefinition]:
    return [_replay_job(platform, process, bucket) for bucket in queue_buckets(platform)]


def _replay_job(platform: Platform, process: ProcessEnvironment, bucket: str) -> JobDefinition:
    @op(name=identifier("replay_letters", bucket))
    def replay_letters(context: OpExecutionContext) -> None:
        with told_plainly():
            queues = queues_of(platform, process, bucket)
            went, stayed = replay(queues.dead, queues.events)
        for letter in went:
            context.log.info(f"Sent back: {letter}")
        for letter in stayed:
            context.log.warning(f"Left: {letter}")
        context.log.info(f"{len(went)} sent back, {len(stayed)} left.")

    @job(
        name=identifier("replay", bucket),
        executor_def=in_process_executor,
        description=f"Send the events of the bucket {bucket} that were given up back to its queue.",
    )
    def replay_given_up() -> None:
        replay_letters()

    return replay_given_up
