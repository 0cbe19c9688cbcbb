"""Workspaces, var files, partial backend configuration and backends only Terraform reads: real Terraform."""

import json
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster import Ref, TerraformCliResource, TerraformStack
from buildkit_dagster.errors import CommandFailed, InvalidRoot, PullFailed, StateLocked, TerraformMissing
from tests.postgres import PASSWORD, Postgres, running_postgres
from tests.terraform_runs import copy_root, materialize_stack

PARTIAL = 'terraform {{\n  backend "{kind}" {{}}\n}}\n'


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


def stack_of(folder: Path, kind: str = "", **more: Any) -> TerraformStack:
    """The root `spaces`, whose names hold the workspace, with a partial backend block."""
    root = folder / "spaces"
    if not root.exists():
        copy_root("spaces", folder)
        if kind:
            (root / "backend.tf").write_text(PARTIAL.format(kind=kind))
    return TerraformStack(root, **more)


def names_in(stack: TerraformStack, **resource: Any) -> set[str]:
    state = TerraformCliResource(**resource).engine(stack).state()
    return {resource.values["input"]["value"] for resource in state.resources}


def test_each_workspace_has_a_state_of_its_own_in_a_file(tmp_path: Path) -> None:
    default, stage = stack_of(tmp_path), stack_of(tmp_path, workspace="stage")
    for stack in (default, stage, stage):
        run = materialize_stack(stack)
        assert run.success, run.error
    assert run.metadata("root")["plan"] == "No changes."
    assert names_in(default) == {"net-default-zürich"}
    assert names_in(stage) == {"net-stage-zürich"}
    assert (tmp_path / "spaces" / "terraform.tfstate.d" / "stage" / "terraform.tfstate").exists()
    assert stage.root.unit("root").code != default.root.unit("root").code


