"""What a job's unit has in every runtime of AWS: its image, what it may read and write, its logs, its alarms.

The inputs are those that the modules `ingest_ecs_task` and `ingest_lambda` have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.building import RETENTIONS
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.runtimes import AwsLambda, EcsFargate
from buildkit_dagster.config.target_connectors import FilesTarget, IcebergTarget
from buildkit_dagster.naming import image_key
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.secrets import secrets_of
from buildkit_dagster.stacks.registry import artifacts, pipes_folder, repository
from buildkit_dagster.stacks.scope import Scope, after
from buildkit_dagster.stacks.warehouse import warehouse_of_ingest
from buildkit_dagster.tags.wanted import job_tags
from buildkit_dagster.terraform.rendered_root import ModuleCall, Text

#: CloudWatch Logs keeps events for good.
_FOR_GOOD = 0
_KEPT_DAYS = 30


def shared_inputs(scope: Scope, job: IngestJob, image: Any) -> dict[str, Any]:
    """The inputs both modules have."""
    session = {"bucket_arn": artifacts("arn"), "prefix": pipes_folder(job.tenant, job.name), "write": True}
    return {
        "account_id": scope.account,
        "permissions_boundary_arn": scope.boundary_arn(),
        "image": image,
        "s3_access": [*_lake_access(scope, job), session],
        "warehouse": warehouse_of_ingest(scope.platform, job),
        "log_group_name": scope.platform.names.log_group("ingest", job.tenant, job.name),
        "log_retention_days": log_retention(job),
        "own_key": bool(job.asset.compliance.security.encryption_required),
        "alarm_name": scope.platform.names.job_alarm(job.tenant, job.name),
        "alarm_topic_arns": _topics(scope),
    }


def unit_of(
    scope: Scope, job: IngestJob, runtime: EcsFargate | AwsLambda, module: str, inputs: Mapping[str, Any]
) -> ModuleCall:
    """The job's unit, which waits for its image where that is one of the platform's."""
    call = scope.unit(job.name, module, inputs, job_tags(scope.platform, job))
    return call if runtime.image_uri else after(call, image_key(runtime.image))


def image_of(runtime: EcsFargate | AwsLambda, image_tags: Mapping[str, str]) -> str | Text:
    """The platform's image by its content's tag, or one from elsewhere."""
    return runtime.image_uri or Text(repository(runtime.image, "url"), f":{image_tags[runtime.image]}")


def log_retention(job: IngestJob) -> int:
    """As long as the table's data is kept: the next number of days CloudWatch Logs has, beyond its last for good."""
    days = job.job.governance_overrides.retention_days or job.asset.compliance.retention_days
    if days is None:
        return _KEPT_DAYS
    return next((kept for kept in RETENTIONS if kept >= days), _FOR_GOOD)


def _topics(scope: Scope) -> list[str]:
    """Alarms tell the topic that the platform's own notifications go to."""
    told = scope.platform.config.notifications.sns_notification
    return [told.topic_arn] if told.active else []


def secrets_in_aws(scope: Scope, job: IngestJob) -> dict[str, str]:
    """Variable -> ARN of each secret that the job needs and AWS keeps; no other job's."""
    return {name: secret for name, secret in secrets_of(scope.platform, job).items() if secret.startswith("arn:")}


def _lake_access(scope: Scope, job: IngestJob) -> list[dict[str, Any]]:
    """What the job reads of the lake, the part of its path that all objects begin with, and what it writes there."""
    names = scope.platform.names
    access: list[dict[str, Any]] = []
    if job.lake_bucket and job.files:
        bucket = scope.bucket_arn(names.bucket(job.lake_bucket))
        access.append({"bucket_arn": bucket, "prefix": KeyPattern.of(job.files).prefix})
    if isinstance(job.target, (FilesTarget, IcebergTarget)):
        bucket = scope.bucket_arn(names.bucket(job.target.bucket))
        access.append({"bucket_arn": bucket, "prefix": job.target.folder, "write": True})
    return access
