"""The whole way of one plan: made by one role, approved by a second, applied by a third, and exactly that plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster import TerraformCliResource, TerraformStack, approve_plan
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.defs.infra import terraform_stacks
from buildkit_dagster.errors import ApprovalBySelf, ApprovalNeeded, InvalidRoot, NotAnApprover, NothingToApprove
from buildkit_dagster.terraform.approvals import Approval, approve
from buildkit_dagster.terraform.destroy import destroy_stack
from buildkit_dagster.terraform.digest import hash_of
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.planning import plan_stack
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.state import State, read_state
from buildkit_dagster.terraform.store import BucketStore
from tests.terraform.conftest import Approvals
from tests.terraform_runs import ACCOUNT, Run, copy_root, materialize_stack

GATES = Gates(every_change=True, four_eyes=True)


@dataclass
class Person:
    """Somebody who has taken on a role: Terraform and boto3 get that session's credentials and no others."""

    approvals: Approvals
    role: str
    name: str
    client: Callable[[str], Any] = field(init=False)

    def __post_init__(self) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{self.role}"
        self._given = self.approvals.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName=self.name)[
            "Credentials"
        ]
        self.client = cache(self.approvals.aws.as_role(arn, self.name))

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.name}"

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            **self.approvals.aws.variables,
            "AWS_ACCESS_KEY_ID": self._given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self._given["SessionToken"],
        }


@dataclass
class Way:
    """The stack `lake`, and the three people a plan of it passes through."""

    approvals: Approvals
    stack: TerraformStack
    planner: Person
    approver: Person
    applier: Person

    @property
    def store(self) -> BucketStore:
        store = Plans(self.stack, self.approvals.aws.client("s3")).store
        assert isinstance(store, BucketStore)
        return store

    @property
    def state(self) -> State:
        return read_state(self.stack.backend, self.approvals.aws.client("s3"))

    def plan(self) -> PlanRecord:
        terraform = TerraformCliResource(aws=self.planner, gates=GATES, approval_key=self._key)
        found = plan_stack(terraform.gatekeeper(terraform.engine(self.stack)), self.stack.root.names, {})
        assert found.record is not None
        return found.record

    def approve(self, record: PlanRecord, who: Person) -> None:
        now = datetime.now(UTC)
        approve(
            self.store,
            self.approvals.key(who.role, who.name),
            digest=record.digest,
            stack=record.stack,
            requester=record.requester,
            who=who.arn,
            now=now,
            until=now + timedelta(minutes=10),
            four_eyes=GATES.four_eyes,
        )

    def apply(self, record: PlanRecord) -> Run:
        return materialize_stack(self.stack, plan=record.digest, aws=self.applier, gates=GATES, approval_key=self._key)

    def destroy(self) -> bool:
        terraform = TerraformCliResource(aws=self.applier, gates=GATES, approval_key=self._key)
        engine = terraform.engine(self.stack)
        return destroy_stack(engine, terraform.gatekeeper(engine))

    @property
    def _key(self) -> str:
        return self.approvals.platform.names.approval_alias()


@pytest.fixture
def way(approvals: Approvals) -> Way:
    names = approvals.platform.names
    (lake,) = (stack for stack in terraform_stacks(approvals.platform) if stack.name == "lake")
    roles = (names.plan_role(), names.approver_role(), names.apply_role())
    people = [Person(approvals, role, name) for role, name in zip(roles, ("ann", "ben", "eve"), strict=True)]
    return Way(approvals, lake, *people)


def retagged(stack: TerraformStack) -> TerraformStack:
    """The same stack after somebody edited the configuration."""
    root = stack.source
    assert root is not None
    tags = {**root.provider.default_tags, "more": "1"}
    return TerraformStack.rendered(replace(root, provider=replace(root.provider, default_tags=tags)), stack.work.parent)


