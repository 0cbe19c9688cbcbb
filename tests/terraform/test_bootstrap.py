"""The bootstrap stack makes the bucket its own state moves into, whatever a crash left behind."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, materialize

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import infra_assets, terraform_stacks
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from buildkit_dagster.errors import StatesDiverge
from buildkit_dagster.stacks.bootstrap import makes_provider
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.migrate import Home, decide, find_home, move_into_bucket, move_out_of_bucket
from buildkit_dagster.terraform.state import EMPTY, State, StateResource, read_state
from tests.scenario import write_platform
from tests.terraform_runs import Run

RESOURCES = (StateResource("module.a.aws_s3_bucket.b", "aws_s3_bucket", "b", {}),)


def state(lineage: str, serial: int, *, empty: bool = False) -> State:
    return State(serial, lineage, () if empty else RESOURCES, {})


@pytest.mark.parametrize(
    ("local", "remote", "home"),
    [
        pytest.param(EMPTY, EMPTY, Home.LOCAL, id="nothing exists yet"),
        pytest.param(state("a", 3), EMPTY, Home.LOCAL, id="a crash before the move"),
        pytest.param(state("a", 3), state("a", 3), Home.BUCKET, id="a crash between copy and removal"),
        pytest.param(state("a", 3), state("a", 9), Home.BUCKET, id="left behind while others went on"),
        pytest.param(state("a", 4), state("a", 3), Home.LOCAL, id="the bucket's copy is older"),
        pytest.param(EMPTY, state("a", 3), Home.BUCKET, id="a fresh machine"),
        pytest.param(state("a", 1, empty=True), state("a", 3), Home.BUCKET, id="an empty local file"),
        pytest.param(state("a", 1, empty=True), EMPTY, Home.LOCAL, id="an apply that made nothing"),
        pytest.param(EMPTY, state("a", 5, empty=True), Home.BUCKET, id="everything was destroyed from the bucket"),
        pytest.param(state("b", 3), state("a", 5, empty=True), Home.LOCAL, id="the bucket holds an empty other state"),
        pytest.param(state("b", 3), state("a", 3), Home.UNCLEAR, id="two states that do not belong together"),
    ],
)
def test_where_the_state_is_follows_from_what_lies_in_both_places(local: State, remote: State, home: Home) -> None:
    assert decide(local, remote) is home


@dataclass
class Bootstrap:
    """A platform with an emulator of its own, and its bootstrap stack."""

    platform: Platform
    aws: Aws

    @property
    def engine(self) -> Engine:
        return Engine(terraform_stacks(self.platform)[0], self.aws, "test", lambda _: None)

    @property
    def local(self) -> Path:
        return self.platform.work / "bootstrap" / "terraform.tfstate"

    @property
    def place(self) -> dict[str, str]:
        return {"Bucket": self.platform.names.state_bucket(), "Key": self.platform.names.state_key("bootstrap")}

    @property
    def stored(self) -> State:
        return read_state(self.engine.stack.backend, self.aws.client("s3"))

    def body(self) -> bytes:
        content: bytes = self.aws.client("s3").get_object(**self.place)["Body"].read()
        return content

    def store(self, body: bytes | None) -> None:
        """Put this into the bucket as the state, or take the state away."""
        s3 = self.aws.client("s3")
        s3.delete_object(**self.place)
        if body is not None:
            s3.put_object(**self.place, Body=body)

    def run(self) -> Run:
        instance = DagsterInstance.ephemeral()
        assets = infra_assets(self.platform, self.aws.process)[0]
        run = Run(materialize([assets], instance=instance, raise_on_error=False), instance)
        assert run.success, run.error
        return run

    def roles(self) -> dict[str, str]:
        """Name → unique id: another id is another role."""
        return {role["RoleName"]: role["RoleId"] for role in self.aws.client("iam").list_roles()["Roles"]}


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bootstrap]:
    """The stack after its first run."""
    platform = load_platform(write_platform(tmp_path_factory.mktemp("platform")), "dev")
    process = replace(read_environment(), endpoint=None)
    emulator = start_emulator(state_dir=platform.work, repositories={})
    stack = Bootstrap(platform, aws_for(platform, process))
    stack.run()
    yield stack
    stop_emulator(emulator)


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does to the stored state, the next one finds it as the first run left it."""
    if "bootstrap" not in request.fixturenames:
        yield
        return
    stack: Bootstrap = request.getfixturevalue("bootstrap")
    before = stack.body()
    yield
    stack.store(before)
    stack.local.unlink(missing_ok=True)


def test_after_the_first_run_the_state_is_in_the_bucket_and_nothing_of_it_is_here(bootstrap: Bootstrap) -> None:
    assert {address.split(".")[1] for address in bootstrap.stored.addresses} == {"state_backend", "github_oidc"}
    assert set(bootstrap.stored.outputs) == {"state_backend", "github_oidc"}
    assert list(bootstrap.local.parent.glob("*.tfstate*")) == []
    bucket = bootstrap.aws.client("s3")
    assert bucket.get_bucket_versioning(Bucket=bootstrap.place["Bucket"])["Status"] == "Enabled"


