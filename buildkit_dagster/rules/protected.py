"""Protected resources: deleting or replacing what holds data, or what other units depend on.

Terraform's own `prevent_destroy` is in the modules; this looks at the plan, so it also covers roots written by others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from buildkit_dagster.rules.verdicts import Finding, found
from buildkit_dagster.terraform.plan import Plan, ResourceChange

#: Type → what it is called in the message.
PROTECTED = {
    "aws_s3_bucket": "a bucket",
    "aws_s3_directory_bucket": "a bucket",
    "aws_s3tables_table_bucket": "a bucket of tables",
    "aws_ecr_repository": "an image repository",
    "aws_ecrpublic_repository": "an image repository",
    "aws_dynamodb_table": "a DynamoDB table",
    "aws_kms_key": "a KMS key",
    "aws_kms_external_key": "a KMS key",
    "aws_kms_replica_key": "a KMS key",
    "aws_db_instance": "a database",
    "aws_db_cluster": "a database",
    "aws_rds_cluster": "a database",
    "aws_rds_cluster_instance": "an instance of a database",
    "aws_rds_global_cluster": "a database",
    "aws_redshift_cluster": "a warehouse",
    "aws_redshiftserverless_namespace": "a warehouse",
    "aws_docdb_cluster": "a database",
    "aws_docdbelastic_cluster": "a database",
    "aws_neptune_cluster": "a database",
    "aws_neptunegraph_graph": "a database",
    "aws_memorydb_cluster": "a database",
    "aws_dsql_cluster": "a database",
    "aws_elasticache_cluster": "a cache that may hold data",
    "aws_elasticache_replication_group": "a cache that may hold data",
    "aws_elasticache_serverless_cache": "a cache that may hold data",
    "aws_keyspaces_keyspace": "a database",
    "aws_keyspaces_table": "a table",
    "aws_timestreamwrite_database": "a database",
    "aws_timestreamwrite_table": "a table",
    "aws_timestreaminfluxdb_db_instance": "a database",
    "aws_qldb_ledger": "a ledger",
    "aws_lightsail_database": "a database",
    "aws_glue_catalog_database": "a catalog database",
    "aws_athena_database": "a catalog database",
    "aws_opensearch_domain": "a search index",
    "aws_elasticsearch_domain": "a search index",
    "aws_opensearchserverless_collection": "a search index",
    "aws_efs_file_system": "a file system",
    "google_storage_bucket": "a bucket",
    "google_kms_crypto_key": "a KMS key",
    "google_logging_project_bucket_config": "a log bucket",
    "google_bigquery_dataset": "a dataset",
    "google_sql_database_instance": "a database",
    "snowflake_database": "a database",
}
_STATE_BUCKET = "the bucket that holds Terraform's states"


def protected(plan: Plan, state_bucket: str | None = None) -> Iterator[Finding]:
    """Findings `protected/delete` and `protected/replace`; `state_bucket` is the name of the states' bucket."""
    for change in plan.changes:
        if not change.removes:
            continue
        what = _named(change, state_bucket) or _used_role(change, plan)
        if what:
            how, fix = _how(change)
            yield found(f"protected/{how}", change, f"{what} would be {how}d{_called(change)}; {fix}")


def _named(change: ResourceChange, state_bucket: str | None) -> str | None:
    if change.type == "aws_s3_bucket" and state_bucket and change.before.get("bucket") == state_bucket:
        return _STATE_BUCKET
    return PROTECTED.get(change.type)


def _used_role(change: ResourceChange, plan: Plan) -> str | None:
    """A role that resources of other units name: it is theirs as well."""
    if change.type != "aws_iam_role":
        return None
    arn = str(change.before.get("arn") or "")
    users = {
        other.unit
        for other in plan.resources
        if other.unit != change.unit and arn and _mentions(other, arn, str(change.before.get("name")))
    }
    return f"an IAM role that {', '.join(sorted(users))} uses" if users else None


def _mentions(other: ResourceChange, arn: str, name: str) -> bool:
    if other.before.get("role") == name:
        return True
    written = json.dumps([dict(other.before), dict(other.values)], default=str)
    return re.search(rf"{re.escape(arn)}(?![\w+=,.@/-])", written) is not None


def _how(change: ResourceChange) -> tuple[str, str]:
    if "create" in change.actions:
        return "replace", "what it holds would be lost: undo the change that forces a new one"
    return "delete", "keep it in the configuration, or use a `removed` block to let it go without deleting it"


def _called(change: ResourceChange) -> str:
    name = change.before.get("bucket") or change.before.get("name") or change.id
    return f" ({name})" if name else ""
