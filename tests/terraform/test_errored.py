"""A state that Terraform could not save: kept, checked and pushed by the next run, or named and left."""

import json
from pathlib import Path

from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import parse_state
from tests.terraform_runs import copy_root, materialize_stack


def converged(tmp_path: Path) -> tuple[TerraformStack, Path]:
    """A stack with a local state, and the file Terraform would leave behind in its root."""
    root = copy_root("repeated", tmp_path)
    stack = TerraformStack(root)
    assert materialize_stack(stack).success
    return stack, root / "errored.tfstate"


def change(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def lose_save(stack: TerraformStack, left: Path, *, serial: int = 1) -> list[str]:
    """The stored state as it was before the last apply, that apply's in the root; the addresses only the latter has."""
    state = stack.path / "terraform.tfstate"
    left.write_text(state.read_text())
    stored = json.loads(state.read_text())
    change(left, serial=stored["serial"] + serial)
    change(state, resources=stored["resources"][1:])
    return sorted(parse_state(left.read_text()).addresses - parse_state(state.read_text()).addresses)


def test_a_newer_state_of_the_same_lineage_is_moved_out_of_the_root_and_pushed(tmp_path: Path) -> None:
    stack, left = converged(tmp_path)
    lost = lose_save(stack, left)
    run = materialize_stack(stack)
    assert run.success, run.error
    assert "Pushed the state that an earlier Terraform could not save" in run.logged()
    assert all(run.metadata(unit)["added"] == 0 for unit in run.reported)
    assert set(lost) <= parse_state((stack.path / "terraform.tfstate").read_text()).addresses
    assert (left.exists(), list((stack.work / "errored").iterdir())) == (False, [])


def test_a_state_that_is_not_newer_is_refused_and_kept_while_the_stored_one_lacks_its_resources(tmp_path: Path) -> None:
    stack, left = converged(tmp_path)
    lost = lose_save(stack, left, serial=0)
    before = (stack.path / "terraform.tfstate").read_text()
    for _ in range(2):
        run = materialize_stack(stack)
        assert not run.success
        assert "it is not newer (serial" in run.error
        assert all(address in run.error for address in lost)
        assert (stack.path / "terraform.tfstate").read_text() == before
        (kept,) = (stack.work / "errored").iterdir()
        assert str(kept) in run.error
    assert not left.exists()


def test_a_state_of_another_lineage_is_refused_by_name(tmp_path: Path) -> None:
    stack, left = converged(tmp_path)
    lose_save(stack, left)
    change(left, lineage="11111111-2222-3333-4444-555555555555")
    assert "it belongs to another state (lineage 11111111-" in materialize_stack(stack).error


def test_a_state_that_says_nothing_new_is_set_aside_and_told_about_once(tmp_path: Path) -> None:
    stack, left = converged(tmp_path)
    left.write_text((stack.path / "terraform.tfstate").read_text())
    first, second = materialize_stack(stack), materialize_stack(stack)
    assert (first.success, second.success) == (True, True)
    assert "Not pushed" in first.logged()
    assert "Not pushed" not in second.logged()
    assert len(list((stack.work / "errored" / "superseded").iterdir())) == 1
