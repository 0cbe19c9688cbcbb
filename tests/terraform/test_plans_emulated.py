"""Plans of two rendered stacks with their states in a bucket: stored beside them, speculative, approved, made real."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from buildkit_dagster import Ref, TerraformCliResource, TerraformStack
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.terraform.approvals import KEY_MODULE, KmsKey, approve
from buildkit_dagster.terraform.digest import PARTS
from buildkit_dagster.terraform.plan import UNKNOWN
from buildkit_dagster.terraform.plan_record import PlanRecord, digest_for
from buildkit_dagster.terraform.planning import StackPlan, plan_stack
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.state import read_state
from buildkit_dagster.terraform.upstream import PlannedOutputs
from tests.terraform_runs import ACCOUNT, REGION, ROOTS, Run, emulated_stack, materialize_stack

GATES = Gates(every_change=True, policies="off")


class Bay:
    """Two stacks: `boats` names its bucket after one of `shore` and labels it with that one's ARN."""

    def __init__(self, work: Path, boto: Callable[[str], Any]) -> None:
        self.work, self.name, self.s3, self.kms = work, f"bay-{uuid.uuid4().hex[:8]}", boto("s3"), boto("kms")
        self.dynamodb = boto("dynamodb")
        self.aws = Aws(read_environment(), REGION, work / "emulator.json")
        self.key = self.kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]

    @property
    def shore(self) -> TerraformStack:
        call = ModuleCall("quay", "store", {"name": f"{self.name}-quay"})
        return emulated_stack("shore", f"{self.name}-state", self.work, call)

    def boats(self, name: str = "boat") -> TerraformStack:
        labels = {"quay": Ref("shore", "quay", "arn")}
        call = ModuleCall("boat", "store", {"name": f"{self.name}-{name}", "labels": labels})
        return emulated_stack("boats", f"{self.name}-state", self.work, call, upstream=(self.shore,))

    def make_bucket(self) -> None:
        self.s3.create_bucket(Bucket=f"{self.name}-state")
        self.dynamodb.create_table(
            TableName=f"{self.name}-state-locks",
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def plan(self, stack: TerraformStack, planned: PlannedOutputs) -> StackPlan:
        terraform = TerraformCliResource(aws=self.aws, gates=GATES, approval_key=self.key)
        return plan_stack(terraform.gatekeeper(terraform.engine(stack)), stack.root.names, planned)

    def run(self, stack: TerraformStack, plan: str | None = None) -> Run:
        return materialize_stack(stack, plan=plan, aws=self.aws, gates=GATES, approval_key=self.key)

    def approve(self, stack: TerraformStack, record: PlanRecord) -> None:
        now = datetime.now(UTC)
        approve(
            Plans(stack, self.s3).store,
            KmsKey(self.key, self.kms),
            digest=record.digest,
            stack=stack.name,
            requester=record.requester,
            who=f"arn:aws:iam::{ACCOUNT}:user/approver",
            now=now,
            until=now + timedelta(minutes=10),
        )


@pytest.fixture
def bay(tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any]) -> Bay:
    work = tmp_path / ".buildkit" / "dev"
    work.mkdir(parents=True)
    (work / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    return Bay(work, boto)


def kept(plans: Plans, name: str, *, life: timedelta) -> PlanRecord:
    """A stored plan that was made now; what it would do is of no matter."""
    now, file = datetime.now(UTC), name.encode()
    parts = {**dict.fromkeys(PARTS, "same"), "plan file": hashlib.sha256(file).hexdigest()}
    created, expires = now.isoformat(), (now + life).isoformat()
    record = PlanRecord(
        digest_for(parts), parts, plans.stack.name, (), True, (), "nonce", created, expires, "ann", "run", ()
    )
    plans.save(record, file)
    return record


@contextmanager
def denied(client: Any, operation: str) -> Iterator[None]:
    """The client's own answer to a refusal: the emulator looks at no identity's policy."""
    said = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    def refuse(**_: object) -> tuple[AWSResponse, dict[str, object]]:
        return AWSResponse("", 403, {}, None), said

    event = f"before-call.s3.{operation}"
    client.meta.events.register(event, refuse)
    yield
    client.meta.events.unregister(event, refuse)


def files(plans: Plans) -> list[str]:
    return [name for store in plans.stores for name in store.names() if name.endswith(".tfplan")]


def recorded(plan: StackPlan) -> PlanRecord:
    assert plan.record is not None
    return plan.record


def test_an_approved_speculative_plan_covers_the_real_one_that_says_the_same(bay: Bay) -> None:
    first = bay.plan(bay.shore, {})
    assert first.plan.outputs["quay"]["arn"] is UNKNOWN
    second = bay.plan(bay.boats(), {"shore": first.plan.outputs})
    (bucket,) = (change for change in second.plan.changes if change.type == "aws_s3_bucket")
    assert (bucket.values["bucket"], "tags" in bucket.unknown) == (f"{bay.name}-boat", True)
    assert Plans(bay.boats(), bay.s3).has_bucket is False
    assert recorded(second).speculative == ("shore", f"bucket {bay.name}-state")

    bay.make_bucket()
    second = bay.plan(bay.boats(), {"shore": first.plan.outputs})
    record = recorded(second)
    names = [item["Key"] for item in bay.s3.list_objects_v2(Bucket=f"{bay.name}-state")["Contents"]]
    assert f"plans/boats/{record.digest}.json" in names
    assert record.requester.startswith(f"arn:aws:sts::{ACCOUNT}:") or ":user/" in record.requester
    bay.approve(bay.boats(), record)
    assert "is speculative" in bay.run(bay.boats(), plan=record.digest).error

    shore = recorded(bay.plan(bay.shore, {}))
    assert "needs an approval" in bay.run(bay.shore, plan=shore.digest).error
    bay.approve(bay.shore, shore)
    applied = bay.run(bay.shore, plan=shore.digest)
    assert applied.success, applied.error

    other = bay.run(bay.boats("raft"))
    assert "needs an approval and nothing was applied" in other.error
    different = "module.boat.aws_s3_bucket.this: bucket is another"
    assert f"Not as in the speculative plan {record.digest}: {different}" in other.logged()
    run = bay.run(bay.boats())
    assert run.success, run.error
    assert f"The approval of the speculative plan {record.digest} covers" in run.logged()
    tags = bay.s3.get_bucket_tagging(Bucket=f"{bay.name}-boat")["TagSet"]
    assert {"Key": "quay", "Value": f"arn:aws:s3:::{bay.name}-quay"} in tags


def unit_of(module: str, work: Path) -> TerraformStack:
    """A rendered stack without a provider that calls a module of this name."""
    modules = work / "modules"
    shutil.copytree(ROOTS / "repeated" / "one", modules / module)
    call = ModuleCall("unit", module, {"text": "x"})
    return TerraformStack.rendered(RenderedRoot("first", (call,), None, None, modules), work)


def test_without_the_key_that_is_named_nothing_counts_as_an_approval(bay: Bay) -> None:
    stack = unit_of("one", bay.work)
    asks = materialize_stack(stack, aws=bay.aws, gates=GATES)
    (record,) = Plans(stack, None).records()
    assert record.digest in asks.error
    bay.key = "alias/not-there"
    for digest in (record.digest, None):
        assert "there is no key alias/not-there to sign with" in bay.run(stack, plan=digest).error
    assert read_state(stack.backend, None).addresses == frozenset()


def test_the_stack_that_makes_the_key_is_approved_by_its_digest_until_then(bay: Bay) -> None:
    bay.key = "alias/not-there"
    stack = unit_of(KEY_MODULE, bay.work)
    assert "Applying exactly this plan counts as its approval" in bay.run(stack).error
    (record,) = Plans(stack, None).records()
    assert bay.run(stack, plan=record.digest).reported == ["unit"]


def test_files_of_expired_plans_go_from_every_store_and_one_that_may_not_be_touched_keeps_no_other(bay: Bay) -> None:
    early = Plans(bay.shore, bay.s3)
    kept(early, "expired, beside no bucket", life=-timedelta(seconds=1))
    bay.make_bucket()
    plans = Plans(bay.shore, bay.s3)
    expired = kept(plans, "expired", life=-timedelta(seconds=1))
    still_good = kept(plans, "still good", life=timedelta(minutes=5))
    assert len(files(plans)) == 3
    with denied(bay.s3, "DeleteObject"):
        plans.remove_expired(datetime.now(UTC))
    assert sorted(files(plans)) == sorted(f"{record.digest}.tfplan" for record in (expired, still_good))
    with denied(bay.s3, "ListObjectsV2"):
        plans.remove_expired(datetime.now(UTC))
    plans.remove_expired(datetime.now(UTC))
    assert files(plans) == [f"{still_good.digest}.tfplan"]
    assert plans.load(expired.digest) == expired


def test_stored_plans_are_encrypted_with_the_key_the_backend_names_else_as_the_bucket_says(
    bay: Bay, tmp_path: Path
) -> None:
    bay.make_bucket()
    own, other = (bay.kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": other}
    bay.s3.put_bucket_encryption(
        Bucket=f"{bay.name}-state",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    (tmp_path / "main.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    settings = {"bucket": f"{bay.name}-state", "key": "k", "region": REGION}
    cases: list[tuple[str, dict[str, str], str]] = [("keyed", {"kms_key_id": own}, own), ("plain", {}, other)]
    for name, more, used in cases:
        plans = Plans(TerraformStack(tmp_path, name=name, backend_config={**settings, **more}), bay.s3)
        record = kept(plans, "plan", life=timedelta(minutes=5))
        assert plans.store.put_new(f"{record.digest}.used", b"x")
        heads = [
            bay.s3.head_object(Bucket=f"{bay.name}-state", Key=f"plans/{name}/{each}") for each in plans.store.names()
        ]
        assert {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads} == {("aws:kms", used)}
        assert (len(heads), plans.file(record)) == (3, b"plan")
