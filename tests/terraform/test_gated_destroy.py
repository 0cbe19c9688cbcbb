"""Destroying a stack whose gates ask: the plan waits, says how it is approved, and destroying again carries it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster import TerraformCliResource, TerraformStack
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.destruction import Destruction
from buildkit_dagster.errors import ApprovalNeeded
from buildkit_dagster.terraform.destroy import destroy_stack
from buildkit_dagster.terraform.state import read_state
from tests.scenario import edited, write_platform
from tests.terraform_runs import copy_root, materialize_stack

GATES = Gates(every_change=True)


def destroy(stack: TerraformStack) -> bool:
    terraform = TerraformCliResource(gates=GATES)
    engine = terraform.engine(stack)
    return destroy_stack(engine, terraform.gatekeeper(engine))


def test_production_and_platforms_with_approvers_are_guarded(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)

    def is_guarded(environment: str) -> bool:
        platform = load_platform(folder, environment)
        return Destruction(platform, read_environment(), lambda _: None).is_guarded

    assert (is_guarded("dev"), is_guarded("prod")) == (False, True)
    edited(
        folder,
        "config/platform.yaml",
        "apply_environment: dev}",
        "apply_environment: dev}\n    approvers: {github_environment: approval}",
    )
    assert is_guarded("dev")


def test_a_plan_to_destroy_waits_for_the_second_destroy_and_no_run_applies_it(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("repeated", tmp_path))
    assert materialize_stack(stack).success
    with pytest.raises(ApprovalNeeded, match="Destroying the stack again carries out exactly this plan") as asked:
        destroy(stack)
    assert "buildkit apply" not in str(asked.value)
    run = materialize_stack(stack, gates=GATES, plan=asked.value.digest)
    assert f"plan {asked.value.digest} destroys stack 'repeated', so no run applies it" in run.error
    assert len(read_state(stack.backend, None).addresses) == 4
    assert destroy(stack)
    assert not read_state(stack.backend, None).addresses