def test_a_second_run_on_a_fresh_machine_goes_to_the_bucket_and_changes_nothing(bootstrap: Bootstrap) -> None:
    before, roles = bootstrap.body(), bootstrap.roles()
    shutil.rmtree(bootstrap.local.parent)
    run = bootstrap.run()
    assert sorted(run.reported) == ["github_oidc", "state_backend"]
    assert bootstrap.body() == before
    assert bootstrap.roles() == roles
    assert not bootstrap.local.exists()


def test_a_crash_before_the_move_is_recovered_with_nothing_made_twice(bootstrap: Bootstrap) -> None:
    before, roles = bootstrap.stored, bootstrap.roles()
    bootstrap.local.write_bytes(bootstrap.body())
    bootstrap.store(None)
    bootstrap.run()
    assert (bootstrap.stored.lineage, bootstrap.stored.addresses) == (before.lineage, before.addresses)
    assert bootstrap.roles() == roles
    assert not bootstrap.local.exists()


def test_a_crash_between_copy_and_removal_leaves_only_the_bucket(bootstrap: Bootstrap) -> None:
    bootstrap.local.write_bytes(bootstrap.body())
    assert find_home(bootstrap.engine) is Home.BUCKET
    assert not bootstrap.local.exists()


def test_a_move_that_was_done_already_is_not_done_again(bootstrap: Bootstrap) -> None:
    before = bootstrap.body()
    bootstrap.local.write_bytes(before)
    move_into_bucket(bootstrap.engine)
    assert bootstrap.body() == before
    assert not bootstrap.local.exists()


def test_the_state_moves_out_and_in_again_as_it_is_and_a_crash_in_between_leaves_it_in_the_bucket(
    bootstrap: Bootstrap,
) -> None:
    before = bootstrap.body()
    bootstrap.local.write_bytes(before)
    assert find_home(bootstrap.engine) is Home.BUCKET, "the bucket had not let go"
    move_out_of_bucket(bootstrap.engine)
    assert (bootstrap.local.read_bytes(), bootstrap.stored) == (before, EMPTY)
    assert stat.S_IMODE(bootstrap.local.stat().st_mode) == 0o600
    assert find_home(bootstrap.engine) is Home.LOCAL
    move_into_bucket(bootstrap.engine)
    assert bootstrap.body() == before


def test_two_states_that_do_not_belong_together_are_both_kept_and_named(bootstrap: Bootstrap) -> None:
    before = bootstrap.body()
    bootstrap.local.write_text(json.dumps({**json.loads(before), "lineage": "another"}))
    for attempt in (find_home, move_into_bucket):
        with pytest.raises(StatesDiverge, match=r"bootstrap has two states.*terraform\.tfstate and s3://"):
            attempt(bootstrap.engine)
    assert bootstrap.body() == before
    assert bootstrap.local.exists()


def test_an_empty_state_in_the_bucket_gives_way(bootstrap: Bootstrap) -> None:
    body = bootstrap.body()
    bootstrap.local.write_bytes(body)
    bootstrap.store(json.dumps({"version": 4, "serial": 7, "lineage": "another", "resources": []}).encode())
    move_into_bucket(bootstrap.engine)
    assert bootstrap.body() == body


@pytest.mark.parity("A!30", "A-206")
def test_what_exists_without_a_state_is_imported_and_the_provider_is_looked_up(bootstrap: Bootstrap) -> None:
    roles = bootstrap.roles()
    bootstrap.store(None)
    bootstrap.run()
    managed = bootstrap.stored.addresses
    assert "module.state_backend.aws_s3_bucket.state" in managed
    assert {"module.github_oidc.aws_iam_role.plan", "module.github_oidc.aws_iam_role.apply"} <= managed
    assert not any("openid_connect_provider" in address for address in managed)
    assert bootstrap.roles() == roles
    assert bootstrap.stored.outputs["github_oidc"]["provider_arn"].endswith("token.actions.githubusercontent.com")


def test_the_provider_is_the_stacks_own_when_its_state_says_so_and_somebody_elses_otherwise(
    bootstrap: Bootstrap,
) -> None:
    scope, client = Scope(bootstrap.platform), bootstrap.aws.client
    own = frozenset({"module.github_oidc.aws_iam_openid_connect_provider.github[0]"})
    assert makes_provider(scope, client, own)
    assert not makes_provider(scope, client, frozenset())


def test_the_stack_belongs_to_the_graph_with_its_edge(bootstrap: Bootstrap) -> None:
    assets: Any = infra_assets(bootstrap.platform, bootstrap.aws.process)[0]
    assert {(key.to_user_string(), up.to_user_string()) for key, ups in assets.asset_deps.items() for up in ups} == {
        ("infra/bootstrap/github_oidc", "infra/bootstrap/state_backend")
    }
