"""Doors to everybody: buckets by ACL or policy, other resources by policy, databases by address.

What counts as open follows S3's "The meaning of public" (Amazon S3 User Guide, "Blocking public access to your S3
storage"): anybody is allowed, and no condition with a fixed value says from where or for whom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from buildkit_dagster.rules.documents import known, resource_statements
from buildkit_dagster.rules.statements import Statement
from buildkit_dagster.rules.verdicts import Finding, found
from buildkit_dagster.terraform.plan import Plan, ResourceChange

_BUCKET_TYPES = ("aws_s3_bucket", "aws_s3_bucket_acl", "aws_s3_bucket_policy")
_BLOCK = "aws_s3_bucket_public_access_block"
_OPEN_ACLS = ("public-read", "public-read-write", "authenticated-read")
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
_LIMITING = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
}
_POSITIVE = re.compile(r"(foranyvalue:)?(stringequals|stringequalsignorecase|stringlike|arnequals|arnlike|ipaddress)")
#: Cloud IAM documentation, "Principal types"; the second is whoever has an account of Google's.
_GOOGLES_EVERYBODY = ("allUsers", "allAuthenticatedUsers")
_WHOLE_NETWORK = re.compile(r"(0\.0\.0\.0|::)/0|\*")
_DATABASES = ("aws_db_instance", "aws_rds_cluster_instance", "aws_redshift_cluster", "aws_redshiftserverless_workgroup")


def public_access(plan: Plan) -> Iterator[Finding]:
    """Findings `policy/public-bucket`, `policy/public-access` and `policy/public-database`."""
    for change, values in known(plan):
        yield from _acl(change, values, plan)
        yield from _database(change)
        yield from _lambda(change)
        yield from _google(change, values)
    for change, statement in resource_statements(plan):
        if is_open(statement):
            yield from _policy(change, statement, plan)


def is_open(statement: Statement) -> bool:
    """Whether a statement lets anybody do something."""
    named = statement.principals or {}
    anybody = "*" in named.get("*", ()) or "*" in named.get("AWS", ()) or statement.not_principals is not None
    return statement.allows and anybody and not any(map(_limits, statement.conditions))


def _limits(condition: tuple[str, str, tuple[str, ...]]) -> bool:
    operator, key, values = condition
    narrow = not any(_WHOLE_NETWORK.fullmatch(value) for value in values)
    return bool(values) and key in _LIMITING and bool(_POSITIVE.fullmatch(operator.lower())) and narrow


def _acl(change: ResourceChange, values: Mapping[str, Any], plan: Plan) -> Iterator[Finding]:
    if change.type not in _BUCKET_TYPES:
        return
    opened = values.get("acl") in _OPEN_ACLS or any(map(_is_everybody, _grants(values)))
    if opened and not _blocked(change, plan, ("block_public_acls", "ignore_public_acls")):
        yield found("policy/public-bucket", change, f"its ACL lets everybody in; {_FIX}")


def _policy(change: ResourceChange, statement: Statement, plan: Plan) -> Iterator[Finding]:
    if change.type not in _BUCKET_TYPES:
        yield found("policy/public-access", change, f"{statement.label} lets everybody in; {_NAME}")
    elif not _blocked(change, plan, ("block_public_policy", "restrict_public_buckets")):
        yield found("policy/public-bucket", change, f"{statement.label} of its policy lets everybody in; {_FIX}")


_NAME = "name the principals, or limit it by a condition such as aws:SourceArn or aws:PrincipalOrgID"
_FIX = f"{_NAME}, and give the bucket an aws_s3_bucket_public_access_block with all four settings true"


def _grants(values: Mapping[str, Any]) -> Iterator[str]:
    """The group URIs of `grant` blocks, in the bucket itself and in its ACL."""
    text = str([values.get("grant"), values.get("access_control_policy")])
    yield from re.findall(r"'uri': '([^']+)'", text)


def _is_everybody(uri: str) -> bool:
    return uri.endswith(_EVERYBODY)


def _blocked(change: ResourceChange, plan: Plan, settings: tuple[str, ...]) -> bool:
    """Whether a public access block of this bucket takes the opening back."""
    return any(
        block.type == _BLOCK
        and block.stays
        and _same_bucket(block, change)
        and any(block.values.get(name) for name in settings)
        for block in plan.resources
    )


def _same_bucket(block: ResourceChange, change: ResourceChange) -> bool:
    """By the bucket's name; where that is known after the apply only, by the module they stand in."""
    one, other = block.values.get("bucket"), change.values.get("bucket")
    if one and other:
        return bool(one == other)
    return _module(block.address) == _module(change.address)


def _module(address: str) -> str:
    found = re.match(r"(module\.[\w-]+(\[[^\]]*\])?\.)*", address)
    return found[0] if found else ""


def _database(change: ResourceChange) -> Iterator[Finding]:
    if change.type in _DATABASES and change.values.get("publicly_accessible") is True:
        message = "gets a public address; set publicly_accessible = false and reach it through its VPC"
        yield found("policy/public-database", change, message)


def _lambda(change: ResourceChange) -> Iterator[Finding]:
    limits = ("source_account", "source_arn", "principal_org_id")
    known = [name for name in limits if change.values.get(name) or name in change.unknown]
    if change.type == "aws_lambda_permission" and change.values.get("principal") == "*" and not known:
        yield found("policy/public-access", change, f"lets everybody call the function; {_NAME}")


def _google(change: ResourceChange, values: Mapping[str, Any]) -> Iterator[Finding]:
    """A member, a binding, or a policy as one text, of any service."""
    if not re.match(r"google_\w+_iam_(member|binding|policy)$", change.type):
        return
    named = str([values.get(name) for name in ("member", "members", "policy_data")])
    if any(everybody in named for everybody in _GOOGLES_EVERYBODY):
        yield found("policy/public-access", change, "lets everybody in; name the accounts, groups or principals")
