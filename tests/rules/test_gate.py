"""The gate: how hard a finding is, and what lets a plan through."""

from datetime import UTC, datetime

import pytest

from buildkit_dagster.config.gates import Excepted, Gates
from buildkit_dagster.errors import ApprovalBySelf, ApprovalNeeded, ApprovalOfAnother, PlanRefused
from buildkit_dagster.rules.gate import authorise, judge
from buildkit_dagster.rules.verdicts import Severity, Verdict
from buildkit_dagster.terraform.approvals import by_digest
from tests.rules.shapes import STACK, change, planned

DIGEST = "0f3c" * 16
ANN, BEN = "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:user/ben"
APPROVED = by_digest(DIGEST, "slow", ANN, ANN, datetime.now(UTC))
BUCKET = {"bucket": "data", "tags_all": {}}
DELETED = change("module.quick.aws_s3_bucket.x", "delete", before=BUCKET)


def verdict(severity: Severity) -> Verdict:
    return Verdict("policy/x", severity, "quick", "module.quick.aws_s3_bucket.x", "is not right")


@pytest.mark.parametrize(
    ("mode", "severity"), [("deny", Severity.DENY), ("approve", Severity.APPROVE), ("warn", Severity.WARN)]
)
def test_a_gate_says_how_hard_its_findings_are(mode: str, severity: Severity) -> None:
    verdicts = judge(planned(DELETED), STACK, Gates.model_validate({"protected": mode}))
    assert [(verdict.rule, verdict.severity) for verdict in verdicts] == [("protected/delete", severity)]


def test_a_gate_that_is_off_finds_nothing() -> None:
    assert judge(planned(DELETED), STACK, Gates(protected="off")) == ()


def test_the_hardest_verdicts_come_first() -> None:
    created = change("module.quick.aws_s3_bucket.new", "create", after=BUCKET)
    verdicts = judge(planned(DELETED, created), STACK, Gates(required_tags=("owner",)))
    assert [verdict.severity for verdict in verdicts] == [Severity.DENY, Severity.APPROVE]


def test_what_a_plan_leaves_as_it_is_is_only_warned_of() -> None:
    untouched = change("module.quick.aws_s3_bucket.old", "no-op", before=BUCKET, after=BUCKET)
    (found,) = judge(planned(untouched), STACK, Gates(required_tags=("owner",)))
    assert (found.rule, found.severity) == ("tags/required", Severity.WARN)


def test_a_denied_plan_is_refused_whoever_approved_it() -> None:
    with pytest.raises(PlanRefused) as refused:
        authorise([verdict(Severity.DENY)], Gates(), APPROVED, stack="slow", way="Ask.", digest=DIGEST)
    assert DIGEST in str(refused.value)
    assert "is not right [policy/x]" in str(refused.value)


def test_an_approval_lets_through_what_asks_for_one() -> None:
    with pytest.raises(ApprovalNeeded) as needed:
        authorise([verdict(Severity.APPROVE)], Gates(), None, stack="slow", way="Ask.", digest=DIGEST)
    assert f"plan {DIGEST} needs an approval" in str(needed.value)
    assert str(needed.value).endswith("Ask.")
    authorise([verdict(Severity.APPROVE)], Gates(), APPROVED, stack="slow", way="Ask.", digest=DIGEST)


def test_an_approval_of_another_plan_lets_nothing_through() -> None:
    with pytest.raises(ApprovalOfAnother):
        authorise([verdict(Severity.APPROVE)], Gates(), APPROVED, stack="slow", way="Ask.", digest="1" * 64)


def test_with_four_eyes_who_asked_for_a_plan_does_not_approve_it_by_applying_it() -> None:
    gates = Gates(four_eyes=True)
    with pytest.raises(ApprovalBySelf):
        authorise([verdict(Severity.APPROVE)], gates, APPROVED, stack="slow", way="Ask.", digest=DIGEST)
    by_another = by_digest(DIGEST, "slow", ANN, BEN, datetime.now(UTC))
    authorise([verdict(Severity.APPROVE)], gates, by_another, stack="slow", way="Ask.", digest=DIGEST)


def test_warnings_let_a_plan_through() -> None:
    authorise([verdict(Severity.WARN)], Gates(), None, stack="slow", way="Ask.", digest=DIGEST)


def test_every_change_can_ask_for_an_approval_and_no_change_does_not() -> None:
    gates = Gates(every_change=True)
    with pytest.raises(ApprovalNeeded, match="every change does"):
        authorise([], gates, None, stack="slow", way="Ask.", digest=DIGEST)
    authorise([], gates, APPROVED, stack="slow", way="Ask.", digest=DIGEST)
    authorise([], gates, None, stack="slow", way="Ask.", digest=DIGEST, changes=False)


def test_a_rule_is_left_out_where_there_is_an_exception_for_it() -> None:
    other = change("module.quick.aws_s3_bucket.other", "delete", before=BUCKET)
    excepted = Excepted(
        unit="quick", address="module.quick.aws_s3_bucket.x", rules=("protected/delete",), reason="it is empty"
    )
    (left,) = judge(planned(DELETED, other), STACK, Gates(exceptions=(excepted,)))
    assert left.address == "module.quick.aws_s3_bucket.other"
    whole = Excepted(unit="quick", rules=("protected/delete",), reason="all of it goes")
    assert judge(planned(DELETED, other), STACK, Gates(exceptions=(whole,))) == ()
