"""Roots in the shapes of public ones as assets: real Terraform, and the real AWS provider where AWS is meant."""

import shutil
from pathlib import Path

from buildkit_dagster import TerraformStack
from tests.terraform_runs import copy_root, materialize_stack


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
