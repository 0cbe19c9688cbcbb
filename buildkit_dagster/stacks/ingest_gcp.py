"""The `ingest-<tenant>-gcp` stacks: of each job that runs in Google Cloud one unit, a job of Cloud Run or a function.

What the job is told to load travels with each run (`runtimes/ingest.py`). Units of jobs in AWS are in `ingest.py`,
names in `naming_google.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.cloud_scheduler import cloud_schedule
from buildkit_dagster.config.gcp import Gcp, is_googles
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import CloudFunction, CloudRun
from buildkit_dagster.config.source_connectors import GcsFiles
from buildkit_dagster.config.target_connectors import BigqueryTarget, WarehouseTarget
from buildkit_dagster.naming import INGEST_MODULE, ingest_gcp_stack
from buildkit_dagster.naming_google import GoogleNames
from buildkit_dagster.runtimes.cloud_function import FunctionCall, work_seconds
from buildkit_dagster.runtimes.function_source import ENTRY_POINT, function_archive, function_tag
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.own_session import own_session
from buildkit_dagster.runtimes.pace import GOOGLE
from buildkit_dagster.runtimes.secrets import secrets_of
from buildkit_dagster.stacks.scope import Scope, after_state_backend
from buildkit_dagster.tags.on_assets import owners
from buildkit_dagster.tags.wanted import job_labels, job_tags
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot

CLOUD_SCHEDULER = "cloud_scheduler"
_COMMAND = ("python", "-m", INGEST_MODULE)

#: Cloud Logging documentation, "Configure log buckets", "Custom retention": 1 to 3650 days.
_MOST_DAYS = 3650

_INGRESS = {"internal": "ALLOW_INTERNAL_ONLY", "all": "ALLOW_ALL"}


def ingest_gcp_root(scope: Scope, tenant: str) -> RenderedRoot | None:
    """None when no job of the tenant runs in Google Cloud."""
    calls = [call for job in scope.jobs_of(tenant) if (call := google_unit(scope, job))]
    if not calls:
        return None
    archives = {call.inputs["source_archive"]: function_archive for call in calls if "source_archive" in call.inputs}
    return scope.google_root(ingest_gcp_stack(tenant), *map(after_state_backend, calls), files=archives)


def google_unit(scope: Scope, job: IngestJob) -> ModuleCall | None:
    """The unit of one job; None where it runs elsewhere."""
    runtime = job.job.infrastructure.runtime
    if isinstance(runtime, CloudRun):
        return _unit(scope, job, "gcp_cloud_run_job", _cloud_run(scope, job, runtime))
    if isinstance(runtime, CloudFunction):
        return _unit(scope, job, "gcp_cloud_function", _function(scope, job, runtime))
    return None


def _unit(scope: Scope, job: IngestJob, module: str, own: Mapping[str, Any]) -> ModuleCall:
    labels = job_labels(scope.platform, job)
    inputs = {**_shared(scope, job), **own, "labels": dict(labels.tags)}
    told = owners(job_tags(scope.platform, job).tags)
    return ModuleCall(
        job.name, module, inputs, tags=labels.tags, owners=told, tag_changes=tuple(map(str, labels.changes))
    )


def _cloud_run(scope: Scope, job: IngestJob, runtime: CloudRun) -> dict[str, Any]:
    network = scope.gcp.network
    scheduled = job.job.scheduler == CLOUD_SCHEDULER
    return {
        "region": runtime.region or scope.gcp.region,
        "image": _image(scope.gcp, runtime.image_uri),
        "command": list(_COMMAND),
        "cpu": runtime.cpu,
        "memory": runtime.memory,
        "timeout_seconds": runtime.timeout,
        "network": network.model_dump(exclude_none=True) if network else None,
        # Dagster's runs bring a session of their own, which takes the place of this one.
        "environment": own_session(scope.platform, job, CLOUD_SCHEDULER) if scheduled else {},
    }


def _function(scope: Scope, job: IngestJob, runtime: CloudFunction) -> dict[str, Any]:
    gcp = scope.gcp
    scheduled = job.job.scheduler == CLOUD_SCHEDULER
    return {
        "region": runtime.region or gcp.region,
        "source_archive": f"function-{function_tag()}.zip",
        "entry_point": ENTRY_POINT,
        "runtime": runtime.runtime,
        # Google writes the same sizes with `M` and `G`.
        "memory": runtime.memory.removesuffix("B"),
        "timeout_seconds": runtime.timeout,
        "build_service_account": f"projects/{gcp.project}/serviceAccounts/{gcp.builder}" if gcp.builder else None,
        "ingress": _INGRESS[gcp.ingress],
        "connector": gcp.network.connector if gcp.network else None,
        **({"schedule_body": _call(scope, job, runtime)} if scheduled else {}),
    }


def _call(scope: Scope, job: IngestJob, runtime: CloudFunction) -> str:
    """What Cloud Scheduler sends; it names no run of Dagster's, which therefore never stops it."""
    names, region = _names(scope), runtime.region or scope.gcp.region
    call = FunctionCall(
        function=f"projects/{scope.gcp.project}/locations/{region}/functions/{names.job(job.tenant, job.name)}",
        bucket=names.bucket(job.tenant, job.name),
        deadline=work_seconds(runtime.timeout),
        run=CLOUD_SCHEDULER,
        lease=GOOGLE.lease,
        attempt=CLOUD_SCHEDULER,
    )
    return json.dumps(call.body(own_session(scope.platform, job, CLOUD_SCHEDULER)), sort_keys=True)


