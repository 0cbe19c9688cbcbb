"""Killed workers, killed Terraforms, cancelled runs and other people's locks: real Terraform, state in the emulator."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import Interrupted
from buildkit_dagster.process import Child, is_alive, start
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.journal import Journal, PlannedCreate, open_journal, unsettled
from buildkit_dagster.terraform.rendered_root import ModuleCall
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State
from buildkit_dagster.terraform.tagged import UNIT_TAG
from tests.emulator.helpers import PATIENCE, until
from tests.terraform_runs import REGION, Run, copy_root, emulated_stack, materialize_stack
from tests.terraform_worker import killable_stack

PAUSE = 6.0
#: Long enough for another run to meet the Terraform that pauses, also on a busy machine.
LONG_PAUSE = 30.0


@dataclass
class Place:
    """A work folder with an emulated account, a state bucket, and a name nobody else uses."""

    work: Path
    name: str
    aws: Aws
    s3: Any
    iam: Any
    dynamodb: Any
    ec2: Any

    @property
    def bucket(self) -> str:
        return f"{self.name}-state"

    @property
    def lock_key(self) -> str:
        return f"stacks/{self.name}/terraform.tfstate.tflock"

    def stack(self, pause: float = PAUSE) -> TerraformStack:
        return killable_stack(self.work, self.bucket, self.name, pause)

    def run(self, stack: TerraformStack, **resource: Any) -> Run:
        return materialize_stack(stack, aws=self.aws, **resource)

    def worker(self, pause: float = PAUSE) -> Child:
        """A worker in a process of its own, in mid-apply: the first bucket is made, the pause has begun."""
        argv = [sys.executable, "-m", "tests.terraform_worker", str(self.work), self.bucket, self.name, str(pause)]
        repository = Path(__file__).parents[2]
        child = start(argv, cwd=repository, env=dict(os.environ), stdout=self.work / "worker.txt")
        until(lambda: self.has_begun() or child.poll() is not None, bool)
        assert child.poll() is None, child.stdout.read_text()
        return child

    def has_begun(self) -> bool:
        """Whether Terraform pauses and its lock is in the journal."""
        begun = [journal for journal in self.journals() if journal.lock_id]
        with contextlib.suppress(FileNotFoundError):
            return any("provision_start" in journal.events.read_text() for journal in begun)
        return False

    def journals(self) -> list[Journal]:
        return unsettled(self.work / self.name / "journal")

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def is_locked(self) -> bool:
        """Whether the lock object, or an item in the lock table, is there."""
        items = self.dynamodb.scan(TableName=f"{self.bucket}-locks")["Items"]
        return self.lock_key in self.objects() or any("Info" in item for item in items)

    def made(self) -> list[str]:
        """Buckets and roles of this test, sorted."""
        buckets = [item["Name"] for item in self.s3.list_buckets()["Buckets"]]
        roles = [item["RoleName"] for item in self.iam.list_roles()["Roles"]]
        return sorted(name for name in [*buckets, *roles] if name.startswith(self.name) and name != self.bucket)

    def all_of_it(self) -> list[str]:
        first = f"{self.name}-first"
        return sorted([first, f"{first}-role", f"{first}-second", f"{first}-second-role"])


@pytest.fixture
def place(tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any], request: pytest.FixtureRequest) -> Place:
    work = tmp_path / ".buildkit" / "dev"
    work.mkdir(parents=True)
    (work / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    name = request.node.name.replace("test_", "").split("_")[1] + f"-{os.getpid()}"
    found = Place(
        work,
        name,
        Aws(read_environment(), REGION, work / "emulator.json"),
        *map(boto, ("s3", "iam", "dynamodb", "ec2")),
    )
    found.s3.create_bucket(Bucket=found.bucket)
    found.dynamodb.create_table(
        TableName=f"{found.bucket}-locks",
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return found


def test_a_worker_killed_in_mid_apply_leaves_terraform_finishing_and_the_next_run_waits_for_it(place: Place) -> None:
    worker = place.worker(LONG_PAUSE)
    (journal,) = place.journals()
    worker.signal(signal.SIGKILL)
    worker.wait()
    assert is_alive(journal.pid, journal.mark)
    run = place.run(place.stack(LONG_PAUSE))
    assert run.success, run.error
    assert "still works on this stack; waiting for it" in run.logged()
    assert run.metadata("second")["added"] == 0
    assert place.made() == place.all_of_it()
    assert (place.journals(), place.is_locked()) == ([], False)


def test_a_terraform_killed_in_mid_apply_is_recovered_by_the_next_run_and_nothing_is_made_twice(place: Place) -> None:
    worker = place.worker()
    (journal,) = place.journals()
    os.killpg(journal.pid, signal.SIGKILL)
    assert worker.wait(PATIENCE) == 1
    assert "ended by signal 9" in worker.stdout.read_text()
    assert place.lock_key in place.objects()
    created = place.s3.list_buckets()["Buckets"]
    run = place.run(place.stack(pause=0))
    assert run.success, run.error
    assert "Releasing the lock of a Terraform of ours that is dead" in run.logged()
    assert "Imported module.first.aws_s3_bucket.this" in run.logged()
    assert place.made() == place.all_of_it()
    assert [bucket for bucket in place.s3.list_buckets()["Buckets"] if bucket in created] == created
    assert (place.journals(), place.is_locked()) == ([], False)


def test_a_cancelled_run_leaves_no_lock_and_a_complete_state(place: Place) -> None:
    worker = place.worker()
    worker.signal(signal.SIGINT)
    time.sleep(0.5)
    worker.signal(signal.SIGINT)
    assert worker.wait(PATIENCE) != 0
    assert not place.is_locked()
    assert place.journals() == []
    body = place.s3.get_object(Bucket=place.bucket, Key=f"stacks/{place.name}/terraform.tfstate")["Body"].read()
    assert "aws_s3_bucket" in {resource["type"] for resource in json.loads(body)["resources"]}
    run = place.run(place.stack(pause=0))
    assert (run.success, place.made()) == (True, place.all_of_it())


def test_whoever_stops_reading_the_events_stops_terraform(place: Place) -> None:
    engine = Engine(place.stack(), place.aws, run="closed", tell=lambda _: None)
    engine.write()
    engine.init()
    events = engine.apply(engine.plan())
    next(event for batch in events for event in batch if event.kind == "provision_start")
    events.close()
    assert place.journals() == []
    assert not place.is_locked()
    assert "module.first.aws_s3_bucket.this" in engine.state().addresses


def test_an_interrupt_while_one_is_carried_out_does_not_keep_the_journal_from_being_closed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(place.stack(), place.aws, run="interrupted", tell=lambda _: None)
    engine.write()
    engine.init()
    events = engine.apply(engine.plan())
    next(event for batch in events for event in batch if event.kind == "provision_start")
    read, again = Engine.state, []

    def interrupted(engine: Engine) -> State:
        again.append(engine.run)
        os.kill(os.getpid(), signal.SIGINT)
        return read(engine)

    monkeypatch.setattr(Engine, "state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        events.throw(KeyboardInterrupt())
    assert again == [engine.run]
    assert place.journals() == []


def test_a_foreign_lock_is_reported_with_its_holder_and_left_alone(place: Place) -> None:
    info = {"ID": "f0f0", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Created": "2026-11-20T10:00:00Z"}
    info |= {"Path": place.bucket, "Version": "1.11.4", "Info": ""}
    place.s3.put_object(Bucket=place.bucket, Key=place.lock_key, Body=json.dumps(info))
    run = place.run(place.stack(pause=0), lock_timeout="0s", retries=0)
    assert f"the state of stack '{place.name}' is locked by ann@laptop since 2026-11-20" in run.error
    assert "f0f0" in run.error
    assert json.loads(place.s3.get_object(Bucket=place.bucket, Key=place.lock_key)["Body"].read()) == info


def test_creations_in_flight_at_the_kill_are_imported_if_they_happened_and_tolerated_if_not(place: Place) -> None:
    call = ModuleCall("only", "store", {"name": f"{place.name}-only"})
    stack = emulated_stack(place.name, place.bucket, place.work, call)
    creates = {
        "module.only.aws_s3_bucket.this": PlannedCreate("aws_s3_bucket", {"bucket": f"{place.name}-only"}),
        "module.only.aws_iam_role.this": PlannedCreate("aws_iam_role", {"name": f"{place.name}-only-role"}),
    }
    provider = {"account": "123456789012", "region": REGION, "partition": "aws"}
    journal = open_journal(stack.work / "journal", "dead", 2**22 + 1, "0", provider, creates)
    lines = [
        {"type": "apply_start", "hook": {"resource": {"addr": address}, "action": "create"}} for address in creates
    ]
    journal.events.write_text("\n".join(json.dumps(line) for line in lines))
    place.s3.create_bucket(Bucket=f"{place.name}-only")
    run = place.run(stack)
    assert run.success, run.error
    assert "Imported module.only.aws_s3_bucket.this" in run.logged()
    assert f"module.only.aws_iam_role.this ({place.name}-only-role) was not made" in run.logged()
    assert place.made() == [f"{place.name}-only", f"{place.name}-only-role"]
    assert place.journals() == []


FENCE = "module.only.aws_security_group.this"
RULE = "module.only.aws_vpc_security_group_egress_rule.this"


def fenced(place: Place) -> tuple[TerraformStack, Journal, list[str]]:
    """A stack whose Terraform died while it made a security group and its rule, none of which it had told of, and the
    ids of two such groups; both carry the tag of its unit."""
    call = ModuleCall("only", "fence", {"name": f"{place.name}-fence", "tags": {UNIT_TAG: f"{place.name}/only"}})
    stack = emulated_stack(place.name, place.bucket, place.work, call)
    creates = {
        FENCE: PlannedCreate("aws_security_group", {"name": f"{place.name}-fence"}),
        RULE: PlannedCreate("aws_vpc_security_group_egress_rule"),
    }
    journal = open_journal(stack.work / "journal", "dead", 2**22 + 1, "0", {}, creates)
    lines = [
        {"type": "apply_start", "hook": {"resource": {"addr": address}, "action": "create"}} for address in creates
    ]
    journal.events.write_text("\n".join(json.dumps(line) for line in lines))
    return stack, journal, [make_group(place, place.name, suffix) for suffix in ("fence", "other")]


def make_group(place: Place, stack: str, suffix: str) -> str:
    tags = [{"Key": UNIT_TAG, "Value": f"{stack}/only"}]
    made = place.ec2.create_security_group(
        GroupName=f"{place.name}-{suffix}",
        Description="Managed by Terraform",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    return str(made["GroupId"])


def groups(place: Place) -> list[str]:
    found = place.ec2.describe_security_groups()["SecurityGroups"]
    return sorted(group["GroupId"] for group in found if group["GroupName"].startswith(place.name))


def test_a_creation_in_flight_with_a_generated_id_is_found_by_its_units_tag(place: Place) -> None:
    stack, _, (ours, other) = fenced(place)
    place.ec2.delete_security_group(GroupId=other)
    first = place.run(stack)
    assert not first.success
    assert f"Imported {FENCE}, which an interrupted apply had created ({ours})" in first.logged()
    assert f"{RULE} was being made: look for a aws_vpc_security_group_egress_rule" in first.error
    assert "none was found among ec2:security-group-rule outside the state" in first.error
    second = place.run(stack)
    assert second.success, second.error
    assert (groups(place), place.journals()) == ([ours], [])


def test_several_objects_that_fit_are_named_once_and_none_is_imported(place: Place) -> None:
    stack, _, made = fenced(place)
    run = place.run(stack)
    assert f"tagged {UNIT_TAG} = {place.name}/only; 2 objects fit: {', '.join(sorted(made))}" in run.error
    assert run.error.count(FENCE) == 1
    assert place.journals() == []
    place.ec2.delete_security_group(GroupId=made[0])
    again = place.run(stack)
    assert again.success, again.error
    assert len(groups(place)) == 2


def test_a_root_written_by_hand_keeps_its_state_in_its_own_bucket(place: Place, tmp_path: Path) -> None:
    folder = copy_root("repeated", tmp_path)
    backend = {"bucket": place.bucket, "key": "mine.tfstate", "region": REGION, "use_path_style": True}
    (folder / "backend.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": backend}}}))
    stack = TerraformStack(folder)
    first, second = place.run(stack), place.run(stack)
    assert (first.reported, second.versions) == (["counted", "each"], first.versions)
    assert "mine.tfstate" in place.objects()
    assert not (folder / "terraform.tfstate").exists()


READS_SLOWLY = """
data "terraform_remote_state" "other" {{
  backend = "http"
  config  = {{ address = "{address}" }}
}}

