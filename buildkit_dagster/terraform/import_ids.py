"""By which id `terraform import` finds a resource that exists but is not in the state.

Most AWS types are imported by their `id`, which Terraform prints when it has created the resource. The exceptions, and
the ids that can be foretold from planned values alone, are data here, from the "Import" sections of the provider's
reference. Running the import is the engine's work; which resources need it is read from the journal.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

#: Types whose id can be foretold from the arguments; `{account}`, `{region}` and `{partition}` are the provider's.
FORETOLD: Mapping[str, str] = {
    "aws_cloudwatch_event_rule": "{event_bus_name|default}/{name}",
    "aws_cloudwatch_log_group": "{name}",
    "aws_codebuild_project": "arn:{partition}:codebuild:{region}:{account}:project/{name}",
    "aws_dynamodb_table": "{name}",
    "aws_ecr_lifecycle_policy": "{repository}",
    "aws_ecr_repository": "{name}",
    "aws_ecr_repository_policy": "{repository}",
    "aws_ecs_cluster": "{name}",
    "aws_glue_catalog_database": "{account}:{name}",
    "aws_glue_job": "{name}",
    "aws_iam_openid_connect_provider": "arn:{partition}:iam::{account}:oidc-provider/{url}",
    "aws_iam_policy": "arn:{partition}:iam::{account}:policy{path|/}{name}",
    "aws_iam_role": "{name}",
    "aws_iam_role_policy": "{role}:{name}",
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
    "aws_iam_user": "{name}",
    "aws_kms_alias": "{name}",
    "aws_lambda_function": "{function_name}",
    "aws_s3_bucket": "{bucket}",
    "aws_s3_bucket_lifecycle_configuration": "{bucket}",
    "aws_s3_bucket_notification": "{bucket}",
    "aws_s3_bucket_ownership_controls": "{bucket}",
    "aws_s3_bucket_policy": "{bucket}",
    "aws_s3_bucket_public_access_block": "{bucket}",
    "aws_s3_bucket_server_side_encryption_configuration": "{bucket}",
    "aws_s3_bucket_versioning": "{bucket}",
    "aws_sns_topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "aws_sqs_queue_policy": "{queue_url}",
}

#: Types whose printed id is not what import takes; the rule above is used even when the id is known.
_PRINTED_ID_IS_NOT_THE_IMPORT_ID = frozenset(
    {"aws_ecs_cluster", "aws_iam_role_policy_attachment", "aws_cloudwatch_event_rule"}
)

#: Types that cannot be imported by what is known; a second creation makes a new revision and leaves nothing twice.
_NEVER = frozenset({"aws_ecs_task_definition", "terraform_data"})


def known_id(
    resource_type: str, printed: str | None, values: Mapping[str, Any], provider: Mapping[str, str]
) -> str | None:
    """The import id of a resource that Terraform reported as created, None where there is none."""
    if resource_type in _NEVER:
        return None
    if resource_type in _PRINTED_ID_IS_NOT_THE_IMPORT_ID:
        return foretold_id(resource_type, values, provider)
    return printed or foretold_id(resource_type, values, provider)


def foretold_id(resource_type: str, values: Mapping[str, Any], provider: Mapping[str, str]) -> str | None:
    """The import id that follows from planned `values`; None where the type has no rule or a value is not known yet."""
    rule = FORETOLD.get(resource_type)
    return None if rule is None else _fill(rule, {**values, **provider})


def _fill(rule: str, values: Mapping[str, Any]) -> str | None:
    parts = []
    for literal, field, _, _ in string.Formatter().parse(rule):
        parts.append(literal)
        if field is None:
            continue
        name, _, default = field.partition("|")
        value = values.get(name) or default
        if not value:
            return None
        parts.append(re.sub(r"^https://", "", str(value)))
    return "".join(parts)
