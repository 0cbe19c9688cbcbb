"""Outputs of units, from the state of their stack; and the values a stack takes from others.

Rendered roots export one root output per unit, an object of the module's outputs; in a root written by hand each root
output belongs to the units its expression refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildkit_dagster.errors import InvalidRoot, UpstreamOutputMissing, UpstreamOutputSensitive
from buildkit_dagster.terraform.rendered_root import Ref, refs_in
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
            for unit in owners(stack, name):
                found.setdefault(unit, {})[name] = value
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
    root = stack.upstream_named(ref.stack).root
    # A whole stack has one unit, whatever the reference calls it.
    value = upstream[ref.stack].get(root.names[0] if root.whole else ref.unit, {}).get(ref.output)
    if value is SENSITIVE:
        raise UpstreamOutputSensitive(stack.name, ref.stack, ref.unit, ref.output)
    if value is None:
        raise UpstreamOutputMissing(stack.name, ref.stack, ref.unit, ref.output)
    return value


def owners(stack: TerraformStack, output: str) -> tuple[str, ...]:
    """The units a root output is made of; one made of none belongs to `root`, or else to the last unit."""
    names = stack.root.names
    nobody = (ROOT_UNIT,) if ROOT_UNIT in names else names[-1:]
    return stack.root.outputs.get(output) or nobody


def units_behind(stack: TerraformStack, ref: Ref) -> tuple[str, ...]:
    """The units of `stack` that must be there for an output another stack takes."""
    if stack.root.whole:
        return stack.root.names
    if ref.unit not in stack.root.names:
        raise InvalidRoot(stack.name, f"has no unit {ref.unit!r} to refer to; it has: {', '.join(stack.root.names)}")
    if stack.source is not None:
        return (ref.unit,)
    if ref.output not in stack.root.outputs:
        known = ", ".join(sorted(stack.root.outputs)) or "none"
        raise InvalidRoot(
            stack.path, f"declares no output {ref.output!r} to refer to; the outputs it declares: {known}"
        )
    return tuple(dict.fromkeys((ref.unit, *owners(stack, ref.output))))
