"""Ingest tables as assets: one op per job, which runs the job where its YAML says and reports what it loaded.

The request and the choice of objects are in `runtimes/ingest.py`, following a task is in `pipes/`, requests for new
objects come from `sensors.py`. The asset's key is the dbt source's, which is what makes it one graph.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    MaterializeResult,
    PipesClientCompletedInvocation,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    multi_asset,
)

from buildkit_dagster import tags
from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import IngestJob, Platform
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.partitions import partitions_of, register
from buildkit_dagster.defs.pipes.child import run_child
from buildkit_dagster.defs.pipes.ecs import run_task
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.errors import InfrastructureMissing, NothingReported
from buildkit_dagster.naming import WAREHOUSE_POOL, identifier, infra_key, ingest_job_name, ingest_stack, table_key
from buildkit_dagster.runtimes.ecs import TaskRequest
from buildkit_dagster.runtimes.ingest import IngestRequest, request_for
from buildkit_dagster.terraform.render import S3Backend
from buildkit_dagster.terraform.state import read_state

ENTRYPOINT = (sys.executable, "-m", "buildkit_dagster.runtimes.entrypoints.ingest")


class IngestConfig(Config):
    """What a run may ask of an ingest op. `force` loads objects again that were loaded before."""

    force: bool = False


def ingest_assets(platform: Platform, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """One asset per ingest job, `[source, table]`."""
    return [_table_asset(platform, job, aws_for(platform, process)) for job in platform.ingest_jobs]


def table_asset_key(job: IngestJob) -> AssetKey:
    return AssetKey(table_key(job.asset.source_type, job.asset.object))


def _table_asset(platform: Platform, job: IngestJob, aws: Aws) -> AssetsDefinition:
    @multi_asset(
        # Not the job's name: Dagster keeps ops and jobs in one namespace.
        name=identifier("load", job.tenant, job.name),
        specs=[_spec(platform, job)],
        backfill_policy=BackfillPolicy.single_run(),
        pool=WAREHOUSE_POOL if platform.config.warehouse.type == "duckdb" else None,
    )
    def load_table(context: AssetExecutionContext, config: IngestConfig) -> MaterializeResult:
        request = replace(request_for(platform, job), partitions=_partitions(context), force=config.force)
        with told_plainly():
            refuse_to_start(context)
            return _report(context, job, _run(context, platform, job, aws, request))

    return load_table


def _spec(platform: Platform, job: IngestJob) -> AssetSpec:
    asset, runtime = job.asset, job.job.infrastructure.runtime.type
    own_tags = tags.job_tags(platform, job)
    infrastructure = [AssetKey(infra_key("lake", job.source.bucket))]
    if runtime != "local":
        infrastructure.append(AssetKey(infra_key(ingest_stack(job.tenant), job.name)))
    return AssetSpec(
        table_asset_key(job),
        deps=infrastructure,
        description=asset.description,
        group_name=asset.source_type,
        kinds={"dlt", platform.config.warehouse.type, "python" if runtime == "local" else "ecs"},
        tags=tags.dagster_tags(own_tags),
        owners=list(tags.owners(own_tags)),
        partitions_def=partitions_of(job),
        code_version=request_for(platform, job).declaration,
        metadata={"dagster/table_name": f"{job.target.dataset}.{asset.object}", "dagster/column_schema": _columns(job)},
    )


def _columns(job: IngestJob) -> TableSchema:
    return TableSchema(
        [
            TableColumn(c.name, c.type, c.description, TableColumnConstraints(nullable=not c.required))
            for c in job.asset.columns
        ]
    )


def _partitions(context: AssetExecutionContext) -> tuple[str, ...] | None:
    """The months the run is for; None, which is all, when it names none."""
    if context.has_partition_key or context.has_partition_key_range:
        return tuple(context.partition_keys)
    return None


def _run(
    context: AssetExecutionContext, platform: Platform, job: IngestJob, aws: Aws, request: IngestRequest
) -> PipesClientCompletedInvocation:
    """The load where the job's YAML says; raises a `BuildkitError`."""
    extras = {"request": request.to_extras()}
    runtime = job.job.infrastructure.runtime
    if runtime.type == "local":
        name = ingest_job_name(job.tenant, job.name)
        return run_child(context, name, ENTRYPOINT, aws.variables, extras, runtime.timeout)
    clients = {service: aws.client(service) for service in ("ecs", "logs", "s3")}
    task = task_request(platform, job, job_infrastructure(platform, job, clients["s3"]), context.run_id)
    # The emulator's logs are complete when a task has stopped, CloudWatch's come a few seconds later.
    settle = 0.0 if platform.config.cloud == "emulator" else 5.0
    return run_task(context, task, extras, clients, platform.names.bucket("artifacts"), settle)


def task_request(
    platform: Platform, job: IngestJob, infrastructure: Mapping[str, Mapping[str, Any]], run: str
) -> TaskRequest:
    """The task of a job; `infrastructure` are the outputs of its `cluster` and its own unit."""
    network, cluster, unit = platform.config.network, infrastructure["cluster"], infrastructure["job"]
    return TaskRequest(
        cluster=cluster["name"],
        family=unit["family"],
        subnets=tuple(cluster["subnet_ids"]),
        security_groups=(unit["security_group_id"], *network.security_groups),
        public_ip=network.assign_public_ip,
        deadline=job.job.infrastructure.runtime.timeout,
        run=run,
    )


def job_infrastructure(platform: Platform, job: IngestJob, s3: Any) -> dict[str, Mapping[str, Any]]:
    """What Terraform wrote down about the job's cluster and task; raises `InfrastructureMissing`."""
    wanted = {"cluster": ("registry", "cluster"), "job": (ingest_stack(job.tenant), job.name)}
    found = {}
    for role, (stack, unit) in wanted.items():
        backend = S3Backend(platform.names.state_bucket(), platform.names.state_key(stack), platform.config.region)
        outputs = read_state(backend, s3).outputs.get(unit)
        if not outputs:
            raise InfrastructureMissing(table_key(job.asset.source_type, job.asset.object), infra_key(stack, unit))
        found[role] = outputs
    return found


def _report(
    context: AssetExecutionContext, job: IngestJob, invocation: PipesClientCompletedInvocation
) -> MaterializeResult:
    """What the job reported; in a run of everything also each of its partitions."""
    reported = [
        item for item in invocation.get_results(implicit_materializations=False) if isinstance(item, MaterializeResult)
    ]
    if not reported:
        raise NothingReported(table_key(job.asset.source_type, job.asset.object))
    partitions = {
        name: entry
        for message in invocation.get_custom_messages()
        for name, entry in message.get("partitions", {}).items()
    }
    if _partitions(context) is None and partitions:
        _report_partitions(context, job, partitions)
    return reported[0]


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