resource "terraform_data" "it" {{
  input = data.terraform_remote_state.other.outputs.text
}}
"""
STATE = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "other", "resources": []}
STATE |= {"outputs": {"text": {"value": "read", "type": "string"}}}


@dataclass
class Late:
    """Another state, which is told to those who ask for it once `may_answer` is set."""

    address: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def late() -> Iterator[Late]:
    told = Late()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.may_answer.wait()
            with suppress(OSError):  # who asked may be dead
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(STATE).encode())

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.address = f"http://127.0.0.1:{server.server_port}/"
    yield told
    told.may_answer.set()
    server.shutdown()
    server.server_close()


def test_a_plan_killed_under_a_lock_in_a_table_alone_leaves_a_lock_known_as_ours(
    place: Place, late: Late, tmp_path: Path
) -> None:
    """The table is in the backend's region, which the process need not be in."""
    region, folder = "eu-west-1", tmp_path / "tabled"
    table = place.aws.client("dynamodb", region)
    table.create_table(
        TableName="tabled-locks",
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    folder.mkdir()
    (folder / "main.tf").write_text(READS_SLOWLY.format(address=late.address))
    backend = {"bucket": place.bucket, "key": "tabled.tfstate", "region": region, "use_path_style": True}
    backend |= {"dynamodb_table": "tabled-locks"}
    (folder / "backend.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": backend}}}))
    engine = Engine(TerraformStack(folder), place.aws, run="killed", tell=lambda _: None)

    def locked() -> list[str]:
        return [item["LockID"]["S"] for item in table.scan(TableName="tabled-locks")["Items"] if "Info" in item]

    def journals() -> list[Journal]:
        return unsettled(engine.workdir.journal)

    engine.write()
    engine.init()
    with ThreadPoolExecutor(1) as pool:
        planned = pool.submit(engine.plan)
        try:
            until(lambda: any(journal.lock_id for journal in journals()) or planned.done())
        finally:
            for journal in journals():
                os.killpg(journal.pid, signal.SIGKILL)
        with pytest.raises(Interrupted):
            planned.result()
    assert locked() == [f"{place.bucket}/tabled.tfstate"]
    late.may_answer.set()
    run = place.run(engine.stack)
    assert run.success, run.error
    assert "Releasing the lock of a Terraform of ours that is dead" in run.logged()
    assert (journals(), locked()) == ([], [])
