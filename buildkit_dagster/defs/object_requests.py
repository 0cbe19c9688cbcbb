"""From a plan of objects to what Dagster is asked for: runs with their tags, new partitions; and what it has recorded.

A run carries one tag per object it answers for: that is the record that makes each object's run the only one.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster import AddDynamicPartitionsRequest, DagsterInstance, RunRequest, SensorResult

from buildkit_dagster.defs.object_jobs import ObjectJob
from buildkit_dagster.runtimes.objects import Plan, Request

#: Ends of a partition range in a run's tags; Dagster's own names.
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

#: A tag of a run for each object it answers for: `buildkit/object-<identity>`, its value the object's key.
OBJECT_TAG = "buildkit/object-"


def recorded(instance: DagsterInstance, identities: Iterable[str]) -> set[str]:
    """Which of the objects a run in the instance answers for."""
    wanted = [f"{OBJECT_TAG}{identity}" for identity in identities]
    found = instance.get_run_tags(tag_keys=wanted) if wanted else ()
    return {tag.removeprefix(OBJECT_TAG) for tag, _ in found}


def sensor_result(plan: Plan, jobs: Iterable[ObjectJob], cursor: str) -> SensorResult:
    """What a tick answers."""
    stored = {job.name: job.partitions for job in jobs}
    additions = [
        AddDynamicPartitionsRequest(partitions_def_name=name, partition_keys=fresh)
        for job, fresh in plan.new_partitions.items()
        if (name := stored[job])
    ]
    return SensorResult(
        run_requests=[_run_request(request) for request in plan.requests],
        dynamic_partitions_requests=additions,
        cursor=cursor,
        skip_reason=None if plan.requests else _why_not(plan),
    )


def _why_not(plan: Plan) -> str:
    if plan.later:
        return f"{len(plan.later)} messages wait until the infrastructure of their jobs is materialized"
    return "no new object"


def _run_request(request: Request) -> RunRequest:
    tags = {f"{OBJECT_TAG}{identity}": event.key for identity, event in request.identities.items()}
    if request.first is not None and request.last is not None:
        tags |= {RANGE_START: request.first, RANGE_END: request.last}
    return RunRequest(run_key=request.run_key, job_name=request.job, tags=tags)
