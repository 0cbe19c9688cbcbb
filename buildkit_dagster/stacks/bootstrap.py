"""The `bootstrap` stack: the state bucket, and the roles GitHub's workflows take on; and what of it exists already.

It makes the bucket its own state ends up in; how it gets there is `terraform/migrate.py`. An account has one OIDC
provider for GitHub at most, which may be somebody else's: then it is looked up. Everything else that has our names is
ours and is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildkit_dagster.config.models import Approvers
from buildkit_dagster.config.runtimes import EcsFargate
from buildkit_dagster.stacks.permissions import Started, apply_policy, workload_boundary
from buildkit_dagster.stacks.scope import BOOTSTRAP, STATE_BACKEND, Scope
from buildkit_dagster.terraform.approvals import KEY_MODULE
from buildkit_dagster.terraform.rendered_root import RenderedRoot, UnitRef
from buildkit_dagster.terraform.store import PREFIX

GITHUB_OIDC = "github_oidc"
APPROVAL_KEY = "approval_key"

_PROVIDER_ADDRESS = f"module.{GITHUB_OIDC}.aws_iam_openid_connect_provider.github[0]"
_PROVIDER_HOST = "token.actions.githubusercontent.com"

#: `client("iam")`: a boto3 client.
Clients = Callable[[str], Any]


def bootstrap_root(scope: Scope, *, create_provider: bool = True) -> RenderedRoot:
    """The stack as it is once its state lies in the bucket."""
    calls = [
        scope.unit(STATE_BACKEND, "state_backend", _state_backend(scope)),
        scope.unit(GITHUB_OIDC, "github_oidc", {**_github_oidc(scope), "create_provider": create_provider}),
    ]
    approvers = scope.platform.config.approvers
    if approvers:
        calls.append(scope.unit(APPROVAL_KEY, KEY_MODULE, _approval_key(scope, approvers)))
    return scope.root(BOOTSTRAP, *calls)


def _state_backend(scope: Scope) -> dict[str, Any]:
    names, config = scope.platform.names, scope.platform.config
    return {
        "bucket_name": names.state_bucket(),
        "lock_table_name": names.lock_table() if config.lock_table else None,
        # An emulated bucket is gone with the emulator anyway; it must not hold up a destroy.
        "force_destroy": config.cloud == "emulator",
    }


def _github_oidc(scope: Scope) -> dict[str, Any]:
    names, github = scope.platform.names, scope.platform.config.github
    inputs: dict[str, Any] = {
        "organization": github.organization,
        "repository": github.repository,
        "plan_role_name": names.plan_role(),
        "plan_branches": list(github.plan_branches),
        "apply_role_name": names.apply_role(),
        "apply_environment": github.apply_environment,
        "apply_policy": apply_policy(scope),
        "workload_boundary": {
            "name": scope.boundary_name(),
            "policy": workload_boundary(_session_roles(scope), _started(scope)),
        },
        "state_bucket_arn": UnitRef(STATE_BACKEND, "bucket_arn"),
    }
    if scope.platform.config.lock_table:
        inputs["lock_table_arn"] = UnitRef(STATE_BACKEND, "lock_table_arn")
    return inputs


def _started(scope: Scope) -> Started:
    """What EventBridge starts: builds of dbt projects, tasks and functions of ingest jobs."""
    names = scope.platform.names
    jobs = [job for job in scope.platform.ingest_jobs if job.job.scheduler == "eventbridge"]
    tasks = [job for job in jobs if isinstance(job.job.infrastructure.runtime, EcsFargate)]
    return Started(
        projects=[
            scope.arn("codebuild", f"project/{names.codebuild_project(project.name)}")
            for project in scope.platform.dbt_projects
            if project.scheduler == "eventbridge"
        ],
        families=[scope.arn("ecs", f"task-definition/{names.task_family(job.tenant, job.name)}") for job in tasks],
        roles=[
            scope.iam_arn(f"role/{names.job_role(job.tenant, job.name, kind)}")
            for job in tasks
            for kind in ("", "start")
        ],
        functions=[
            scope.arn("lambda", f"function:{names.function(job.tenant, job.name)}") for job in jobs if job not in tasks
        ],
    )


def _session_roles(scope: Scope) -> list[str]:
    roles = (project.access.session_role_arn for project in scope.platform.dbt_projects)
    return [role for role in roles if role]


def _approval_key(scope: Scope, approvers: Approvers) -> dict[str, Any]:
    names, github = scope.platform.names, scope.platform.config.github
    inputs: dict[str, Any] = {
        "alias": names.approval_alias().removeprefix("alias/"),
        "role_name": names.approver_role(),
        "principals": list(approvers.principals),
        "plans_arn": f"{scope.bucket_arn(names.state_bucket())}/{PREFIX}",
    }
    if approvers.github_environment:
        inputs["github"] = {
            "provider_arn": UnitRef(GITHUB_OIDC, "provider_arn"),
            "organization": github.organization,
            "repository": github.repository,
            "environment": approvers.github_environment,
        }
    return inputs


def makes_provider(scope: Scope, client: Clients, managed: frozenset[str]) -> bool:
    """Whether the OIDC provider is the stack's to make: it is in its state (`managed` addresses), or there is none."""
    if _PROVIDER_ADDRESS in managed:
        return True
    iam, arn = client("iam"), scope.iam_arn(f"oidc-provider/{_PROVIDER_HOST}")
    return not _exists(
        iam.exceptions.NoSuchEntityException, iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn
    )


