"""Who gets in: trust policies evaluated against the tokens GitHub gives to workflows, our own and everybody else's.

The claims are those of GitHub's documentation ("About security hardening with OpenID Connect", default subjects). What
is evaluated is the trust policy alone: a permissions boundary or a service control policy can refuse more. Whether a
policy is exact is said by `oidc.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from buildkit_dagster.rules.conditions import hold
from buildkit_dagster.rules.oidc import WEB_IDENTITY, issuers
from buildkit_dagster.rules.statements import Statement, statements

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
#: `sts:AssumeRoleWithWebIdentity` is asked for by the token's owner: these keys are there in every request.
_FEDERATED = "aws:federatedprovider"


@dataclass(frozen=True)
class Caller:
    """A workflow with a token. `ours` is True for those of the repository itself with the right audience."""

    name: str
    claims: Mapping[str, str]
    ours: bool = False

    @property
    def subject(self) -> str:
        return self.claims["sub"]


@dataclass(frozen=True)
class Role:
    """A role and its trust policy; `document` is None where that is known after the apply only."""

    address: str
    name: str
    document: str | None


@dataclass(frozen=True)
class Answer:
    """Whether a caller gets a role; None where nobody can say before the apply."""

    role: Role
    caller: Caller
    admitted: bool | None

    @property
    def is_breach(self) -> bool:
        """Whether somebody gets in who is not of the repository, or with a token made for somebody else."""
        return bool(self.admitted) and not self.caller.ours


def callers(
    organization: str, repository: str, branches: Sequence[str] = ("main",), environments: Sequence[str] = ()
) -> tuple[Caller, ...]:
    """The matrix: the repository's own workflows by what starts them, then who must stay outside."""
    own = f"{organization}/{repository}"
    branch = branches[0] if branches else "main"
    ours = [
        *(_caller(f"own branch {name}", own, f"ref:refs/heads/{name}", ours=True) for name in branches or ("main",)),
        _caller("own other branch", own, "ref:refs/heads/some-other-branch", ours=True),
        _caller("own pull request", own, "pull_request", ours=True),
        _caller("own tag", own, "ref:refs/tags/v1.0.0", ours=True),
        *(_caller(f"own environment {name}", own, f"environment:{name}", ours=True) for name in environments),
        _caller("own other environment", own, "environment:some-other-environment", ours=True),
    ]
    others = [
        _caller("fork's pull request", f"somebody/{repository}", "pull_request"),
        _caller("fork's branch", f"somebody/{repository}", f"ref:refs/heads/{branch}"),
        _caller("other repository", f"{organization}/another", f"ref:refs/heads/{branch}"),
        _caller("repository of longer name", f"{own}-copy", f"ref:refs/heads/{branch}"),
        _caller("other organisation", f"another/{repository}", f"ref:refs/heads/{branch}"),
        _caller("organisation of longer name", f"{organization}-x/{repository}", f"ref:refs/heads/{branch}"),
        _caller("own branch, wrong audience", own, f"ref:refs/heads/{branch}", audience=f"https://github.com/{own}"),
    ]
    return (*ours, *others)


def who_gets_in(roles: Iterable[Role], matrix: Sequence[Caller]) -> Iterator[Answer]:
    """Every caller at every role."""
    for role in roles:
        for caller in matrix:
            yield Answer(role, caller, None if role.document is None else admits(role.document, caller.claims))


def admits(document: str, claims: Mapping[str, str]) -> bool:
    """Whether a trust policy lets in a token of GitHub's with these claims: a Deny wins, then an Allow."""
    effects = {statement.effect for statement in statements(document) if _applies(statement, claims)}
    return effects == {"Allow"}


def trusts_web_identities(document: str | None) -> bool:
    """Whether a role is of interest here; one whose policy is not known yet may be."""
    if document is None:
        return True
    return any(statement.allows and statement.covers(WEB_IDENTITY) for statement in statements(document))


def _applies(statement: Statement, claims: Mapping[str, str]) -> bool:
    if not statement.covers(WEB_IDENTITY):
        return False
    return any(hold(statement.conditions, _context(issuer, claims)) for issuer in _issuers(statement))


def _issuers(statement: Statement) -> list[str]:
    """GitHub by the names a statement has for it: an organization may have an issuer of its own below GitHub's."""
    if statement.not_principals is not None:
        excluded = {value for values in statement.not_principals.values() for value in values}
        return [] if any(_is_github(name.partition(":oidc-provider/")[2] or name) for name in excluded) else [ISSUER]
    return [ISSUER if issuer == "*" else issuer for issuer in issuers(statement) if _is_github(issuer)]


def _is_github(issuer: str) -> bool:
    return issuer == "*" or issuer == ISSUER or issuer.startswith(f"{ISSUER}/")


def _context(issuer: str, claims: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys AWS makes of a token: every claim under the issuer's name."""
    return {_FEDERATED: [issuer], **{f"{issuer}:{name}".lower(): [value] for name, value in claims.items()}}


def _caller(name: str, repository: str, suffix: str, *, ours: bool = False, audience: str = AUDIENCE) -> Caller:
    claims = {
        "aud": audience,
        "sub": f"repo:{repository}:{suffix}",
        "repository": repository,
        "repository_owner": repository.partition("/")[0],
        "iss": f"https://{ISSUER}",
    }
    kind, _, value = suffix.partition(":")
    if kind == "ref":
        claims |= {"ref": value, "ref_type": "tag" if "/tags/" in value else "branch", "event_name": "push"}
    elif kind == "environment":
        claims |= {"environment": value, "event_name": "push"}
    else:
        claims |= {"ref": "refs/pull/7/merge", "event_name": "pull_request"}
    return Caller(name, claims, ours)
