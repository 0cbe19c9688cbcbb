"""By which id `terraform import` finds a resource that exists but is not in the state.

Most types are imported by their `id`, which Terraform prints when it has created the resource. The exceptions, the
ids that can be foretold from planned values, and the types whose objects are found by their tag are data here, from the
"Import" sections of the provider's reference. Running the import is the engine's work; which resources need it is read
from the journal; looking for a tag is `tagged.py`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Types whose id can be foretold from the arguments; `{account}`, `{region}` and `{partition}` are the provider's where
#: the resource has none of its own.
FORETOLD: Mapping[str, str] = {
    "aws_athena_workgroup": "{name}",
    "aws_cloudwatch_event_bus": "{name}",
    "aws_cloudwatch_event_rule": "{event_bus_name|default}/{name}",
    "aws_cloudwatch_event_target": "{event_bus_name|default}/{rule}/{target_id}",
    "aws_cloudwatch_log_group": "{name}",
    "aws_cloudwatch_metric_alarm": "{alarm_name}",
    "aws_codebuild_project": "arn:{partition}:codebuild:{region}:{account}:project/{name}",
    "aws_db_instance": "{identifier}",
    "aws_db_subnet_group": "{name}",
    "aws_dynamodb_table": "{name}",
    "aws_ecr_lifecycle_policy": "{repository}",
    "aws_ecr_repository": "{name}",
    "aws_ecr_repository_policy": "{repository}",
    "aws_ecs_cluster": "{name}",
    "aws_glue_catalog_database": "{account}:{name}",
    "aws_glue_catalog_table": "{account}:{database_name}:{name}",
    "aws_glue_connection": "{account}:{name}",
    "aws_glue_crawler": "{name}",
    "aws_glue_job": "{name}",
    "aws_glue_trigger": "{name}",
    "aws_iam_group": "{name}",
    "aws_iam_instance_profile": "{name}",
    "aws_iam_openid_connect_provider": "arn:{partition}:iam::{account}:oidc-provider/{url}",
    "aws_iam_policy": "arn:{partition}:iam::{account}:policy{path|/}{name}",
    "aws_iam_role": "{name}",
    "aws_iam_role_policy": "{role}:{name}",
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
    "aws_iam_user": "{name}",
    "aws_kms_alias": "{name}",
    "aws_lambda_alias": "{function_name}/{name}",
    "aws_lambda_function": "{function_name}",
    "aws_lambda_permission": "{function_name}/{statement_id}",
    "aws_s3_bucket": "{bucket}",
    "aws_s3_bucket_lifecycle_configuration": "{bucket}",
    "aws_s3_bucket_notification": "{bucket}",
    "aws_s3_bucket_ownership_controls": "{bucket}",
    "aws_s3_bucket_policy": "{bucket}",
    "aws_s3_bucket_public_access_block": "{bucket}",
    "aws_s3_bucket_server_side_encryption_configuration": "{bucket}",
    "aws_s3_bucket_versioning": "{bucket}",
    "aws_scheduler_schedule": "{group_name|default}/{name}",
    "aws_scheduler_schedule_group": "{name}",
    "aws_sfn_state_machine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    "aws_sns_topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "aws_sqs_queue": "https://sqs.{region}.{dns_suffix}/{account}/{name}",
    "aws_sqs_queue_policy": "{queue_url}",
    "aws_ssm_parameter": "{name}",
    "google_cloud_run_v2_job": "projects/{project}/locations/{location}/jobs/{name}",
    "google_cloud_scheduler_job": "projects/{project}/locations/{region}/jobs/{name}",
    "google_cloudfunctions2_function": "projects/{project}/locations/{location}/functions/{name}",
    "google_kms_crypto_key": "{key_ring}/cryptoKeys/{name}",
    "google_kms_key_ring": "projects/{project}/locations/{location}/keyRings/{name}",
    "google_logging_project_bucket_config": "projects/{project}/locations/{location}/buckets/{bucket_id}",
    "google_logging_project_sink": "projects/{project}/sinks/{name}",
    "google_service_account": "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
    "google_storage_bucket": "{name}",
}


@dataclass(frozen=True)
class Tagged:
    """How the tagging API names a type's objects (`service:resource`), and what of their ARN import takes.

    `newest`: of several the one with the highest number at its end.
    """

    filter: str
    whole_arn: bool = True
    newest: bool = False

    def import_id(self, arn: str) -> str:
        return arn if self.whole_arn else re.split(r"[:/]", arn)[-1]


#: Types with generated ids whose objects the Resource Groups Tagging API finds by their tags.
TAGGED: Mapping[str, Tagged] = {
    "aws_acm_certificate": Tagged("acm:certificate"),
    "aws_codeconnections_connection": Tagged("codeconnections:connection"),
    "aws_codestarconnections_connection": Tagged("codestar-connections:connection"),
    "aws_ecs_task_definition": Tagged("ecs:task-definition", newest=True),
    "aws_efs_file_system": Tagged("elasticfilesystem:file-system", whole_arn=False),
    "aws_eip": Tagged("ec2:elastic-ip", whole_arn=False),
    "aws_instance": Tagged("ec2:instance", whole_arn=False),
    "aws_internet_gateway": Tagged("ec2:internet-gateway", whole_arn=False),
    "aws_kms_key": Tagged("kms:key", whole_arn=False),
    "aws_lambda_event_source_mapping": Tagged("lambda:event-source-mapping", whole_arn=False),
    "aws_launch_template": Tagged("ec2:launch-template", whole_arn=False),
    "aws_lb": Tagged("elasticloadbalancing:loadbalancer"),
    "aws_lb_target_group": Tagged("elasticloadbalancing:targetgroup"),
    "aws_nat_gateway": Tagged("ec2:natgateway", whole_arn=False),
    "aws_network_interface": Tagged("ec2:network-interface", whole_arn=False),
    "aws_route_table": Tagged("ec2:route-table", whole_arn=False),
    "aws_secretsmanager_secret": Tagged("secretsmanager:secret"),
    "aws_security_group": Tagged("ec2:security-group", whole_arn=False),
    "aws_subnet": Tagged("ec2:subnet", whole_arn=False),
    "aws_vpc": Tagged("ec2:vpc", whole_arn=False),
    "aws_vpc_endpoint": Tagged("ec2:vpc-endpoint", whole_arn=False),
    "aws_vpc_security_group_egress_rule": Tagged("ec2:security-group-rule", whole_arn=False),
    "aws_vpc_security_group_ingress_rule": Tagged("ec2:security-group-rule", whole_arn=False),
}

#: Types whose printed id is not what import takes; the rule above is used even when the id is known.
_PRINTED_ID_IS_NOT_THE_IMPORT_ID = frozenset(
    {
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_event_target",
        "aws_ecs_cluster",
        "aws_ecs_task_definition",
        "aws_iam_role_policy_attachment",
        "aws_lambda_alias",
        "aws_lambda_permission",
    }
)

#: Types of which nothing exists outside the state: a second creation leaves nothing behind.
_STATE_ONLY = re.compile(r"terraform_data|(?:null|random|time|tls)_\w+")

#: Types that only set something on another object: a second creation overwrites the first.
_SETTINGS = re.compile(
    r"aws_s3_bucket_\w+|aws_iam_role_policy(?:_attachment)?|aws_sqs_queue_(?:policy|redrive_policy)"
    r"|aws_ecr_(?:lifecycle|repository)_policy|aws_ecs_cluster_capacity_providers|aws_kms_key_policy"
    r"|aws_secretsmanager_secret_policy|aws_sns_topic_policy|aws_lambda_function_event_invoke_config"
    r"|google_\w+_iam_member|google_storage_bucket_object"
)

#: Planned values by which a person recognizes an object.
_TELLING = ("name", "name_prefix", "display_name", "bucket", "identifier", "family", "description")


def known_id(
    resource_type: str, printed: str | None, values: Mapping[str, Any], provider: Mapping[str, str]
) -> str | None:
    """The import id of a resource that Terraform reported as created, None where there is none."""
    if resource_type in _PRINTED_ID_IS_NOT_THE_IMPORT_ID:
        return foretold_id(resource_type, values, provider)
    return printed or foretold_id(resource_type, values, provider)


def foretold_id(resource_type: str, values: Mapping[str, Any], provider: Mapping[str, str]) -> str | None:
    """The import id that follows from planned `values`; None where the type has no rule or a value is not known yet."""
    rule = FORETOLD.get(resource_type)
    own = {name: value for name, value in values.items() if value}
    return None if rule is None else _fill(rule, {**provider, **own})


def is_made_anew(resource_type: str) -> bool:
    """Whether a creation that is not in the state leaves nothing that a second one would not replace."""
    return bool(_STATE_ONLY.fullmatch(resource_type) or _SETTINGS.fullmatch(resource_type))


def is_state_only(resource_type: str) -> bool:
    """Whether nothing of it exists outside the state."""
    return bool(_STATE_ONLY.fullmatch(resource_type))


def kept_fields(resource_type: str) -> set[str]:
    """Names of the planned values that a journal keeps: what an id is made of, and what people look for."""
    return {name.partition("|")[0] for name in _names(FORETOLD.get(resource_type, ""))} | {*_TELLING}


def _names(rule: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(rule) if name]


def _fill(rule: str, values: Mapping[str, Any]) -> str | None:
    """The rule with every field in its place; a default stands after `|`."""
    filled = {}
    for field in _names(rule):
        name, _, default = field.partition("|")
        value = values.get(name) or default
        if not value:
            return None
        filled[field] = re.sub(r"^https://", "", str(value))
    return re.sub(r"\{([^}]+)\}", lambda match: filled[match[1]], rule)
