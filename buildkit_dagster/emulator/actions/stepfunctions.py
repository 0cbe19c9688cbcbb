"""Step Functions: ValidateStateMachineDefinition and ListStateMachineVersions.

Executions do not run here; starting one is refused in `refusal`. The validation knows the structure of a definition
(states, their types, where they lead), not the arguments of each state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.responses import StepFunctionResponse

from buildkit_dagster.emulator.actions import replace

_TYPES = ("Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait")
_TERMINAL = ("Choice", "Fail", "Succeed")


def install() -> None:
    """Add the actions moto lacks."""
    replace(StepFunctionResponse, validate_state_machine_definition, list_state_machine_versions)


def validate_state_machine_definition(self: StepFunctionResponse) -> ActionResult:
    """Every problem of the definition, with its place."""
    try:
        definition = json.loads(self._get_param("definition"))
    except json.JSONDecodeError as error:
        problems = [_problem("INVALID_JSON_DESCRIPTION", str(error), "")]
    else:
        problems = list(_problems(definition, ""))
    return ActionResult({"result": "FAIL" if problems else "OK", "diagnostics": problems, "truncated": False})


def list_state_machine_versions(self: StepFunctionResponse) -> ActionResult:
    """The published versions, newest first."""
    machine: Any = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    versions = [machine.versions[number] for number in sorted(machine.versions, reverse=True)]
    listed = [{"stateMachineVersionArn": one.arn, "creationDate": one.creation_date} for one in versions]
    return ActionResult({"stateMachineVersions": listed})


def _problems(machine: Any, place: str) -> Iterator[dict[str, str]]:
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        yield _problem("SCHEMA_VALIDATION_FAILED", "States is missing or empty", f"{place}/States")
        return
    if machine.get("StartAt") not in states:
        yield _problem("MISSING_TRANSITION_TARGET", f"no state {machine.get('StartAt')!r}", f"{place}/StartAt")
    for name, state in states.items():
        yield from _state_problems(state, states, f"{place}/States/{name}")


def _state_problems(state: dict[str, Any], states: dict[str, Any], place: str) -> Iterator[dict[str, str]]:
    kind = state.get("Type")
    if kind not in _TYPES:
        yield _problem("SCHEMA_VALIDATION_FAILED", f"Type {kind!r} is not one of {', '.join(_TYPES)}", f"{place}/Type")
    elif kind not in _TERMINAL and "Next" not in state and not state.get("End"):
        yield _problem("SCHEMA_VALIDATION_FAILED", "neither Next nor End", place)
    for target in _targets(state):
        if target not in states:
            yield _problem("MISSING_TRANSITION_TARGET", f"no state {target!r}", place)
    nested = [*(state.get("Branches") or []), *(state[key] for key in ("Iterator", "ItemProcessor") if key in state)]
    for machine in nested:
        yield from _problems(machine, place)


def _targets(state: dict[str, Any]) -> Iterator[str]:
    branches = [state, *(state.get("Choices") or []), *(state.get("Catch") or [])]
    yield from (branch["Next"] for branch in branches if "Next" in branch)
    if "Default" in state:
        yield state["Default"]


def _problem(code: str, message: str, location: str) -> dict[str, str]:
    return {"severity": "ERROR", "code": code, "message": message, "location": location}
