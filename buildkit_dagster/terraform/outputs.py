"""Outputs of units, from the state of their stack; and the values a stack takes from others.

Rendered roots export one root output per unit, an object of the module's outputs; in a root written by hand each root
output belongs to the unit its expression refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildkit_dagster.errors import UpstreamOutputMissing, UpstreamOutputSensitive
from buildkit_dagster.terraform.render import Ref, refs_in
from buildkit_dagster.terraform.root import ROOT_UNIT
from buildkit_dagster.terraform.secret_names import SENSITIVE
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State, read_state


def read_outputs(stack: TerraformStack, s3: Any) -> dict[str, dict[str, Any]]:
    """Unit → output → value, never sensitive ones; `s3` is a boto3 client, unused for a local state."""
    return known(outputs_in(stack, read_state(stack.backend, s3)))


def outputs_in(stack: TerraformStack, state: State) -> dict[str, dict[str, Any]]:
    """Like `read_outputs` from a state at hand; sensitive ones are there as `SENSITIVE`."""
    return by_unit(stack, state.outputs)


def by_unit(stack: TerraformStack, outputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Root outputs as the outputs of units."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in outputs.items():
        if stack.source is not None and stack.call(name) is not None and isinstance(value, Mapping):
            found[name] = dict(value)
        else:
            found.setdefault(_owner(stack, name), {})[name] = value
    return found


def known(outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without sensitive ones."""
    return {
        unit: {name: value for name, value in values.items() if value is not SENSITIVE}
        for unit, values in outputs.items()
    }


def resolve(
    stack: TerraformStack,
    s3: Any,
    read: Callable[[TerraformStack], State] | None = None,
    planned: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The stack's variables with every `Ref` replaced by the value in the other stack's state.

    `read` gives the state of a stack; by default it is read with the boto3 client `s3`. Variables in `planned` have
    their values from there instead. Raises UpstreamOutputMissing where the unit has not been materialized,
    UpstreamOutputSensitive for a secret.
    """
    given = planned or {}
    asked = {name: value for name, value in stack.variables.items() if name not in given}
    names = {ref.stack for ref in refs_in(asked)}
    reading = read or (lambda other: read_state(other.backend, s3))
    stacks = [stack.upstream_named(name) for name in sorted(names)]
    upstream = {other.name: outputs_in(other, reading(other)) for other in stacks}
    return {**{name: _filled(stack, value, upstream) for name, value in asked.items()}, **given}


def _filled(stack: TerraformStack, value: Any, upstream: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Any:
    if isinstance(value, Ref):
        return _value(stack, value, upstream)
    if isinstance(value, Mapping):
        return {name: _filled(stack, inner, upstream) for name, inner in value.items()}
    return [_filled(stack, inner, upstream) for inner in value] if isinstance(value, (list, tuple)) else value


def _value(stack: TerraformStack, ref: Ref, upstream: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Any:
    value = upstream[ref.stack].get(ref.unit, {}).get(ref.output)
    if value is SENSITIVE:
        raise UpstreamOutputSensitive(stack.name, ref.stack, ref.unit, ref.output)
    if value is None:
        raise UpstreamOutputMissing(stack.name, ref.stack, ref.unit, ref.output)
    return value


def _owner(stack: TerraformStack, output: str) -> str:
    owners = stack.root.outputs.get(output, ())
    return owners[0] if len(owners) == 1 else stack.name if stack.root.whole else ROOT_UNIT
