"""The sensor on a bucket's queue: new objects become runs of the tables they belong to.

Only receiving, deleting and asking the instance what is recorded is done here; what messages ask for is decided in
`runtimes/objects.py`. Sensors on runs and on models are in `watch.py` and `automation.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import IngestJob, Platform
from buildkit_dagster.defs.checks import Result
from buildkit_dagster.defs.jobs import ingest_job
from buildkit_dagster.defs.partitions import known_partitions, partitions_of
from buildkit_dagster.defs.start import out_of_order, waiting_text
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.naming import identifier, infra_key, ingest_job_name, ingest_stack, table_key
from buildkit_dagster.runtimes.ingest import pattern_of
from buildkit_dagster.runtimes.objects import Message, Plan, Request, Source, plan_messages, read_identities

#: Ends of a partition range in a run's tags; Dagster's own names.
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

#: A run carries one tag per object it answers for: `buildkit/object-<identity>`, its value the object's key.
OBJECT_TAG = "buildkit/object-"


@dataclass(frozen=True)
class TickLimits:
    """What one tick takes on. After `hidden` seconds a message is back, and its run is then recorded."""

    messages: int = 100
    requests: int = 20
    hidden: int = 10


def object_sensors(
    platform: Platform,
    process: ProcessEnvironment,
    limits: TickLimits = TickLimits(),
) -> list[SensorDefinition]:
    """One sensor per bucket that sends its events to a queue and has tables."""
    aws = aws_for(platform, process)
    return [
        _bucket_sensor(platform, name, jobs, aws, limits)
        for name, bucket in platform.config.buckets.items()
        if bucket.notifications and (jobs := [job for job in platform.ingest_jobs if job.source.bucket == name])
    ]


def _bucket_sensor(
    platform: Platform, bucket: str, jobs: Sequence[IngestJob], aws: Aws, limits: TickLimits
) -> SensorDefinition:
    @sensor(
        name=identifier("objects", bucket),
        description=f"Runs the ingest job of every new or changed object in the bucket {bucket}.",
        jobs=[ingest_job(job) for job in jobs],
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=5,
    )
    def objects(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        try:
            return _tick(context, platform, bucket, jobs, aws.client("sqs"), limits)
        except BuildkitError as error:
            return SkipReason(str(error))
        except botocore.exceptions.EndpointConnectionError as error:
            return SkipReason(f"the queue cannot be reached: {error}")

    return objects


def _tick(
    context: SensorEvaluationContext,
    platform: Platform,
    bucket: str,
    jobs: Sequence[IngestJob],
    sqs: Any,
    limits: TickLimits,
) -> SensorResult | SkipReason:
    stopping = _stopping(context, jobs)
    if stopping:
        # Nothing is received: a message that comes and goes would end in the dead letter queue.
        return SkipReason(waiting_text(stopping))
    queue = platform.names.queue(bucket)
    try:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return SkipReason(f"there is no queue {queue} yet: materialize infra/lake/{bucket}")
    sources = [_source(context.instance, platform, job) for job in jobs]
    plan = _receive(context, sqs, url, sources, limits)
    for note in plan.notes:
        context.log.warning(note)
    _delete(sqs, url, plan.delete)
    _put_off(sqs, url, plan.later)
    return _result(plan, {_job_id(job): job for job in jobs})


def _stopping(context: SensorEvaluationContext, jobs: Sequence[IngestJob]) -> Sequence[Result]:
    """The checks that stop one of the bucket's jobs: then all of them wait, as they share the queue."""
    repository = context.repository_def
    tables = [AssetKey(table_key(job.asset.source_type, job.asset.object)) for job in jobs]
    return out_of_order(context.instance, repository.asset_graph, tables) if repository is not None else ()


def _receive(
    context: SensorEvaluationContext, sqs: Any, url: str, sources: Sequence[Source], limits: TickLimits
) -> Plan:
    """The plan for all messages there are, up to the tick's limits."""
    messages: list[Message] = []
    cursor = json.loads(context.cursor or "{}")
    plan = plan_messages(messages, sources, (), cursor)
    while len(messages) < limits.messages and len(plan.requests) < limits.requests:
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=limits.hidden,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        if "Messages" not in received:
            break
        messages += [_message(item) for item in received["Messages"]]
        recorded = _recorded(context.instance, read_identities(messages, sources))
        plan = plan_messages(messages, sources, recorded, cursor)
    return plan


def _message(item: dict[str, Any]) -> Message:
    return Message(
        item["ReceiptHandle"], item["Body"], int(item.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    )


def _recorded(instance: DagsterInstance, identities: Iterable[str]) -> set[str]:
    """Which of the objects a run in the instance answers for."""
    wanted = [f"{OBJECT_TAG}{identity}" for identity in identities]
    found = instance.get_run_tags(tag_keys=wanted) if wanted else ()
    return {tag.removeprefix(OBJECT_TAG) for tag, _ in found}


def _delete(sqs: Any, url: str, receipts: Sequence[str]) -> None:
    for first in range(0, len(receipts), 10):
        batch = receipts[first : first + 10]
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def _put_off(sqs: Any, url: str, messages: Sequence[Message]) -> None:
    for message in messages:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message.receipt, VisibilityTimeout=message.patience)


def _result(plan: Plan, jobs: dict[str, IngestJob]) -> SensorResult:
    additions = [
        partitions.build_add_request(months)
        for name, months in plan.new_partitions.items()
        if (partitions := partitions_of(jobs[name]))
    ]
    return SensorResult(
        run_requests=[_run_request(request) for request in plan.requests],
        dynamic_partitions_requests=additions,
        cursor=json.dumps(plan.cursor),
        skip_reason=None if plan.requests else _why_not(plan),
    )


def _why_not(plan: Plan) -> str:
    if plan.later:
        return f"{len(plan.later)} messages wait until the infrastructure of their jobs is materialized"
    return "no new object"


def _run_request(request: Request) -> RunRequest:
    tags = {f"{OBJECT_TAG}{identity}": event.key for identity, event in request.identities.items()}
    if request.first and request.last:
        tags |= {RANGE_START: request.first, RANGE_END: request.last}
    return RunRequest(run_key=request.run_key, job_name=request.job, tags=tags)


def _source(instance: DagsterInstance, platform: Platform, job: IngestJob) -> Source:
    bucket = platform.names.bucket(job.source.bucket)
    return Source(_job_id(job), bucket, pattern_of(job), known_partitions(instance, job), _is_ready(instance, job))


def _is_ready(instance: DagsterInstance, job: IngestJob) -> bool:
    """Whether the job's infrastructure was ever made: a run before that could only fail."""
    if job.job.infrastructure.runtime.type == "local":
        return True
    unit = AssetKey(infra_key(ingest_stack(job.tenant), job.name))
    return instance.get_latest_materialization_event(unit) is not None


def _job_id(job: IngestJob) -> str:
    return ingest_job_name(job.tenant, job.name)
