"""What the apply role and the jobs may do in AWS, as policy documents and statements; pure data.

A statement for a module is `actions`, `resources`, `condition`; a policy document is IAM's own JSON. The plan role and
the access of jobs to their own logs, images and secrets are in the modules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from buildkit_dagster.stacks.scope import Scope

Statement = Mapping[str, Any]

#: Services whose roles the apply role may hand out.
_RUN_BY = ("codebuild.amazonaws.com", "ecs-tasks.amazonaws.com")


def apply_policy(scope: Scope) -> str:
    """All of the platform's own resources, by name; roles only below the workload boundary."""
    prefix, names = scope.prefix("*"), scope.platform.names
    return _document(
        _allow("Buckets", ["s3:*"], [scope.bucket_arn(prefix)]),
        _allow("ReadObjects", ["s3:GetObject"], [f"{scope.bucket_arn(prefix)}/*"]),
        _allow("Queues", ["sqs:*"], [scope.arn("sqs", prefix)]),
        _allow("Repositories", ["ecr:*"], [scope.arn("ecr", f"repository/{prefix}")]),
        _allow("Projects", ["codebuild:*"], [scope.arn("codebuild", f"project/{prefix}")]),
        _allow("Logs", ["logs:*"], [scope.arn("logs", f"log-group:{names.log_group('*')}")]),
        _allow("LockTable", ["dynamodb:*"], [scope.arn("dynamodb", f"table/{prefix}")]),
        _allow("Connections", ["codeconnections:*"], [scope.arn("codeconnections", "connection/*")]),
        _allow(
            "Clusters",
            ["ecs:*"],
            [scope.arn("ecs", f"cluster/{prefix.removesuffix('-*')}*"), scope.arn("ecs", f"task-definition/{prefix}")],
        ),
        # These actions have no resource of their own.
        _allow(
            "WithoutResource",
            [
                "ecs:DeregisterTaskDefinition",
                "ecs:DescribeTaskDefinition",
                "logs:DescribeLogGroups",
                "ec2:Describe*",
                "sts:GetCallerIdentity",
            ],
            ["*"],
        ),
        _allow("SecurityGroups", _SECURITY_GROUP_ACTIONS, [scope.arn("ec2", f"{kind}/*") for kind in _NETWORK]),
        *_role_statements(scope),
        *([_verify_approvals(scope)] if scope.platform.config.approvers else []),
    )


def workload_boundary() -> str:
    """The most a build or a task can ever do: the services that carry data, none that grants permissions."""
    return _document(_allow("DataServices", _WORKLOAD_ACTIONS, ["*"]))


