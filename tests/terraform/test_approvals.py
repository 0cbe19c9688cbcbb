"""Approvals with the real key and roles of a bootstrapped platform, in the emulator: who can give them, what counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.gates import Gates
from buildkit_dagster.errors import (
    ApprovalBySelf,
    ApprovalExpired,
    ApprovalForged,
    ApprovalOfAnother,
    ApprovalUsed,
    NotAnApprover,
)
from buildkit_dagster.rules.gate import judge
from buildkit_dagster.stacks.bootstrap import bootstrap_root, found_in_account
from buildkit_dagster.stacks.gates import gates_of
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.approvals import Approval, KmsKey, approve, find_approval, same_identity, spend
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.store import FolderStore
from tests.terraform.conftest import Approvals

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIGEST, OTHER = "0f3c" * 16, "1a2b" * 16
ANN, BEN = "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:user/ben"
SIGNED = [each.name for each in fields(Approval) if each.name != "signature"]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "plans")


def approved(store: FolderStore, key: KmsKey, **said: Any) -> Approval:
    given = {"digest": DIGEST, "stack": "lake", "requester": ANN, "who": BEN, "now": NOW}
    return approve(store, key, **{**given, "until": NOW + timedelta(minutes=60), **said})


def found(store: FolderStore, key: KmsKey, **asked: Any) -> Approval | None:
    given = {"digest": DIGEST, "stack": "lake", "requester": ANN, "now": NOW, "run": "run-1"}
    return find_approval(store, key, **{**given, **asked})


def rewritten(store: FolderStore, change: Callable[[dict[str, str]], dict[str, str]], name: str = DIGEST) -> None:
    body = store.get(f"{DIGEST}.approval.json")
    assert body is not None
    store.put(f"{name}.approval.json", json.dumps(change(json.loads(body))).encode())


def test_what_the_approver_role_signs_the_apply_role_verifies(approvals: Approvals, store: FolderStore) -> None:
    assert found(store, approvals.applier) is None
    given = approved(store, approvals.approver, reason="the bucket is empty")
    assert found(store, approvals.applier) == given
    assert (given.who, given.reason, given.until) == (BEN, "the bucket is empty", "2026-01-01T13:00:00+00:00")
    assert given.key.startswith("arn:aws:kms:")


def test_the_apply_role_and_an_administrator_cannot_sign(approvals: Approvals, store: FolderStore) -> None:
    administrator = KmsKey(approvals.platform.names.approval_alias(), approvals.aws.client("kms"))
    for key in (approvals.applier, administrator):
        with pytest.raises(NotAnApprover, match=r"user/ben may not sign with alias/harbour-dev-approvals: .*kms:Sign"):
            approved(store, key)
    assert store.names() == []


@pytest.mark.parametrize("name", SIGNED)
def test_an_approval_is_refused_whatever_was_changed(approvals: Approvals, store: FolderStore, name: str) -> None:
    approved(store, approvals.approver)
    rewritten(store, lambda said: {**said, name: said[name] + "0"})
    with pytest.raises(ApprovalForged, match="its signature does not fit"):
        found(store, approvals.applier)


def test_an_approval_that_is_no_document_of_ours_is_refused(approvals: Approvals, store: FolderStore) -> None:
    approved(store, approvals.approver)
    for more in ({"signature": "?"}, {"more": ""}, {"digest": 1}):
        rewritten(store, partial(dict, **more))
        with pytest.raises(ApprovalForged):
            found(store, approvals.applier)
        approved(store, approvals.approver)


def test_a_signature_of_another_approval_is_refused(approvals: Approvals, store: FolderStore) -> None:
    other = approved(store, approvals.approver, digest=OTHER)
    approved(store, approvals.approver)
    rewritten(store, lambda said: {**said, "signature": other.signature})
    with pytest.raises(ApprovalForged):
        found(store, approvals.applier)


def test_a_copied_approval_counts_for_its_own_plan_stack_and_requester_only(
    approvals: Approvals, store: FolderStore
) -> None:
    approved(store, approvals.approver)
    rewritten(store, lambda said: said, OTHER)
    with pytest.raises(ApprovalOfAnother, match=f"stored for plan {OTHER} is of another plan: {DIGEST}"):
        found(store, approvals.applier, digest=OTHER)
    with pytest.raises(ApprovalOfAnother, match="another stack: lake, not dbt"):
        found(store, approvals.applier, stack="dbt")
    with pytest.raises(ApprovalOfAnother, match="another requester"):
        found(store, approvals.applier, requester="arn:aws:iam::123456789012:user/eve")


def test_an_approval_ends(approvals: Approvals, store: FolderStore) -> None:
    approved(store, approvals.approver)
    assert found(store, approvals.applier, now=NOW + timedelta(minutes=59, seconds=59))
    with pytest.raises(ApprovalExpired, match="ended at 2026-01-01T13:00:00"):
        found(store, approvals.applier, now=NOW + timedelta(minutes=60))


def test_an_approval_counts_once_and_a_retry_of_its_run_still_has_it(approvals: Approvals, store: FolderStore) -> None:
    given = approved(store, approvals.approver)
    spend(store, given, "run-1")
    spend(store, given, "run-1")
    assert found(store, approvals.applier) == given
    with pytest.raises(ApprovalUsed, match="used already, by run-1"):
        found(store, approvals.applier, run="run-2")
    with pytest.raises(ApprovalUsed):
        spend(store, given, "run-2")
    with pytest.raises(ApprovalUsed):
        approved(store, approvals.approver)


def test_with_four_eyes_nobody_approves_a_plan_of_their_own(approvals: Approvals, store: FolderStore) -> None:
    session = "arn:aws:sts::123456789012:assumed-role/lead/ann"
    for who in (ANN, session):
        with pytest.raises(ApprovalBySelf):
            approved(store, approvals.approver, who=who, four_eyes=True)
    approved(store, approvals.approver, who=ANN)
    with pytest.raises(ApprovalBySelf):
        found(store, approvals.applier, four_eyes=True)
    approved(store, approvals.approver, four_eyes=True)
    assert found(store, approvals.applier, four_eyes=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ANN, ANN, True),
        (ANN, BEN, False),
        ("arn:aws:sts::123456789012:assumed-role/a/ann", "arn:aws:sts::123456789012:assumed-role/b/ann", True),
        ("arn:aws:sts::123456789012:assumed-role/a/ann", "arn:aws:sts::123456789012:assumed-role/a/ben", False),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root", True),
        ("ann@laptop", "ben@laptop", False),
    ],
)
def test_two_identities_are_one_when_they_may_be_one_person(one: str, other: str, same: bool) -> None:
    assert same_identity(one, other) is same


def test_a_bootstrapped_account_whose_state_is_lost_gives_the_key_back(approvals: Approvals) -> None:
    adopted = found_in_account(Scope(approvals.platform), approvals.aws.client)
    assert {address.removeprefix("module.approval_key.") for address in adopted if "approval_key" in address} == {
        "aws_iam_role.approver",
        "aws_kms_key.approval",
        "aws_kms_alias.approval",
    }


def test_the_platforms_own_policies_pass_its_own_gates(approvals: Approvals) -> None:
    """A change, because the plan of one shows every document as it is; the first plan did not know their ARNs yet."""
    root = bootstrap_root(Scope(approvals.platform))
    changed = replace(root, provider=replace(root.provider, default_tags={**root.provider.default_tags, "more": "1"}))
    stack = TerraformStack.rendered(changed, approvals.platform.work)
    engine = Engine(stack, approvals.aws, "test", lambda _: None)
    engine.write()
    engine.init()
    plan = engine.plan()
    documents = {change.type for change in plan.resources if {"policy", "assume_role_policy"} & set(change.values)}
    assert documents >= {"aws_iam_role", "aws_iam_role_policy", "aws_iam_policy", "aws_kms_key", "aws_s3_bucket_policy"}
    assert judge(plan, stack, gates_of(approvals.platform)) == ()


@pytest.fixture(scope="module")
def stored(approvals: Approvals) -> PlanRecord:
    """A stored plan of the bootstrap stack."""
    root = bootstrap_root(Scope(approvals.platform))
    changed = replace(root, provider=replace(root.provider, default_tags={**root.provider.default_tags, "stored": "1"}))
    engine = Engine(TerraformStack.rendered(changed, approvals.platform.work), approvals.aws, "test", lambda _: None)
    gatekeeper = Gatekeeper(engine, Gates())
    with engine.workdir.alone():
        values = engine.write()
        engine.init()
        plan = engine.plan()
        return gatekeeper.store(plan, gatekeeper.judge(plan), values, engine.stack.root.names)


def buildkit(approvals: Approvals, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = approvals.platform.folder
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "BUILDKIT_ENV": "dev", "COLUMNS": "250"}
    code = "from buildkit_dagster.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=180
    )


def test_approve_shows_the_plan_and_signs_it_as_the_approver(approvals: Approvals, stored: PlanRecord) -> None:
    done = buildkit(approvals, "approve", stored.digest[:8], "--yes", "--minutes", "5", "--reason", "tags only")
    assert done.returncode == 0, done.stderr
    assert f"Plan {stored.digest} of stack bootstrap (dev)" in done.stdout
    assert "update module.approval_key.aws_kms_key.approval" in done.stdout
    assert f"buildkit apply --plan {stored.digest}" in done.stdout
    stack = TerraformStack.rendered(bootstrap_root(Scope(approvals.platform)), approvals.platform.work)
    approval = find_approval(
        Plans(stack, approvals.aws.client("s3")).store,
        approvals.applier,
        digest=stored.digest,
        stack="bootstrap",
        requester=stored.requester,
        now=datetime.now(UTC),
    )
    assert approval is not None
    assert (approval.reason, approval.who) == ("tags only", "arn:aws:sts::123456789012:user/moto")


def test_an_approval_ends_at_the_very_minute_that_is_asked_for(approvals: Approvals, stored: PlanRecord) -> None:
    end = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=3)
    done = buildkit(approvals, "approve", stored.digest, "--yes", "--until", f"{end:%Y-%m-%dT%H:%M}")
    assert done.returncode == 0, done.stderr
    assert f"approved plan {stored.digest} until {end.isoformat()}." in done.stdout
    over = buildkit(approvals, "approve", stored.digest, "--yes", "--until", "2026-01-01T00:00")
    assert over.returncode == 1
    assert "ended at 2026-01-01T00:00:00+00:00" in over.stderr


def test_approve_names_the_plans_there_are(approvals: Approvals, stored: PlanRecord) -> None:
    done = buildkit(approvals, "approve", "0" * 8, "--yes")
    assert done.returncode == 1
    assert f"there is no plan 00000000 to approve; stored plans: {stored.digest}" in done.stderr


def test_trust_prints_who_gets_into_the_roles(approvals: Approvals) -> None:
    done = buildkit(approvals, "trust", "bootstrap", "--state", "--json")
    assert done.returncode == 0, done.stderr
    answers = [each for each in json.loads(done.stdout) if each["admitted"]]
    assert {(each["role"].removeprefix("harbour-dev-"), each["caller"]) for each in answers} == {
        ("github-plan", "own branch main"),
        ("github-plan", "own pull request"),
        ("github-apply", "own environment dev"),
        ("approver", "own environment approval"),
    }
    table = buildkit(approvals, "trust", "bootstrap", "--state").stdout
    assert "fork's pull request" in table
    assert "YES" not in table