def _shared(scope: Scope, job: IngestJob) -> dict[str, Any]:
    """The inputs both modules have."""
    gcp, names = scope.gcp, _names(scope)
    return {
        "project_id": gcp.project,
        "name": names.job(job.tenant, job.name),
        "description": job.asset.description or f"Loads {job.asset.source_type}/{job.asset.object} of {job.tenant}",
        "service_account_id": names.service_account(job.tenant, job.name),
        "bucket_name": names.bucket(job.tenant, job.name),
        "invokers": [f"serviceAccount:{gcp.runner}"] if gcp.runner else [],
        "read_objects": _reads(job),
        "bigquery": _bigquery(scope, job),
        "secrets": _secrets(scope, job),
        "log_retention_days": _log_retention(job),
        "encryption_required": bool(job.asset.compliance.security.encryption_required),
        "kms_key": gcp.kms_key,
        "notification_channels": list(gcp.notification_channels),
        **(_schedule(names, job) if job.job.scheduler == CLOUD_SCHEDULER else {}),
    }


def _reads(job: IngestJob) -> list[dict[str, str]]:
    """The objects of Cloud Storage it reads, by what all their names begin with."""
    if not isinstance(job.source, GcsFiles) or job.files is None:
        return []
    return [{"bucket": job.source.bucket, "prefix": KeyPattern.of(job.files).prefix}]


def _names(scope: Scope) -> GoogleNames:
    return GoogleNames(scope.platform.name, scope.platform.config.segment, scope.gcp.project)


def _schedule(names: GoogleNames, job: IngestJob) -> dict[str, Any]:
    """What Cloud Scheduler starts the job by, which Dagster does not follow."""
    fields, timezone = cloud_schedule(job.job.schedule or "", job.job.timezone)
    account = names.scheduler_account(job.tenant, job.name)
    return {"schedule": fields, "timezone": timezone, "scheduler_account_id": account}


def _image(gcp: Gcp, uri: str) -> str:
    """As Docker reads it, the first part of a name is a registry where it has a dot or a port."""
    first, slash, _ = uri.partition("/")
    has_registry = slash and ("." in first or ":" in first)
    return uri if has_registry or gcp.artifact_registry is None else f"{gcp.artifact_registry}/{uri}"


def _bigquery(scope: Scope, job: IngestJob) -> dict[str, Any] | None:
    """The job's dataset, and the one beside it that dlt prepares tables in."""
    warehouse, target = scope.platform.config.warehouse, job.target
    datasets = [target.dataset, f"{target.dataset}_staging"]
    if isinstance(target, BigqueryTarget):
        return {"project_id": target.project, "datasets": datasets}
    if isinstance(target, WarehouseTarget) and warehouse.type == "bigquery":
        return {"project_id": warehouse.settings.get("project", scope.gcp.project), "datasets": datasets}
    return None


def _secrets(scope: Scope, job: IngestJob) -> dict[str, str]:
    """The job's secrets that Google keeps, under the names dlt looks for; `gcp.secrets` are the warehouse's."""
    named = {variable: secret for variable, secret in secrets_of(scope.platform, job).items() if is_googles(secret)}
    if not isinstance(job.target, WarehouseTarget):
        return named
    prefix = f"DESTINATION__{scope.platform.config.warehouse.type}__CREDENTIALS"
    return {**named, **{f"{prefix}__{name}".upper(): secret for name, secret in scope.gcp.secrets.items()}}


def _log_retention(job: IngestJob) -> int | None:
    """As long as the table's data is kept, where that is said."""
    days = job.job.governance_overrides.retention_days or job.asset.compliance.retention_days
    return min(days, _MOST_DAYS) if days else None
