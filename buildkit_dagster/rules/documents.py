"""Which attributes of which resources hold policy documents; what is wrong with them is said by the other rules.

A document that is known after the apply only is not here: it is judged at the next plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildkit_dagster.rules.statements import Statement, statements
from buildkit_dagster.terraform.plan import Plan, ResourceChange

#: What identities may do.
IDENTITY: Mapping[str, str] = {
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_iam_group_policy": "policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}
#: Who may do something with a resource.
RESOURCE: Mapping[str, str] = {
    "aws_s3_bucket": "policy",
    "aws_s3_bucket_policy": "policy",
    "aws_s3_access_point": "policy",
    "aws_s3control_access_point_policy": "policy",
    "aws_sqs_queue": "policy",
    "aws_sqs_queue_policy": "policy",
    "aws_sns_topic": "policy",
    "aws_sns_topic_policy": "policy",
    "aws_kms_key": "policy",
    "aws_kms_key_policy": "policy",
    "aws_ecr_repository_policy": "policy",
    "aws_secretsmanager_secret": "policy",
    "aws_secretsmanager_secret_policy": "policy",
    "aws_efs_file_system_policy": "policy",
    "aws_opensearch_domain_policy": "access_policies",
    "aws_dynamodb_resource_policy": "policy",
    "aws_glue_resource_policy": "policy",
}
TRUST: Mapping[str, str] = {"aws_iam_role": "assume_role_policy"}

Found = tuple[ResourceChange, Statement]


def known(plan: Plan) -> Iterator[tuple[ResourceChange, Mapping[str, Any]]]:
    """Every resource that stays, with all that is known of it, also inside attributes that are known in part."""
    planned = {
        item["address"]: item["change"].get("after") or {}
        for item in plan.document.get("resource_changes", ())
        if "deposed" not in item
    }
    for change in plan.resources:
        if change.stays:
            yield change, planned.get(change.address, change.values)


def identity_statements(plan: Plan) -> Iterator[tuple[ResourceChange, tuple[Statement, ...]]]:
    """Each document of an identity with its resource; a role has one for each of its inline policies."""
    for change, document in _documents(plan, IDENTITY):
        yield change, statements(document)
    for change, values in known(plan):
        if change.type == "aws_iam_role":
            for inline in values.get("inline_policy") or ():
                yield change, statements(inline.get("policy"))


def resource_statements(plan: Plan) -> Iterator[Found]:
    """Statements of policies on resources."""
    return _statements(plan, RESOURCE)


def trust_statements(plan: Plan) -> Iterator[Found]:
    """Statements of roles' trust policies."""
    return _statements(plan, TRUST)


def _statements(plan: Plan, attributes: Mapping[str, str]) -> Iterator[Found]:
    for change, document in _documents(plan, attributes):
        for statement in statements(document):
            yield change, statement


def _documents(plan: Plan, attributes: Mapping[str, str]) -> Iterator[tuple[ResourceChange, str]]:
    for change, values in known(plan):
        document = values.get(attributes.get(change.type, ""))
        if document:
            yield change, document
