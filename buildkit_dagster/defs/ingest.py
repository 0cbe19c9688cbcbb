"""Ingest tables as assets: one op per job, which runs the job where its YAML says and reports what it loaded.

The request and the choice of objects are in `runtimes/ingest.py`, where and how a job runs is in `defs/runtimes/`,
requests for new objects come from `sensors.py`. The asset's key is the dbt source's, which is what makes it one graph.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Field,
    MaterializeResult,
    PipesClientCompletedInvocation,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    multi_asset,
)

from buildkit_dagster.config.assets import Column
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.failures import told_plainly, tried_again
from buildkit_dagster.defs.ingest_checks import check_specs
from buildkit_dagster.defs.partitions import partitions_of, register
from buildkit_dagster.defs.runtimes.runtime import Load
from buildkit_dagster.defs.runtimes.table import runtime_of, unit_keys
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.errors import NothingReported
from buildkit_dagster.naming import WAREHOUSE_POOL, identifier, infra_key, table_key
from buildkit_dagster.runtimes.ingest import request_for
from buildkit_dagster.runtimes.targets import target_of
from buildkit_dagster.tags.on_assets import dagster_tags, owners
from buildkit_dagster.tags.wanted import job_tags
from buildkit_dagster.terraform.retries import Retries

#: What a run may ask of an ingest op. A `Config` says the same, but Dagster makes a schema of it for each table anew.
_CONFIG = {"force": Field(bool, default_value=False, description="Load objects again that were loaded before.")}


def ingest_assets(platform: Platform, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """One asset per ingest job, `[source, table]`."""
    return [_table_asset(platform, job, process) for job in platform.ingest_jobs]


def table_asset_key(job: IngestJob) -> AssetKey:
    return AssetKey(table_key(job.asset.source_type, job.asset.object))


def _table_asset(platform: Platform, job: IngestJob, process: ProcessEnvironment) -> AssetsDefinition:
    @multi_asset(
        # Not the job's name: Dagster keeps ops and jobs in one namespace.
        name=identifier("load", job.tenant, job.name),
        specs=[_spec(platform, job)],
        check_specs=check_specs(job, table_asset_key(job)),
        backfill_policy=BackfillPolicy.single_run(),
        config_schema=_CONFIG,
        pool=WAREHOUSE_POOL if target_of(platform, job.target).type == "duckdb" else None,
    )
    def load_table(context: AssetExecutionContext) -> MaterializeResult:
        force: bool = context.op_execution_context.op_config["force"]
        request = replace(request_for(platform, job), partitions=_partitions(context), force=force)
        with tried_again(context, _retries(job)), told_plainly():
            refuse_to_start(context)
            return _report(context, job, runtime_of(job).run(Load(context, platform, job, process, request)))

    return load_table


def _retries(job: IngestJob) -> Retries:
    """What the job's `retry_config` asks for: nothing unless it is written."""
    asked = job.job.retry_config
    if asked is None:
        return Retries(0)
    return Retries(
        asked.max_retries, asked.initial_delay_seconds, asked.backoff_multiplier, most=asked.max_delay_seconds
    )


def _spec(platform: Platform, job: IngestJob) -> AssetSpec:
    asset = job.asset
    own_tags = job_tags(platform, job).tags
    lake = [AssetKey(infra_key("lake", job.lake_bucket))] if job.lake_bucket else []
    return AssetSpec(
        table_asset_key(job),
        deps=[*lake, *unit_keys(job)],
        description=asset.description,
        group_name=asset.source_type,
        kinds={"dlt", target_of(platform, job.target).type, runtime_of(job).kind},
        tags=dagster_tags(own_tags),
        owners=list(owners(own_tags)),
        partitions_def=partitions_of(job),
        code_version=request_for(platform, job).declaration,
        metadata={"dagster/table_name": f"{job.target.dataset}.{asset.object}", "dagster/column_schema": _columns(job)},
    )


def _columns(job: IngestJob) -> TableSchema:
    return TableSchema([_column(column) for column in job.asset.columns])


def _column(column: Column) -> TableColumn:
    """Its class is here and in no tag: tags are in bills."""
    constraints = TableColumnConstraints(nullable=not column.required)
    tags = dagster_tags({"classification": column.classification}) if column.classification else {}
    return TableColumn(column.name, column.type, column.description, constraints, tags)


def _partitions(context: AssetExecutionContext) -> tuple[str, ...] | None:
    """The months the run is for; None, which is all, when it names none."""
    if context.has_partition_key or context.has_partition_key_range:
        return tuple(context.partition_keys)
    return None


def _report(
    context: AssetExecutionContext, job: IngestJob, invocation: PipesClientCompletedInvocation
) -> MaterializeResult:
    """What the job reported of its table, with its checks; in a run of everything also each of its partitions."""
    results = invocation.get_results(implicit_materializations=False)
    reported = [item for item in results if isinstance(item, MaterializeResult)]
    if not reported:
        raise NothingReported(table_key(job.asset.source_type, job.asset.object))
    partitions = {
        name: entry
        for message in invocation.get_custom_messages()
        for name, entry in message.get("partitions", {}).items()
    }
    if _partitions(context) is None and partitions:
        _report_partitions(context, job, partitions)
    return reported[0]._replace(check_results=[item for item in results if isinstance(item, AssetCheckResult)])


def _report_partitions(
    context: AssetExecutionContext, job: IngestJob, partitions: Mapping[str, Mapping[str, Any]]
) -> None:
    """Register every month there is, and report those that were loaded or that this instance never saw loaded."""
    register(context.instance, job, partitions)
    key = table_asset_key(job)
    seen = context.instance.get_materialized_partitions(key)
    for name, entry in partitions.items():
        if entry["loaded"] or name not in seen:
            context.log_event(
                AssetMaterialization(
                    key,
                    partition=name,
                    metadata={"dagster/partition_row_count": entry["rows"]},
                    tags={"dagster/data_version": entry["data_version"]},
                )
            )