def push_images(repositories: Sequence[Any]) -> Statement:
    """Push to these repositories (ARNs or references to them)."""
    return {
        "actions": [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
        "resources": list(repositories),
    }


def log_in_to_registry() -> Statement:
    """ECR's login, which has no narrower resource."""
    return {"actions": ["ecr:GetAuthorizationToken"], "resources": ["*"]}


def warehouse_statements(scope: Scope) -> list[Statement]:
    """What loading into, or building in, the platform's warehouse needs of AWS."""
    settings = scope.platform.config.warehouse.settings
    if scope.platform.config.warehouse.type == "athena":
        return _athena(scope, settings)
    if scope.platform.config.warehouse.type == "redshift" and "cluster_id" in settings:
        cluster, database, user = (settings.get(name, "*") for name in ("cluster_id", "database", "user"))
        return [
            {
                "actions": ["redshift:GetClusterCredentials"],
                "resources": [
                    scope.arn("redshift", f"dbname:{cluster}/{database}"),
                    scope.arn("redshift", f"dbuser:{cluster}/{user}"),
                ],
            },
            {"actions": ["redshift:DescribeClusters"], "resources": [scope.arn("redshift", f"cluster:{cluster}")]},
        ]
    return []


def _athena(scope: Scope, settings: Mapping[str, str]) -> list[Statement]:
    group = settings.get("work_group", "primary")
    statements: list[Statement] = [
        {
            "actions": [f"athena:{action}" for action in _ATHENA_ACTIONS],
            "resources": [scope.arn("athena", f"workgroup/{group}"), scope.arn("athena", "datacatalog/*")],
        },
        {
            "actions": [f"glue:{action}" for action in _GLUE_ACTIONS],
            "resources": [scope.arn("glue", kind) for kind in ("catalog", "database/*", "table/*")],
        },
    ]
    for url in sorted({settings[name] for name in ("s3_data_dir", "s3_staging_dir") if name in settings}):
        bucket, prefix = urlsplit(url).netloc, urlsplit(url).path.lstrip("/")
        statements.append(
            {
                "actions": [f"s3:{action}" for action in _OBJECT_ACTIONS],
                "resources": [f"{scope.bucket_arn(bucket)}/{prefix}*"],
            }
        )
        statements.append(
            {"actions": ["s3:ListBucket", "s3:GetBucketLocation"], "resources": [scope.bucket_arn(bucket)]}
        )
    return statements


def _role_statements(scope: Scope) -> list[dict[str, Any]]:
    """Make roles that carry the boundary, hand them to builds and tasks, and never touch the boundary itself."""
    names, boundary = scope.platform.names, scope.boundary_arn()
    roles = scope.iam_arn(f"role/{scope.prefix('*')}")
    own = [scope.iam_arn(f"role/{name}") for name in (names.plan_role(), names.apply_role(), names.approver_role())]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    return [
        _allow("ReadIdentities", ["iam:Get*", "iam:List*"], ["*"]),
        _allow("BoundedRoles", _BOUNDED_ACTIONS, [roles], bounded),
        _allow("ChangeRoles", _ROLE_ACTIONS, [roles]),
        _allow("HandOutRoles", ["iam:PassRole"], [roles], {"StringEquals": {"iam:PassedToService": list(_RUN_BY)}}),
        _deny("OwnIdentity", [*_BOUNDED_ACTIONS, *_ROLE_ACTIONS, "iam:PassRole"], own),
        _deny("OwnBoundary", _POLICY_ACTIONS, [boundary]),
        _deny("KeepBoundaries", ["iam:DeleteRolePermissionsBoundary"]),
    ]


def _verify_approvals(scope: Scope) -> dict[str, Any]:
    """Prove approvals; a key is found by its alias. Signing is the approver role's alone, by the key's policy."""
    alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": scope.platform.names.approval_alias()}}
    return _allow("VerifyApprovals", ["kms:Verify", "kms:GetPublicKey"], [scope.arn("kms", "key/*")], alias)


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return _statement("Allow", sid, actions, resources, condition)


def _deny(sid: str, actions: Sequence[str], resources: Sequence[str] = ("*",)) -> dict[str, Any]:
    return _statement("Deny", sid, actions, resources, None)


def _statement(
    effect: str, sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None
) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": effect, "Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": condition} if condition else statement


_NETWORK = ("security-group", "security-group-rule", "vpc")
_SECURITY_GROUP_ACTIONS = (
    "ec2:CreateSecurityGroup",
    "ec2:DeleteSecurityGroup",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:ModifySecurityGroupRules",
    "ec2:CreateTags",
    "ec2:DeleteTags",
)

#: Actions that could give a role more than its maker has, allowed only where the boundary is on the role.
_BOUNDED_ACTIONS = (
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
)
_ROLE_ACTIONS = (
    "iam:DeleteRole",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
    "iam:UpdateAssumeRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
)
_POLICY_ACTIONS = (
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
)
_WORKLOAD_ACTIONS = (
    "athena:*",
    "codeconnections:GetConnection",
    "codeconnections:GetConnectionToken",
    "codeconnections:UseConnection",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:Describe*",
    "ecr:*",
    "glue:*",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:*",
    "redshift:DescribeClusters",
    "redshift:GetClusterCredentials",
    "redshift-data:*",
    "s3:*",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
)
_OBJECT_ACTIONS = ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts")
_ATHENA_ACTIONS = (
    "StartQueryExecution",
    "StopQueryExecution",
    "GetQueryExecution",
    "GetQueryResults",
    "GetQueryResultsStream",
    "GetWorkGroup",
    "GetDataCatalog",
    "ListDataCatalogs",
    "GetDatabase",
    "ListDatabases",
    "GetTableMetadata",
    "ListTableMetadata",
)
_GLUE_ACTIONS = (
    "GetDatabase",
    "GetDatabases",
    "CreateDatabase",
    "GetTable",
    "GetTables",
    "GetTableVersions",
    "CreateTable",
    "UpdateTable",
    "DeleteTable",
    "BatchDeleteTable",
    "DeleteTableVersion",
    "BatchDeleteTableVersion",
    "GetPartition",
    "GetPartitions",
    "BatchGetPartition",
    "BatchCreatePartition",
    "CreatePartition",
    "UpdatePartition",
    "DeletePartition",
    "BatchDeletePartition",
)
