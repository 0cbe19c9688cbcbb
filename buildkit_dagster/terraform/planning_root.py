"""Roots for planning only: where an input is not known yet, or the bucket of the state does not exist.

A rendered root becomes one in which the inputs are locals; a root written by hand is called as a module by one of ours,
on a copy of its state, so that not a letter of it is changed. Unknown values are made of a resource nobody applies,
which `Seen` takes out of the plan again. Which values are unknown is `upstream.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import NotPlannable
from buildkit_dagster.terraform.backends import LocalBackend
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.module_folder import interface_of
from buildkit_dagster.terraform.plan import UNKNOWN, Plan, ResourceChange
from buildkit_dagster.terraform.private import write_private
from buildkit_dagster.terraform.render import UNKNOWN_RESOURCE, expression, planned_blocks
from buildkit_dagster.terraform.rendered_root import ModuleCall, PlannedRef, Ref, RenderedRoot, Text, Unknown
from buildkit_dagster.terraform.root import Root
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.upstream import PlannedValues
from buildkit_dagster.terraform.workdir import LOCK_FILE

_FOLDER = "speculative"
#: The name under which a root written by hand is called.
_CALLED = "buildkit_root"
_PREFIX = f"module.{_CALLED}."


@dataclass(frozen=True)
class Seen:
    """How a plan of a planning root reads as one of the stack itself."""

    root: Root
    prefix: str = ""

    def plan(self, plan: Plan) -> Plan:
        """The same plan with the stack's own addresses and units, and without our resource."""
        document = {
            **plan.document,
            **{
                name: [self._item(item) for item in plan.document.get(name, ()) if not _is_ours(item["address"])]
                for name in ("resource_changes", "resource_drift")
            },
        }
        return replace(
            plan, resources=self._changes(plan.resources), drift=self._changes(plan.drift), document=document
        )

    def targets(self, units: tuple[str, ...]) -> list[str]:
        """`-target` options for units of the stack."""
        return [f"-target={self.prefix}{address}" for address in self.root.targets(units)]

    def _changes(self, changes: tuple[ResourceChange, ...]) -> tuple[ResourceChange, ...]:
        own = (change for change in changes if not _is_ours(change.address))
        return tuple(
            replace(change, address=self._own(change.address), unit=self.root.unit_of(self._own(change.address)))
            for change in own
        )

    def _item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        addresses = {name: self._own(item[name]) for name in ("address", "previous_address") if name in item}
        return {**item, **addresses}

    def _own(self, address: str) -> str:
        return address.removeprefix(self.prefix)


@contextmanager
def planning_root(
    engine: Engine, planned: PlannedValues, unknown: Unknown, *, without_backend: bool
) -> Iterator[tuple[Engine, Seen]]:
    """An engine that plans the stack with planned inputs in a root of its own below the work folder.

    `unknown` stands for what is not known in them.
    """
    if engine.stack.source is not None:
        yield _rendered(engine, engine.stack.source, planned, unknown, without_backend), Seen(engine.stack.root)
        return
    calling = _calling(engine, planned, unknown)
    try:
        yield calling, Seen(engine.stack.root, _PREFIX)
    finally:
        # The copy of the state holds secrets and is of no use to anybody else.
        for file in calling.workdir.folder.rglob("*.tfstate*"):
            file.unlink() if file.is_file() else None


def _rendered(
    engine: Engine, source: RenderedRoot, planned: PlannedValues, unknown: Unknown, without_backend: bool
) -> Engine:
    stack, values = engine.stack, {name: _marked(value, unknown) for name, value in planned.values.items()}
    root = replace(
        source,
        calls=tuple(_with_planned(call, frozenset(values)) for call in source.calls),
        backend=None if without_backend else source.backend,
        planned=values,
    )
    folder = stack.work / _FOLDER
    variant = TerraformStack(
        folder,
        name=stack.name,
        variables={name: value for name, value in stack.variables.items() if name not in values},
        upstream=stack.upstream,
        work=folder,
        source=root,
        lock_file=stack.lock_file,
        imports=stack.imports,
    )
    return replace(engine, stack=variant)


def _with_planned(call: ModuleCall, planned: frozenset[str]) -> ModuleCall:
    return replace(call, inputs={name: _replaced(value, planned) for name, value in call.inputs.items()})


