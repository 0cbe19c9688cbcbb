"""Upstream outputs that are only planned: which values a stack would get once its upstream stacks are applied.

Nothing is made up: a value comes from a plan of the upstream stack, and what that plan does not know stays unknown. How
such values reach Terraform is `planning_root.py`; outputs that are real are read in `outputs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildkit_dagster.errors import UpstreamOutputSensitive
from buildkit_dagster.terraform.outputs import by_unit
from buildkit_dagster.terraform.plan import UNKNOWN
from buildkit_dagster.terraform.rendered_root import Ref
from buildkit_dagster.terraform.secret_names import SENSITIVE
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State

#: Stack → its root outputs after the apply of its plan, with `UNKNOWN` and `SENSITIVE` in them.
PlannedOutputs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class PlannedValues:
    """Variables whose values are not real yet, and the upstream stacks they come from."""

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    upstream: tuple[str, ...] = ()

    @property
    def unknown(self) -> bool:
        """Whether anything in them is unknown."""
        return any(holds(value, UNKNOWN) for value in self.values.values())


def planned_values(
    stack: TerraformStack, planned: PlannedOutputs, read: Callable[[TerraformStack], State]
) -> PlannedValues:
    """The variables that the plans of upstream stacks would change; what they leave as it is, is real.

    Raises UpstreamOutputSensitive.
    """
    values: dict[str, Any] = {}
    upstream: list[str] = []
    for name, ref in stack.variables.items():
        if not isinstance(ref, Ref) or ref.stack not in planned:
            continue
        other = stack.upstream_named(ref.stack)
        value = _output(other, planned[ref.stack], ref)
        if holds(value, SENSITIVE):
            raise UpstreamOutputSensitive(stack.name, ref.stack, ref.unit, ref.output)
        if value is not None and value != _output(other, read(other).outputs, ref):
            values[name] = value
            upstream.append(ref.stack)
    return PlannedValues(values, tuple(dict.fromkeys(upstream)))


def holds(value: Any, mark: object) -> bool:
    """Whether `mark` is the value or inside of it."""
    if isinstance(value, Mapping):
        return any(holds(inner, mark) for inner in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds(inner, mark) for inner in value)
    return value is mark


def _output(stack: TerraformStack, outputs: Mapping[str, Any], ref: Ref) -> Any:
    if stack.source is not None and outputs.get(ref.unit) is UNKNOWN:
        return UNKNOWN
    return by_unit(stack, outputs).get(ref.unit, {}).get(ref.output)