def test_a_workspace_in_s3_is_made_converged_and_read_by_others(
    tmp_path: Path, aws_env: dict[str, str], boto: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", aws_env)
    boto("s3").create_bucket(Bucket="spaces-state")
    settings = {"bucket": "spaces-state", "key": "net/x.tfstate", "use_path_style": True, "use_lockfile": True}
    stack = stack_of(tmp_path, "s3", workspace="stage", backend_config={**settings, "workspace_key_prefix": "ws"})
    first, second = materialize_stack(stack), materialize_stack(stack)
    assert first.success, first.error
    assert second.metadata("root")["plan"] == "No changes."
    keys = [item["Key"] for item in boto("s3").list_objects_v2(Bucket="spaces-state")["Contents"]]
    assert "ws/stage/net/x.tfstate" in keys
    assert [key for key in keys if key.endswith(".tflock")] == []
    assert names_in(stack) == {"net-stage-zürich"}
    mixture = copy_root("mixture", tmp_path)
    downstream = TerraformStack(mixture, variables={"text": Ref("spaces", "root", "name")}, upstream=[stack])
    assert materialize_stack(downstream).success
    assert "net-stage-zürich" in (mixture / "terraform.tfstate").read_text()


def test_var_files_are_read_in_order_below_the_variables_and_count_for_the_code_version(tmp_path: Path) -> None:
    root = stack_of(tmp_path).path
    (root / "common.tfvars").write_text('name = "common"\ncity = <<-EOT\n  Genève\nEOT\nunread = 1\n')
    (root / "prod.tfvars.json").write_text('{"name": "prod"}')
    files = ["common.tfvars", "prod.tfvars.json"]
    run = materialize_stack(stack := TerraformStack(root, var_files=files))
    assert run.success, run.error
    assert names_in(stack) == {"prod-default-Genève\n"}
    given = TerraformStack(root, var_files=files, variables={"name": "given"})
    assert materialize_stack(given).metadata("root")["changed"] == 1
    assert names_in(given) == {"given-default-Genève\n"}
    turned = TerraformStack(root, var_files=files[::-1])
    codes = {one.root.unit("root").code for one in (stack, given, turned, TerraformStack(root))}
    assert len(codes) == 4
    with pytest.raises(InvalidRoot, match=r"there is no var file .*typo\.tfvars"):
        _ = TerraformStack(root, var_files=["typo.tfvars"]).root


def test_a_state_in_postgresql_converges_by_workspace_and_feeds_other_stacks(
    tmp_path: Path, postgres: Postgres
) -> None:
    config = {"conn_str": postgres.url, "schema_name": "converge"}
    stacks = [stack_of(tmp_path, "pg", backend_config=config, workspace=space) for space in (None, "stage")]
    runs = [materialize_stack(stack) for stack in (*stacks, *stacks)]
    assert [run.success for run in runs] == [True] * 4, [run.error for run in runs if not run.success]
    assert [run.metadata("root")["plan"] for run in runs[2:]] == ["No changes."] * 2
    assert [names_in(stack) for stack in stacks] == [{"net-default-zürich"}, {"net-stage-zürich"}]
    assert not list(stacks[0].path.glob("*.tfstate"))
    downstream = TerraformStack(
        copy_root("mixture", tmp_path), variables={"text": Ref("spaces", "root", "name")}, upstream=[stacks[1]]
    )
    assert materialize_stack(downstream).success
    assert "net-stage-zürich" in (downstream.path / "terraform.tfstate").read_text()


def test_an_upstream_state_in_postgresql_is_read_by_a_machine_that_never_ran_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    config = {"conn_str": postgres.url, "schema_name": "elsewhere"}
    assert materialize_stack(stack_of(tmp_path / "here", "pg", backend_config=config)).success
    there = stack_of(tmp_path / "there", "pg", backend_config=config)
    assert names_in(there) == {"net-default-zürich"}


def test_the_password_of_a_backend_is_in_a_private_file_and_nowhere_else(tmp_path: Path, postgres: Postgres) -> None:
    stack = stack_of(tmp_path, "pg", backend_config={"conn_str": postgres.url, "schema_name": "secret"})
    run = materialize_stack(stack)
    assert run.success, run.error
    assert PASSWORD not in run.logged()
    assert PASSWORD not in repr(stack)
    assert stat.S_IMODE((stack.work / "backend.tfbackend.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.work.stat().st_mode) == 0o700


def test_a_state_locked_in_postgresql_is_reported_and_left(tmp_path: Path, postgres: Postgres) -> None:
    import psycopg2

    stack = stack_of(tmp_path, "pg", backend_config={"conn_str": postgres.url, "schema_name": "locked"})
    assert materialize_stack(stack).success
    with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(id) from locked.states")
        with pytest.raises(StateLocked):
            TerraformCliResource(lock_timeout="0s").cli(["apply"], stack=stack).wait()
    connection.close()
    assert materialize_stack(stack).success


def test_a_backend_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path, postgres: Postgres) -> None:
    wrong = postgres.url.replace(PASSWORD, "canary-wrong")
    stack = stack_of(tmp_path, "pg", backend_config={"conn_str": wrong})
    with pytest.raises(CommandFailed, match=r"terraform init failed for stack 'spaces'(.|\n)*password") as caught:
        TerraformCliResource().cli(["plan"], stack=stack).wait()
    assert "canary" not in str(caught.value)


class Keeper(BaseHTTPRequestHandler):
    """What the http backend asks for: a state, and a lock on it."""

    state: bytes | None = None
    asked: list[str]

    def do_GET(self) -> None:
        self._answer(200 if Keeper.state else 404, Keeper.state or b"")

    def do_POST(self) -> None:
        Keeper.state = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_LOCK(self) -> None:
        self._answer(200)

    do_UNLOCK = do_LOCK

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        Keeper.asked.append(self.command)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_any_other_backend_passes_through_with_its_own_locking(tmp_path: Path) -> None:
    Keeper.asked, server = [], ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/state"
    stack = stack_of(
        tmp_path, "http", backend_config={"address": address, "lock_address": address, "unlock_address": address}
    )
    try:
        first, second = materialize_stack(stack), materialize_stack(stack)
        assert first.success, first.error
        assert first.metadata("root")["outputs"] == {"name": "net-default-zürich"}
        assert second.metadata("root")["plan"] == "No changes."
        assert json.loads(Keeper.state or b"{}")["resources"]
        assert Keeper.asked.count("LOCK") == Keeper.asked.count("UNLOCK") >= 2
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(PullFailed, match=r"terraform state pull failed for stack 'spaces'(.|\n)*refused"):
        TerraformCliResource().engine(stack).state()


def test_another_binary_is_called_as_it_is_named(tmp_path: Path) -> None:
    """OpenTofu itself is not to be had here: this one is Terraform that says what it is asked under another name."""
    tofu = tmp_path / "bin" / "tofu"
    tofu.parent.mkdir()
    tofu.write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/asked\n'
        '[ "$1" = version ] && { echo \'{"terraform_version": "1.8.2"}\'; exit; }\nexec terraform "$@"\n'
    )
    tofu.chmod(0o755)
    run = materialize_stack(stack_of(tmp_path, terraform_binary=str(tofu)))
    assert run.success, run.error
    assert (tmp_path / "asked").read_text().split() == ["version", "init", "plan", "show", "apply"]
    with pytest.raises(TerraformMissing, match="there is no `tofu-of-nobody` on PATH"):
        _ = TerraformCliResource().engine(stack_of(tmp_path, terraform_binary="tofu-of-nobody")).sources
