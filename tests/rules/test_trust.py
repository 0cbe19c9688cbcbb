"""The trust simulator: IAM conditions one by one, and who gets into roles of different exactness."""

import json
from typing import Any

import pytest

from buildkit_dagster.rules.conditions import hold
from buildkit_dagster.rules.statements import statements
from buildkit_dagster.rules.trust import Role, admits, callers, trusts_web_identities, who_gets_in

GITHUB = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
SUB, AUD = "token.actions.githubusercontent.com:sub", "token.actions.githubusercontent.com:aud"
EXACT = {"StringEquals": {AUD: "sts.amazonaws.com", SUB: "repo:example-org/skyline:environment:prod"}}
MATRIX = callers("example-org", "skyline", ("main",), ("prod",))


def condition(operator: str, expected: Any, key: str = "k") -> tuple[Any, ...]:
    document = {"Statement": {"Effect": "Allow", "Condition": {operator: {key: expected}}}}
    return statements(document)[0].conditions


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "holds"),
    [
        ("StringEquals", "a", ["a"], True),
        ("StringEquals", ["b", "a"], ["a"], True),
        ("StringEquals", "A", ["a"], False),
        ("StringEquals", "a*", ["abc"], False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIgnoreCase", "A", ["a"], True),
        ("StringNotEquals", ["a", "b"], ["c"], True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*c", ["abbc"], True),
        ("StringLike", "a?c", ["abbc"], False),
        ("StringLike", "[ab]", ["a"], False),
        ("StringLike", "a.c", ["abc"], False),
        ("StringNotLike", "a*", ["b"], True),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", ["b"], False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a"], ["a", "b"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ["a", "b"], True),
        ("ForAnyValue:StringEquals", ["a"], ["b"], False),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
        ("ForAnyValue:StringLike", ["a*"], ["b", "ab"], True),
        ("Null", "true", None, True),
        ("Null", True, ["a"], False),
        ("Null", "false", ["a"], True),
        ("Bool", True, ["true"], True),
        ("Bool", "false", ["true"], False),
        ("NumericLessThan", 10, ["9"], True),
        ("NumericLessThan", "10", ["x"], False),
        ("NumericGreaterThanEquals", "10", ["10"], True),
        ("NumericNotEquals", "10", ["10"], False),
        ("DateLessThan", "2026-01-02T00:00:00Z", ["2026-01-01T00:00:00Z"], True),
        ("DateGreaterThan", "2026-01-02T00:00:00Z", ["1767139200"], False),
        ("IpAddress", "10.0.0.0/8", ["10.1.2.3"], True),
        ("IpAddress", ["10.0.0.0/8", "192.0.2.1"], ["192.0.2.1"], True),
        ("NotIpAddress", "10.0.0.0/8", ["10.1.2.3"], False),
        ("ArnLike", "arn:aws:s3:::b*", ["arn:aws:s3:::bucket"], True),
        ("ArnLike", "arn:aws:*:role/x", ["arn:aws:iam::123456789012:role/x"], False),
        ("ArnNotEquals", "arn:aws:s3:::b", ["arn:aws:s3:::c"], True),
        ("StringEquals", "${other}", ["o"], True),
        ("StringEquals", "${absent}", ["${absent}"], False),
        ("StringEquals", "${absent, 'fallback'}", ["fallback"], True),
        ("StringEquals", "${*}", ["*"], True),
        ("StringLike", "${*}", ["ab"], False),
        ("NoSuchOperator", "a", ["a"], False),
    ],
)
def test_a_condition_holds_as_in_aws(operator: str, expected: Any, actual: list[str] | None, holds: bool) -> None:
    context = {"other": ["o"], **({} if actual is None else {"k": actual})}
    assert hold(condition(operator, expected), context) is holds


def trust(conditions: Any, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": GITHUB},
        "Condition": conditions,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def admitted(document: str) -> set[str]:
    return {answer.caller.name for answer in who_gets_in([Role("a", "r", document)], MATRIX) if answer.admitted}


def test_an_exact_policy_lets_in_what_it_names() -> None:
    assert admitted(trust(EXACT)) == {"own environment prod"}


@pytest.mark.parametrize(
    ("conditions", "strangers"),
    [
        (EXACT, set()),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "repo:example-org/skyline:*"}}, set()),
        (
            {"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "repo:example-org/skyline*"}},
            {"repository of longer name"},
        ),
        (
            {"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "repo:example-org/*"}},
            {"other repository", "repository of longer name"},
        ),
        (
            {"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "repo:*/skyline:*"}},
            {"fork's pull request", "fork's branch", "other organisation", "organisation of longer name"},
        ),
        ({"StringEquals": {SUB: "repo:example-org/skyline:ref:refs/heads/main"}}, {"own branch, wrong audience"}),
        (
            {"ForAllValues:StringLike": {"token.actions.githubusercontent.com:no_such_claim": "x"}},
            {caller.name for caller in MATRIX if not caller.ours},
        ),
    ],
)
def test_a_loose_policy_shows_by_who_else_gets_in(conditions: Any, strangers: set[str]) -> None:
    answers = list(who_gets_in([Role("a", "r", trust(conditions))], MATRIX))
    assert {answer.caller.name for answer in answers if answer.is_breach} == strangers


def test_a_deny_wins_over_an_allow() -> None:
    allow = json.loads(trust({"StringEquals": {AUD: "sts.amazonaws.com"}}))["Statement"][0]
    deny = {**allow, "Effect": "Deny", "Condition": {"StringNotLike": {SUB: "repo:example-org/skyline:*"}}}
    document = json.dumps({"Statement": [allow, deny]})
    assert admitted(document) == {caller.name for caller in MATRIX if caller.ours}


def test_who_is_not_excluded_by_not_principal_is_let_in() -> None:
    everyone = {"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "Principal": None}
    assert admitted(trust({}, **everyone)) == {caller.name for caller in MATRIX}
    assert admitted(trust({}, NotPrincipal={"Federated": GITHUB}, Principal=None)) == set()


def test_other_actions_and_other_issuers_let_nobody_in() -> None:
    assert admitted(trust({}, Action="sts:AssumeRole")) == set()
    assert admitted(trust({}, Principal={"Federated": GITHUB.replace("token.actions", "gitlab")})) == set()
    assert admitted(trust({}, Action="sts:*")) == {caller.name for caller in MATRIX}


def test_a_policy_that_is_not_known_yet_is_shown_as_such() -> None:
    answers = list(who_gets_in([Role("a", "r", None)], MATRIX))
    assert {answer.admitted for answer in answers} == {None}
    assert not any(answer.is_breach for answer in answers)
    assert trusts_web_identities(None)
    assert not trusts_web_identities(trust({}, Action="sts:AssumeRole"))


def test_an_issuer_of_an_organizations_own_has_claims_of_its_own_name() -> None:
    own = "token.actions.githubusercontent.com/example"
    document = trust(
        {"StringEquals": {f"{own}:aud": "sts.amazonaws.com"}}, Principal={"Federated": GITHUB + "/example"}
    )
    assert admits(document, MATRIX[0].claims)
    assert not admits(document, {**MATRIX[0].claims, "aud": "x"})
