"""Costs as an asset: `costs/daily`, a partition for each day, with what each value of a tag cost, on both clouds.

The numbers are in the metadata of each day, which the UI draws over time, and as JSON lines in the artifacts bucket, so
that history outlives the instance. Reading bills is `tags/bills.py`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    BackfillPolicy,
    DailyPartitionsDefinition,
    MetadataValue,
    RunRequest,
    ScheduleDefinition,
    TableRecord,
    in_process_executor,
    multi_asset,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.costs import Costs
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.jobs import asset_job
from buildkit_dagster.defs.schedules import schedule_of
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.naming import COSTS_JOB, COSTS_KEY, infra_key
from buildkit_dagster.stacks.registry import ARTIFACTS
from buildkit_dagster.stacks.scope import REGISTRY
from buildkit_dagster.tags.bills import Bills, advice
from buildkit_dagster.tags.costs import Cost, Span

#: Where the days are kept in the artifacts bucket.
PREFIX = "costs/daily/"
#: A day is counted when this many days have passed since it began.
_BEHIND = timedelta(days=2)


def cost_assets(platform: Platform, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """The asset of the costs; none where the environment counts none."""
    costs = platform.config.costs
    return [_costs_asset(platform, process, costs)] if costs else []


def cost_jobs(platform: Platform) -> list[UnresolvedAssetJobDefinition]:
    """The job that counts days."""
    description = "Count what each day cost; one request to Cost Explorer for each run."
    selection = AssetSelection.keys(AssetKey(COSTS_KEY))
    return [asset_job(COSTS_JOB, selection, description, in_process_executor)] if platform.config.costs else []


def cost_schedules(platform: Platform) -> list[ScheduleDefinition]:
    """Each tick counts the last day that Cost Explorer knows all of."""
    costs = platform.config.costs

    def request(tick: datetime) -> RunRequest:
        return RunRequest(partition_key=(tick - _BEHIND).date().isoformat())

    return [schedule_of(COSTS_JOB, costs.schedule, "UTC", request=request)] if costs and costs.schedule else []


def _costs_asset(platform: Platform, process: ProcessEnvironment, costs: Costs) -> AssetsDefinition:
    @multi_asset(
        name="count_costs",
        specs=[
            AssetSpec(
                AssetKey(COSTS_KEY),
                deps=[AssetKey(infra_key(REGISTRY, ARTIFACTS))],
                group_name="costs",
                description=f"What each {costs.by} cost, day by day.",
                partitions_def=DailyPartitionsDefinition(start_date=costs.since),
                skippable=True,  # each day is told by itself, the output would be all days at once
            )
        ],
        backfill_policy=BackfillPolicy.single_run(),
    )
    def count_costs(context: AssetExecutionContext) -> Iterator[AssetMaterialization]:
        days = [date.fromisoformat(day) for day in context.partition_keys]
        with told_plainly():
            refuse_to_start(context)
            for day, found in _counted(context, platform, process, costs.by, days).items():
                yield _reported(platform, process, day, found)

    return count_costs


def _counted(
    context: AssetExecutionContext, platform: Platform, process: ProcessEnvironment, tag: str, days: Sequence[date]
) -> dict[date, list[Cost]]:
    """The costs of each day, which are one span, asked for at once."""
    from buildkit_dagster.cloud.gcp import gcp_for  # Google's libraries take a second to import

    bills = Bills(platform, aws_for(platform, process), gcp_for(platform, process))
    if told := advice(tag, bills.status(tag)):
        context.log.warning(told)
    counted: dict[date, list[Cost]] = {day: [] for day in sorted(days)}
    for cost in bills.costs(Span(tag, min(days), max(days) + timedelta(days=1), "daily")):
        counted[cost.start].append(cost)
    return counted


def _reported(
    platform: Platform, process: ProcessEnvironment, day: date, costs: Sequence[Cost]
) -> AssetMaterialization:
    """Keep the day and say what it cost; a day that is counted again takes the place of what was said of it."""
    rows = [
        {"cloud": each.cloud, "value": each.value, "amount": str(each.amount), "currency": each.currency}
        for each in costs
    ]
    body = "".join(f"{json.dumps({'day': day.isoformat(), **row})}\n" for row in rows).encode()
    bucket, key = platform.names.bucket(ARTIFACTS), f"{PREFIX}{day}.jsonl"
    aws = aws_for(platform, process)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/jsonl")
    return AssetMaterialization(
        AssetKey(COSTS_KEY),
        partition=day.isoformat(),
        metadata={
            **_totals(costs),
            "costs": MetadataValue.table([TableRecord(row) for row in rows]) if rows else MetadataValue.text("none"),
            "kept in": MetadataValue.url(aws.object_link(bucket, key)),
        },
        tags={"dagster/data_version": hashlib.sha256(body).hexdigest()[:16]},
    )


def _totals(costs: Iterable[Cost]) -> dict[str, MetadataValue]:
    """Numbers that the UI draws: of each currency the total, and of each value of the tag."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in costs:
        sums[f"total {each.currency}"] += each.amount
        sums[f"{each.cloud} {each.value or 'untagged'} {each.currency}"] += each.amount
    return {name: MetadataValue.float(float(amount)) for name, amount in sums.items()}
