"""What identities may do: too much at once, or enough to give themselves more.

The list of ways to more is Rhino Security Labs' "AWS IAM Privilege Escalation Methods" and Bishop Fox's iam-vulnerable,
as far as IAM's own actions go. Deny statements are never findings; one on everything without a condition takes back
what others allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buildkit_dagster.rules.documents import identity_statements
from buildkit_dagster.rules.statements import Statement, matches
from buildkit_dagster.rules.verdicts import Finding, found
from buildkit_dagster.terraform.plan import Plan, ResourceChange

#: IAM knows a boundary condition for these: Service Authorization Reference, "AWS Identity and Access Management".
_BOUNDED = (
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
)
#: And none for these.
_UNBOUNDED = (
    "iam:AddUserToGroup",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)
_PASS_ROLE, _TRUST, _CREATE_ROLE = "iam:PassRole", "iam:UpdateAssumeRolePolicy", "iam:CreateRole"
_BOUNDARY_KEY = "iam:permissionsboundary"
_EQUALS = {"stringequals", "arnequals", "stringlike", "arnlike"}

#: Actions that read data, secrets or identities, and so count like those that write.
_READS_DATA = (
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "kms:Decrypt",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "sts:AssumeRole",
)
#: Services whose other actions can all be limited to resources, but for `_WITHOUT_RESOURCE`.
_LIMITABLE = {"dynamodb", "iam", "kms", "lambda", "rds", "s3", "secretsmanager", "sns", "sqs", "ssm", "sts"}
_WITHOUT_RESOURCE = {
    "dynamodb:purchasereservedcapacityofferings",
    "kms:connectcustomkeystore",
    "kms:createcustomkeystore",
    "kms:createkey",
    "kms:generaterandom",
    "lambda:createeventsourcemapping",
    "s3:createjob",
    "sts:decodeauthorizationmessage",
    "sts:getcalleridentity",
}
_READ = ("get", "list", "describe", "head", "view", "search", "lookup", "simulate", "generateservice")
_ADMINISTRATORS = ("AdministratorAccess", "IAMFullAccess")
_ATTACHED = ("policy_arn", "managed_policy_arn")


def iam(plan: Plan) -> Iterator[Finding]:
    """Findings `policy/wildcard-action`, `-resource`, `policy/privilege-escalation` and `policy/administrator`."""
    for change, document in identity_statements(plan):
        for statement in document:
            if statement.allows:
                yield from _statement(change, statement, document)
    for change in plan.resources:
        if change.stays:
            yield from _administrators(change)


def _statement(change: ResourceChange, statement: Statement, document: Sequence[Statement]) -> Iterator[Finding]:
    wild = _wildcard_actions(statement)
    if wild:
        yield found("policy/wildcard-action", change, f"{statement.label} allows {wild}; name the actions it needs")
    open_ended = _wildcard_resources(statement)
    if open_ended:
        message = f"{statement.label} allows {_short(open_ended)} on every resource; name the resources"
        yield found("policy/wildcard-resource", change, message)
    ways = _escalations(statement, document)
    if ways:
        yield found("policy/privilege-escalation", change, f"{statement.label} allows {_short(ways)}, {_WAY_OUT}")


_WAY_OUT = (
    "by which its holder can get more than it was given; allow it with a condition on iam:PermissionsBoundary where "
    "IAM knows one, and iam:PassRole on named roles only"
)


def _wildcard_actions(statement: Statement) -> str | None:
    if statement.not_actions:
        return f"everything but {_short(statement.not_actions)} (NotAction)"
    if any(not action.replace(":", "").strip("*") for action in statement.actions):
        return "every action"
    whole = [action for action in statement.actions if action.endswith(":*")]
    return f"{_short(whole)} on every resource" if whole and _reaches_all(statement) else None


def _wildcard_resources(statement: Statement) -> list[str]:
    """The actions that could have been limited to resources and are not."""
    if not _reaches_all(statement) or statement.not_actions:
        return []
    return [action for action in statement.actions if not action.endswith("*:*") and _could_be_limited(action.lower())]


def _reaches_all(statement: Statement) -> bool:
    return statement.on_everything and not statement.conditions


def _could_be_limited(action: str) -> bool:
    service, _, name = action.partition(":")
    if name in ("", "*"):
        return False  # a finding of its own
    if any(matches(action, read, ignore_case=True) for read in _READS_DATA):
        return True
    return service in _LIMITABLE and action not in _WITHOUT_RESOURCE and not name.startswith(_READ)


def _escalations(statement: Statement, document: Sequence[Statement]) -> list[str]:
    ways = [action for action in _BOUNDED if statement.covers(action) and not _needs_boundary(statement)]
    ways += [action for action in _UNBOUNDED if statement.covers(action) and not _never_holds(statement)]
    if statement.covers(_PASS_ROLE) and (statement.on_everything or _all_roles(statement)):
        ways.append(_PASS_ROLE)
    return [
        way for way in ways if not _taken_back(way, document) and not (way == _TRUST and _bounded(statement, document))
    ]


def _needs_boundary(statement: Statement) -> bool:
    """Whether a condition names the boundary; `...IfExists` and `ForAllValues:` hold without one."""
    return any(
        operator.lower() in _EQUALS and key == _BOUNDARY_KEY and not any(not value.strip("*") for value in values)
        for operator, key, values in statement.conditions
    )


def _never_holds(statement: Statement) -> bool:
    """IAM gives these actions no boundary to compare, so a statement that asks for one allows none of them."""
    return _needs_boundary(statement)


def _all_roles(statement: Statement) -> bool:
    return any(resource.endswith((":role/*", ":*")) for resource in statement.resources)


def _bounded(statement: Statement, document: Sequence[Statement]) -> bool:
    """Whether the same document lets roles of these names be made below a boundary only; then so is trust in them."""
    makers = [other for other in document if other.allows and other.covers(_CREATE_ROLE)]
    covered = {resource for maker in makers for resource in maker.resources}
    return bool(makers) and all(map(_needs_boundary, makers)) and set(statement.resources) <= covered


def _taken_back(action: str, document: Sequence[Statement]) -> bool:
    return any(
        not other.allows and other.covers(action) and "*" in other.resources and not other.conditions
        for other in document
    )


def _administrators(change: ResourceChange) -> Iterator[Finding]:
    attached = [change.values.get(name) for name in _ATTACHED] + list(change.values.get("managed_policy_arns") or ())
    if not change.type.startswith(("aws_iam_", "aws_ssoadmin_")):
        return
    for arn in attached:
        name = str(arn or "").rpartition("/")[2]
        if name in _ADMINISTRATORS and ":aws:policy/" in str(arn):
            message = f"attaches {name}, which can grant itself everything; attach what is needed"
            yield found("policy/administrator", change, message)


def _short(actions: Sequence[str]) -> str:
    more = f" and {len(actions) - 4} more" if len(actions) > 4 else ""
    return ", ".join(actions[:4]) + more