def found_in_account(scope: Scope, client: Clients) -> dict[str, str]:
    """Address → import id of what exists under the stack's names; parts of a bucket need no import."""
    names, iam, s3 = scope.platform.names, client("iam"), client("s3")
    missing = iam.exceptions.NoSuchEntityException
    bucket, boundary = names.state_bucket(), scope.boundary_arn()
    found = {}
    if _exists(s3.exceptions.ClientError, s3.head_bucket, Bucket=bucket, ExpectedBucketOwner=scope.account):
        found[f"module.{STATE_BACKEND}.aws_s3_bucket.state"] = bucket
    for role, name in (("plan", names.plan_role()), ("apply", names.apply_role())):
        if _exists(missing, iam.get_role, RoleName=name):
            found[f"module.{GITHUB_OIDC}.aws_iam_role.{role}"] = name
    if _exists(missing, iam.get_policy, PolicyArn=boundary):
        found[f"module.{GITHUB_OIDC}.aws_iam_policy.workload_boundary[0]"] = boundary
    found |= _found_approval_key(scope, client) if scope.platform.config.approvers else {}
    return found | (_found_lock_table(scope, client) if scope.platform.config.lock_table else {})


def _found_approval_key(scope: Scope, client: Clients) -> dict[str, str]:
    names, iam, kms = scope.platform.names, client("iam"), client("kms")
    unit, alias, role = f"module.{APPROVAL_KEY}", names.approval_alias(), names.approver_role()
    found = {}
    if _exists(iam.exceptions.NoSuchEntityException, iam.get_role, RoleName=role):
        found[f"{unit}.aws_iam_role.approver"] = role
    if _exists(kms.exceptions.NotFoundException, kms.describe_key, KeyId=alias):
        found[f"{unit}.aws_kms_key.approval"] = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
        found[f"{unit}.aws_kms_alias.approval"] = alias
    return found


def _found_lock_table(scope: Scope, client: Clients) -> dict[str, str]:
    dynamodb, table = client("dynamodb"), scope.platform.names.lock_table()
    if not _exists(dynamodb.exceptions.ResourceNotFoundException, dynamodb.describe_table, TableName=table):
        return {}
    return {f"module.{STATE_BACKEND}.aws_dynamodb_table.lock[0]": table}


def _exists(missing: type[Exception], look: Callable[..., Any], **arguments: str) -> bool:
    try:
        look(**arguments)
    except missing:
        return False
    return True
