"""What Dagster tries again: only what passes by itself, and never a cancelled run. Real Terraform, local state."""

from pathlib import Path

import pytest

from buildkit_dagster.terraform.retries import Retries
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform_runs import Run, materialize_stack

ROOT = """
variable "message" {
  type = string
}

resource "terraform_data" "this" {
  lifecycle {
    precondition {
      condition     = var.message == ""
      error_message = var.message
    }
  }
}
"""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retries, "wait", lambda *_: 0.1)


def run(folder: Path, message: str) -> Run:
    (folder / "main.tf").write_text(ROOT)
    return materialize_stack(TerraformStack(folder, name="checked", variables={"message": message}), retries=2)


def tries(run: Run) -> list[str]:
    kinds = ("STEP_START", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_FAILURE", "STEP_SUCCESS")
    return [event.event_type_value for event in run.result.all_events if event.event_type_value in kinds]


def test_what_passes_by_itself_is_tried_again_and_the_last_failure_is_told_as_any_other(tmp_path: Path) -> None:
    done = run(tmp_path, "ThrottlingException: Rate exceeded")
    assert tries(done) == ["STEP_START", *["STEP_UP_FOR_RETRY", "STEP_RESTARTED"] * 2, "STEP_FAILURE"]
    assert "ThrottlingException: Rate exceeded" in done.error
    assert "trying again in 0 s (2 of 2)" in done.logged()


def test_what_stays_is_not_tried_again(tmp_path: Path) -> None:
    assert tries(run(tmp_path, "AccessDenied: not authorized")) == ["STEP_START", "STEP_FAILURE"]
