"""Trust in web identities: a role a workflow takes on names exactly whose (`sub`) and what for (`aud`).

The claims an issuer makes are open to everybody who can get a token from it; for GitHub that is everybody. Who gets in
is shown by `trust.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buildkit_dagster.rules.documents import trust_statements
from buildkit_dagster.rules.statements import Condition, Statement
from buildkit_dagster.rules.verdicts import Finding, found
from buildkit_dagster.terraform.plan import Plan

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_PROVIDER = ":oidc-provider/"
#: These name no person or workflow in `sub`; `aud` is the identity pool or the application.
_WITHOUT_SUBJECT = ("cognito-identity.amazonaws.com",)
_EXACT = {"stringequals", "stringequalsignorecase", "foranyvalue:stringequals", "foranyvalue:stringequalsignorecase"}
_LIKE = {"stringlike", "foranyvalue:stringlike"}
_WHAT = {"sub": "whose workflow or account it is", "aud": "whom the token was made for"}


def oidc(plan: Plan) -> Iterator[Finding]:
    """Findings `policy/oidc-sub`, `policy/oidc-aud` and `policy/oidc-issuer`."""
    for change, statement in trust_statements(plan):
        if not statement.allows or not statement.covers(WEB_IDENTITY):
            continue
        for issuer in issuers(statement):
            if issuer == "*":
                yield found("policy/oidc-issuer", change, f"{statement.label} trusts every issuer; name the provider")
            for claim in _claims(issuer):
                problem = _problem(statement.conditions, f"{issuer}:{claim}".lower())
                if problem:
                    yield found(f"policy/oidc-{claim}", change, f"{statement.label}: {problem}; {_fix(issuer, claim)}")


def issuers(statement: Statement) -> list[str]:
    """The web identity providers a statement trusts, `token.actions.githubusercontent.com`; `*` for any."""
    named = (statement.principals or {}).get("Federated", ()) + (statement.principals or {}).get("*", ())
    found = [arn.partition(_PROVIDER)[2] if _PROVIDER in arn else arn for arn in named if ":saml-provider/" not in arn]
    return list(dict.fromkeys(found))


def _claims(issuer: str) -> Sequence[str]:
    return () if issuer == "*" else ("aud",) if issuer in _WITHOUT_SUBJECT else ("sub", "aud")


def _problem(conditions: Sequence[Condition], key: str) -> str | None:
    """None if one condition on the claim is exact; conditions are all to hold, so one is enough."""
    about = [(operator.lower(), values) for operator, name, values in conditions if name == key]
    if any(_is_exact(operator, values) for operator, values in about):
        return None
    if not about:
        return f"no condition on {key}"
    operator, values = about[0]
    if operator.endswith("ifexists") or operator.startswith("forallvalues:"):
        return f"{operator} on {key} also holds without that claim"
    return f"{operator} on {key} with {', '.join(values)} is not exact"


def _is_exact(operator: str, values: Sequence[str]) -> bool:
    return operator in _EXACT or (operator in _LIKE and not any("*" in value or "?" in value for value in values))


def _fix(issuer: str, claim: str) -> str:
    return f"StringEquals on {issuer}:{claim} says {_WHAT[claim]}"