def _replaced(value: Any, planned: frozenset[str]) -> Any:
    """The same input with references to planned outputs read from locals."""
    if isinstance(value, Ref):
        return PlannedRef(value.variable) if value.variable in planned else value
    if isinstance(value, Text):
        return Text(*(_replaced(part, planned) for part in value.parts))
    if isinstance(value, Mapping):
        return {name: _replaced(inner, planned) for name, inner in value.items()}
    return [_replaced(inner, planned) for inner in value] if isinstance(value, (list, tuple)) else value


def _marked(value: Any, unknown: Unknown) -> Any:
    """A planned value as data that `expression` can write."""
    if value is UNKNOWN:
        return unknown
    if isinstance(value, Mapping):
        return {name: _marked(inner, unknown) for name, inner in value.items()}
    return [_marked(inner, unknown) for inner in value] if isinstance(value, (list, tuple)) else value


def _calling(engine: Engine, planned: PlannedValues, unknown: Unknown) -> Engine:
    """A root that calls the user's as a module, its state being a copy of the user's moved below that call."""
    stack = engine.stack
    _refuse_impossible(stack, planned)
    folder = stack.work / _FOLDER
    values = {**stack.values_in_files, **replace(engine, planned=planned.values).values()}
    write_private(folder / "main.tf.json", json.dumps(_caller(stack, folder, values, unknown), indent=2, default=str))
    if (stack.path / LOCK_FILE).exists():
        write_private(folder / LOCK_FILE, (stack.path / LOCK_FILE).read_text())
    variant = TerraformStack(
        folder,
        name=stack.name,
        workspace=stack.workspace,
        terraform_binary=stack.terraform_binary,
        work=folder / ".buildkit",
    )
    text = engine.state_text()
    if text:
        moved = _moved(json.loads(text), interface_of(stack.path).providers)
        assert isinstance(variant.backend, LocalBackend)
        write_private(variant.backend.path, json.dumps(moved))
    return replace(engine, stack=variant, planned={})


def _caller(stack: TerraformStack, folder: Path, values: Mapping[str, Any], unknown: Unknown) -> dict[str, Any]:
    face = interface_of(stack.path)
    given = {name: _marked(value, unknown) for name, value in values.items() if name in face.variables}
    # Terraform takes a relative source for a folder in its place, and any other for a copy.
    source = os.path.relpath(stack.path, folder)
    inputs = {name: expression(PlannedRef(name)) for name in given}
    return {
        **planned_blocks(given),
        "module": {_CALLED: {"source": source, **inputs}},
        "output": {
            name: {"value": f"${{module.{_CALLED}.{name}}}", "sensitive": sensitive}
            for name, sensitive in face.outputs.items()
        },
    }


def _refuse_impossible(stack: TerraformStack, planned: PlannedValues) -> None:
    only = interface_of(stack.path).root_only
    if only:
        raise NotPlannable(
            stack.name, planned.upstream, f"its root holds blocks that only a root may: {', '.join(only)}"
        )
    text = "".join(file.read_text(errors="replace") for file in stack.path.glob("*.tf*") if file.is_file())
    if "path.root" in text:
        raise NotPlannable(stack.name, planned.upstream, "its root uses path.root, which would be another folder")


def _moved(state: Mapping[str, Any], providers: frozenset[str]) -> dict[str, Any]:
    """A state whose resources all lie in the called module."""
    return {**state, "resources": [_moved_block(block, providers) for block in state.get("resources", ())]}


def _moved_block(block: Mapping[str, Any], providers: frozenset[str]) -> dict[str, Any]:
    module = f"{_PREFIX}{block['module']}" if block.get("module") else _PREFIX.removesuffix(".")
    provider = str(block["provider"])
    name = provider.partition('"]')[0].rpartition("/")[2]
    # Only providers that the root itself configures are configured below the call.
    inside = provider.startswith("module.") or name in providers
    return {
        **block,
        "module": module,
        "provider": f"{_PREFIX}{provider}" if inside else provider,
        "instances": [
            {**each, "dependencies": [f"{_PREFIX}{address}" for address in each.get("dependencies", ())]}
            for each in block["instances"]
        ],
    }


def _is_ours(address: str) -> bool:
    return address == f"terraform_data.{UNKNOWN_RESOURCE}"
