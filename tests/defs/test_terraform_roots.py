"""Roots in the shapes of public ones as assets: real Terraform, and the real AWS provider where AWS is meant."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster import TerraformStack
from buildkit_dagster.config.environment import replaced_environment
from tests.terraform_runs import Run, assets_of, copy_root, materialize_stack


def refactor(root: Path) -> TerraformStack:
    shutil.copy(root / "after" / "main.tf", root / "main.tf")
    return TerraformStack(root)


def test_moved_imported_and_forgotten_resources_are_those_of_the_unit_they_end_in(tmp_path: Path) -> None:
    root = copy_root("refactored", tmp_path)
    assert sorted(materialize_stack(TerraformStack(root)).reported) == ["old", "root"]
    stack = refactor(root)
    run, again = materialize_stack(stack), materialize_stack(stack)
    assert run.success, run.error
    assert sorted(run.reported) == ["home", "new", "root"]
    assert run.reported.index("new") < run.reported.index("home")
    for unit, addresses in {
        "new": ["module.new.terraform_data.this"],
        "home": ["module.home.terraform_data.imported", "module.home.terraform_data.loose"],
        "root": ['terraform_data.many["first"]', 'terraform_data.many["second"]'],
    }.items():
        assert [line.split("`")[1] for line in run.metadata(unit)["resources"].splitlines()] == addresses
        assert run.metadata(unit)["destroyed"] == 0
    assert again.success, again.error
    assert again.versions == run.versions
    assert run.metadata("home")["plan"] == "Only in the state: 1 forgotten, 1 imported, 4 moved."
    assert again.metadata("home")["plan"] == "No changes."
    assert "forgotten" not in (root / "terraform.tfstate").read_text()


def test_a_selection_that_a_move_leaves_is_refused_by_terraform_with_the_fix(tmp_path: Path) -> None:
    root = copy_root("refactored", tmp_path)
    materialize_stack(TerraformStack(root))
    run = materialize_stack(refactor(root), units=["root"])
    assert not run.success
    assert "Materialize the whole stack: only a full selection may move resources." in run.error


def test_keys_of_every_kind_give_one_address_in_plan_and_state(tmp_path: Path) -> None:
    keys = [
        "zürich",
        "東京",
        "a b",
        'say "hi"',
        "back\\slash",
        "${x}",
        "%{y}",
        "tab\tnew\nline",
        "a.b[0]",
        "\u200b",
        "🚀",
    ]
    (tmp_path / "main.tf").write_text(
        'variable "keys" {\n  type = list(string)\n}\n'
        'resource "terraform_data" "each" {\n  for_each = toset(var.keys)\n  input = each.key\n}\n'
        'module "each" {\n  source = "./part"\n  for_each = toset(var.keys)\n}\n'
    )
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "main.tf").write_text('resource "terraform_data" "this" {\n  count = 2\n}\n')
    first, second = converged_twice(TerraformStack(tmp_path, name="keys", variables={"keys": keys}))
    assert first.metadata("each")["resource_count"] == 2 * len(keys)
    assert first.metadata("root")["resource_count"] == len(keys)
    assert second.metadata("root")["resources"] == first.metadata("root")["resources"]


@pytest.fixture
def aws(aws_env: dict[str, str]) -> Iterator[None]:
    """The process environment of somebody who works with the emulator."""
    with replaced_environment(aws_env):
        yield


def edges_of(stack: TerraformStack) -> dict[str, set[str]]:
    """Unit → the units its asset depends on."""
    assets = assets_of(stack)
    return {key.path[-1]: {dep.path[-1] for dep in assets.asset_deps[key]} for key in assets.keys}


def converged_twice(stack: TerraformStack) -> tuple[Run, Run]:
    """Materialize everything, and again: the second run must change nothing and give the same data versions."""
    first, second = materialize_stack(stack), materialize_stack(stack)
    assert first.success, first.error
    assert second.success, second.error
    assert sorted(first.reported) == sorted(second.reported) == sorted(stack.root.names)
    assert {second.metadata(unit)["plan"] for unit in second.reported} == {"No changes."}
    for unit in first.reported:
        assert second.metadata(unit).get("resources") == first.metadata(unit).get("resources")
    assert second.versions == first.versions
    return first, second


@pytest.mark.usefixtures("aws")
def test_a_complete_network_with_counted_resources_and_a_module_switched_off(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("public/complete", tmp_path), variables={"zones": 2})
    assert edges_of(stack) == {
        "network": set(),
        "endpoints_off": set(),
        "endpoints": {"network"},
        "root": {"network"},
        "logs_of_endpoints": {"endpoints", "root"},
    }
    early = materialize_stack(stack, units=["root"])
    assert "would also change network; nothing was applied" in early.error
    assert "Select these together: network, root" in early.error
    first, _ = converged_twice(stack)
    assert first.metadata("network")["resource_count"] == 10
    assert [first.metadata(unit)["resource_count"] for unit in ("endpoints", "endpoints_off", "root")] == [1, 0, 1]
    assert set(first.metadata("network")["outputs"]) == {"vpc_id", "subnets"}
    assert set(first.metadata("root")["outputs"]) == set(first.metadata("endpoints")["outputs"]) == {"everything"}
    wider = TerraformStack(stack.path, variables={"zones": 3})
    run = materialize_stack(wider, units=["network", "root"])
    assert run.success, run.error
    assert run.metadata("network")["added"] == 3
    assert run.metadata("root")["changed"] == 1


@pytest.mark.usefixtures("aws")
def test_a_landing_zone_of_modules_for_each_entry_of_data_files(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("public/fabric", tmp_path), variables={"prefix": "lz"})
    assert edges_of(stack) == {"team": set(), "grant": {"team"}, "logs": set()}
    first, _ = converged_twice(stack)
    assert {unit: first.metadata(unit)["resource_count"] for unit in first.reported} == {
        "team": 6,
        "grant": 4,
        "logs": 2,
    }
    data = stack.path / "data" / "teams" / "research.yaml"
    data.write_text(data.read_text() + "logs: [jobs]\nreaders: [analytics]\n")
    changed = TerraformStack(stack.path, variables={"prefix": "lz"})
    codes, before = ({unit.name: unit.code for unit in one.root.units} for one in (changed, stack))
    assert [name for name in before if codes[name] == before[name]] == []
    run = materialize_stack(changed, units=["logs"])
    assert run.success, run.error
    assert (run.reported, run.metadata("logs")["added"]) == (["logs"], 1)
    assert materialize_stack(changed).metadata("grant")["added"] == 2


@pytest.mark.usefixtures("aws")
def test_a_flat_root_in_two_workspaces_with_an_import_and_checks(tmp_path: Path, boto: Callable[[str], Any]) -> None:
    root = copy_root("public/flat", tmp_path)
    spaces = {}
    for workspace, added in (("default", 7), ("prod", 9)):
        boto("s3").create_bucket(
            Bucket=f"made-by-hand-{workspace}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        spaces[workspace] = TerraformStack(
            root, workspace=workspace, variables={"adopted": f"made-by-hand-{workspace}", "project": "Straße"}
        )
        first, _ = converged_twice(spaces[workspace])
        assert first.metadata("root")["added"] == added
        assert first.metadata("root")["resource_count"] == added + 1
        assert f"made-by-hand-{workspace}" in first.metadata("root")["resources"]
        assert set(first.metadata("root")["outputs"]) == {"topic"}
    assert spaces["default"].root.unit("root").code != spaces["prod"].root.unit("root").code
