"""What the apply role and the jobs may do in AWS, as policy documents and statements; pure data.

A statement for a module is `actions`, `resources`, `condition`; a policy document is IAM's own JSON. The plan role, and
the access of jobs to their own logs, images, secrets and to the warehouse, are in the modules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildkit_dagster.naming import ingest_stack
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.tags.wanted import platform_tags
from buildkit_dagster.terraform.tagged import UNIT_TAG

Statement = Mapping[str, Any]

#: Services whose roles the apply role may hand out.
_RUN_BY = ("codebuild.amazonaws.com", "ecs-tasks.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com")


def apply_policy(scope: Scope) -> str:
    """All of the platform's own resources, by name; roles only below the workload boundary."""
    prefix, names = scope.prefix("*"), scope.platform.names
    repositories = _with_others(prefix, map(names.repository, scope.platform.config.images))
    projects = _with_others(prefix, (names.codebuild_project(each.name) for each in scope.platform.dbt_projects))
    return _document(
        _allow("Buckets", ["s3:*"], [scope.bucket_arn(prefix)]),
        _allow("ReadObjects", ["s3:GetObject"], [f"{scope.bucket_arn(prefix)}/*"]),
        _allow("Queues", ["sqs:*"], [scope.arn("sqs", prefix)]),
        _allow("Repositories", ["ecr:*"], [scope.arn("ecr", f"repository/{name}") for name in repositories]),
        _allow("Projects", ["codebuild:*"], [scope.arn("codebuild", f"project/{name}") for name in projects]),
        _allow("Schedules", ["scheduler:*"], [scope.arn("scheduler", f"schedule/default/{prefix}")]),
        _allow("Functions", ["lambda:*"], [scope.arn("lambda", f"function:{prefix}")]),
        _allow("Rules", ["events:*"], [scope.arn("events", f"rule/{prefix}")]),
        _allow("Alarms", ["cloudwatch:*"], [scope.arn("cloudwatch", f"alarm:{prefix}")]),
        *_key_statements(scope),
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
                "tag:GetResources",
                *(_BILLING_ACTIONS if scope.platform.config.costs else ()),
            ],
            ["*"],
        ),
        _allow("SecurityGroups", _SECURITY_GROUP_ACTIONS, [scope.arn("ec2", f"{kind}/*") for kind in _NETWORK]),
        *_role_statements(scope),
        *([_verify_approvals(scope)] if scope.platform.config.approvers else []),
    )


def _with_others(prefix: str, names: Iterable[str]) -> list[str]:
    """The pattern of the platform's names, and those that keep the name somebody else gave them."""
    return [prefix, *sorted(name for name in names if not name.startswith(prefix.removesuffix("*")))]


@dataclass(frozen=True)
class Started:
    """What EventBridge's schedules start, by ARN: CodeBuild projects, families of tasks with their roles, functions."""

    projects: Sequence[str] = ()
    families: Sequence[str] = ()
    roles: Sequence[str] = ()
    functions: Sequence[str] = ()


def workload_boundary(session_roles: Sequence[str] = (), started: Started = Started()) -> str:
    """The most a build, a task, a function or a schedule can ever do: the services that carry data, none that grants
    permissions; and to start what schedules start.

    `session_roles` are the ARNs of the roles that dbt's Glue sessions run as.
    """
    wanted = (
        ("GlueSessions", "iam:PassRole", session_roles, _passed_to("glue.amazonaws.com")),
        ("StartBuilds", "codebuild:StartBuild", started.projects, None),
        ("StartTasks", "ecs:RunTask", [f"{arn}{any_of}" for arn in started.families for any_of in ("", ":*")], None),
        ("TaskRoles", "iam:PassRole", started.roles, _passed_to("ecs-tasks.amazonaws.com")),
        ("CallFunctions", "lambda:InvokeFunction", started.functions, None),
    )
    return _document(
        _allow("DataServices", _WORKLOAD_ACTIONS, ["*"]),
        *(_allow(sid, [action], sorted(set(arns)), condition) for sid, action, arns, condition in wanted if arns),
    )


def _passed_to(service: str) -> dict[str, Any]:
    return {"StringEquals": {"iam:PassedToService": service}}


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


def _key_statements(scope: Scope) -> list[dict[str, Any]]:
    """Keys of ingest jobs, known by their tags, which those of approvals do not have."""
    tags = platform_tags(scope.platform)
    known = {f"aws:%s/{name}": tags[name] for name in ("project", "environment")}
    key = [scope.arn("kms", "key/*")]

    def tagged(place: str) -> dict[str, Any]:
        unit = {f"aws:{place}/{UNIT_TAG}": f"{ingest_stack('*')}"}
        return {"StringEquals": {name % place: value for name, value in known.items()}, "StringLike": unit}

    return [
        _allow("MakeKeys", ["kms:CreateKey"], ["*"], tagged("RequestTag")),
        _allow("Keys", list(_KEY_ACTIONS), key, tagged("ResourceTag")),
    ]


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


#: What `costs` of an environment asks (`tags/costs.py`).
_BILLING_ACTIONS = ("ce:GetCostAndUsage", "ce:ListCostAllocationTags")
_KEY_ACTIONS = (
    "kms:CancelKeyDeletion",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:Encrypt",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
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
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:Describe*",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:*",
    "ecs:TagResource",
    "glue:*",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "lakeformation:GetDataAccess",
    "logs:*",
    "redshift:DescribeClusters",
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "redshift-data:*",
    "redshift-serverless:GetCredentials",
    "redshift-serverless:GetWorkgroup",
    "s3:*",
    "secretsmanager:GetSecretValue",
    "sqs:SendMessage",
    "ssm:GetParameters",
)