@contextmanager
def another(store: BucketStore, name: str, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """What is stored under this name is something else meanwhile."""
    before = store.get(name)
    assert before is not None
    store.put(name, change(before))
    yield
    store.put(name, before)


def saying(**more: str) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps({**json.loads(body), **more}).encode()


def told_values(state: State) -> dict[tuple[str, str], str]:
    """Hashes of the plain values of each resource, as a plan's record has them."""
    return {
        (resource.address, name): hash_of(value)[:16]
        for resource in state.resources
        for name, value in resource.values.items()
        if isinstance(value, (str, bool, int))
    }


def test_a_plan_is_applied_by_its_digest_once_approved_and_only_while_everything_is_as_it_was(way: Way) -> None:
    edited = replace(way, stack=retagged(way.stack))
    record, other = way.plan(), edited.plan()
    assert (record.requester, record.full, record.speculative) == (way.planner.arn, True, ())
    assert f"plan {record.digest} needs an approval and nothing was applied" in way.apply(record).error
    with pytest.raises(ApprovalBySelf):
        way.approve(record, replace(way.approver, name=way.planner.name))
    for each in (record, other):
        way.approve(each, way.approver)

    assert "these changed: configuration" in edited.apply(record).error
    with another(way.store, f"{record.digest}.tfplan", lambda body: body + b"\0"):
        assert "these changed: plan file" in way.apply(record).error
    with another(way.store, f"{record.digest}.json", saying(requester=way.approver.arn)):
        assert "another requester" in way.apply(record).error
    with another(way.store, f"{record.digest}.approval.json", saying(until="2099-01-01T00:00:00+00:00")):
        assert "its signature does not fit its text" in way.apply(record).error
    assert way.state.addresses == frozenset()

    run = way.apply(record)
    assert run.success, run.error
    made = {change.address for change in record.changes if change.actions == ("create",) and change.type != "output"}
    assert way.state.addresses == made
    now = told_values(way.state)
    foretold = {
        (change.address, name): known
        for change in record.changes
        for name, known in change.known.items()
        if (change.address, name) in now
    }
    assert ("module.raw.aws_s3_bucket.this", "bucket") in foretold
    assert {place: now[place] for place in foretold} == foretold
    assert f"was applied already, by run {run.result.run_id}" in way.apply(record).error
    assert "these changed: state" in edited.apply(other).error


def test_destroying_takes_the_signature_of_another_person_for_exactly_that_plan(way: Way) -> None:
    assert materialize_stack(way.stack, aws=way.applier).success
    before = way.state.addresses
    with pytest.raises(ApprovalNeeded) as asked:
        way.destroy()
    with pytest.raises(ApprovalNeeded, match=asked.value.digest):
        way.destroy()
    record = Plans(way.stack, way.approvals.aws.client("s3")).load(asked.value.digest)
    with pytest.raises(ApprovalBySelf):
        way.approve(record, replace(way.approver, name=way.applier.name))
    assert way.state.addresses == before
    way.approve(record, way.approver)
    assert way.destroy()
    assert way.state.addresses == frozenset()


def test_a_plan_of_a_root_of_ones_own_is_approved_by_whom_the_key_names_and_then_applied(
    way: Way, tmp_path: Path
) -> None:
    """Its state is in a file, and nothing in it is in AWS: the key alone says who is who."""
    stack, alias = TerraformStack(copy_root("spaces", tmp_path)), way.approvals.platform.names.approval_alias()

    def resource(person: Person, **more: Any) -> dict[str, Any]:
        return {"aws": person, "gates": GATES, "approval_key": alias, **more}

    def sign(digest: str, person: Person, **more: Any) -> Approval:
        return approve_plan(stack, digest, terraform=TerraformCliResource(**resource(person, **more)), reason="seen")

    assert (
        "there is no key alias/typo"
        in materialize_stack(stack, **resource(way.applier, approval_key="alias/typo")).error
    )
    refused = materialize_stack(stack, **resource(way.applier))
    record = Plans(stack, None).records()[0]
    assert f'calls `buildkit_dagster.approve_plan(STACK, "{record.digest}", terraform=RESOURCE)`' in refused.error
    assert f'{{"config": {{"plan": "{record.digest}"}}}}' in refused.error
    assert "buildkit approve" not in refused.error
    assert record.requester == way.applier.arn

    with pytest.raises(ApprovalBySelf):
        sign(record.digest, replace(way.approver, name=way.applier.name))
    with pytest.raises(NotAnApprover, match="the key's policy says who"):
        sign(record.digest, way.planner)
    with pytest.raises(NothingToApprove, match=record.digest):
        sign("0" * 8, way.approver)
    with pytest.raises(InvalidRoot, match="approval_key"):
        sign(record.digest, way.approver, approval_key=None)
    assert "needs an approval" in materialize_stack(stack, plan=record.digest, **resource(way.applier)).error
    assert not (stack.path / "terraform.tfstate").exists()

    approval = sign(record.digest[:8], way.approver)
    assert (approval.who, approval.digest, approval.reason) == (way.approver.arn, record.digest, "seen")
    run = materialize_stack(stack, plan=record.digest, **resource(way.applier))
    assert run.success, run.error
    assert (stack.path / "terraform.tfstate").exists()
