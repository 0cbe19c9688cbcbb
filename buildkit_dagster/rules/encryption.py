"""Stores that keep data unencrypted: what a plan says, or what AWS does where it says nothing.

S3, DynamoDB, ECR and SQS encrypt by themselves, so only a step back is a finding there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildkit_dagster.rules.verdicts import Finding, found
from buildkit_dagster.terraform.plan import Plan, ResourceChange

#: Type → attribute that must be true; AWS does not encrypt these unless told to.
_TO_BE_SET = {
    "aws_db_instance": "storage_encrypted",
    "aws_rds_cluster": "storage_encrypted",
    "aws_docdb_cluster": "storage_encrypted",
    "aws_neptune_cluster": "storage_encrypted",
    "aws_redshift_cluster": "encrypted",
    "aws_ebs_volume": "encrypted",
    "aws_efs_file_system": "encrypted",
    "aws_elasticache_replication_group": "at_rest_encryption_enabled",
}
#: Where a copy takes its encryption from; the provider calls a snapshot nobody named unknown, so that is no sign.
_SOURCES = ("replicate_source_db", "replication_source_identifier")
_SNAPSHOTS = ("snapshot_identifier", "snapshot_id")
_BUCKET_ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration"


def encryption(plan: Plan) -> Iterator[Finding]:
    """Findings `policy/unencrypted` and `policy/encryption-weakened`."""
    for change in plan.resources:
        problem = _unencrypted(change) if change.stays else None
        if problem:
            yield found("policy/unencrypted", change, problem)
        if change.type == _BUCKET_ENCRYPTION and _is_weakened(change):
            message = "objects were encrypted with a KMS key and would not be any more; keep sse_algorithm aws:kms"
            yield found("policy/encryption-weakened", change, message)


def _unencrypted(change: ResourceChange) -> str | None:
    attribute = _TO_BE_SET.get(change.type)
    if attribute:
        return _not_set(change, attribute)
    if change.type == "aws_sqs_queue" and change.values.get("sqs_managed_sse_enabled") is False and not _key(change):
        return "turns off the encryption SQS has by default; leave sqs_managed_sse_enabled out, or name a KMS key"
    if change.type == "aws_opensearch_domain" and any(
        block.get("enabled") is False for block in change.values.get("encrypt_at_rest") or ()
    ):
        return "keeps its data unencrypted; set encrypt_at_rest.enabled = true"
    return None


def _not_set(change: ResourceChange, attribute: str) -> str | None:
    given = change.values.get(attribute)
    inherits = any(change.values.get(name) for name in _SNAPSHOTS) or any(
        change.values.get(name) or name in change.unknown for name in _SOURCES
    )
    serverless = change.values.get("engine_mode") == "serverless"
    if str(given).lower() == "true" or (given is None and (inherits or serverless or not change.changes)):
        return None
    return f"keeps its data unencrypted; set {attribute} = true"


def _key(change: ResourceChange) -> bool:
    return bool(change.values.get("kms_master_key_id")) or "kms_master_key_id" in change.unknown


def _is_weakened(change: ResourceChange) -> bool:
    return _uses_kms(change.before) and not (change.stays and (_uses_kms(change.values) or "rule" in change.unknown))


def _uses_kms(values: Mapping[str, Any]) -> bool:
    return "aws:kms" in str(values.get("rule"))
