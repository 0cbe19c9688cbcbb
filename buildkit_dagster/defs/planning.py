"""Plans of several stacks, one after the other in the order they depend on each other: for `buildkit plan` and the job.

How one stack is planned is `terraform/planning.py`, how plans read `terraform/plan_text.py`. Nothing here applies.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from dagster import (
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    In,
    JobDefinition,
    MetadataValue,
    OpDefinition,
    OpExecutionContext,
    Out,
    in_process_executor,
    job,
    op,
)

from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.landscape import blast_metadata, landscape_in
from buildkit_dagster.defs.policy import GatekeeperOf
from buildkit_dagster.defs.terraform.assets import STACK_METADATA, UNIT_METADATA
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.naming import identifier, key_text
from buildkit_dagster.rules.blast_radius import BlastRadius, Landscape, blast_radius
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plan_text import Shown, stack_markdown
from buildkit_dagster.terraform.planning import StackPlan, plan_stack, stored_outputs
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.rendered_root import Ref
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.upstream import PlannedOutputs

#: Asset keys of units: stack and unit → key.
UnitKeys = Mapping[tuple[str, str], AssetKey]
_NOTHING_STORED = ""


def stacks_in(assets: Iterable[object]) -> tuple[tuple[TerraformStack, ...], UnitKeys]:
    """The stacks among assets in the order they depend on each other, and the keys of their units."""
    stacks: dict[str, TerraformStack] = {}
    keys: dict[tuple[str, str], AssetKey] = {}
    definitions = [asset for asset in assets if isinstance(asset, AssetsDefinition)]
    for key, metadata in ((key, found) for asset in definitions for key, found in asset.metadata_by_key.items()):
        if STACK_METADATA in metadata:
            stack = metadata[STACK_METADATA]
            stacks[stack.name] = stack
            keys[stack.name, metadata[UNIT_METADATA]] = key
    return ordered(list(stacks.values())), keys


def ordered(stacks: Sequence[TerraformStack]) -> tuple[TerraformStack, ...]:
    """Stacks in the order they depend on each other."""
    named = {stack.name: stack for stack in stacks}
    needs = {name: [up for up in _upstream_names(stack) if up in named] for name, stack in named.items()}
    return tuple(named[name] for name in TopologicalSorter(needs).static_order())


def plan_stacks(
    stacks: Sequence[TerraformStack],
    units: Mapping[TerraformStack, Sequence[str]],
    gatekeeper: Callable[[TerraformStack], Gatekeeper],
    keys: UnitKeys,
    landscape: Landscape,
) -> Iterator[Shown]:
    """Plan the named units of each stack; one that fails is told, and those that take outputs of it are left out."""
    planned: dict[str, Mapping[str, Any] | None] = {}
    failed: set[str] = set()
    for stack in ordered(stacks):
        if stack not in units:
            continue
        behind = sorted(failed & set(_upstream_names(stack)))
        if behind:
            failed.add(stack.name)
            yield Shown(stack.name, error=f"not planned, because the plan of {', '.join(behind)} failed")
            continue
        try:
            found = _plan(stack, units[stack], gatekeeper(stack), planned)
        except BuildkitError as error:
            failed.add(stack.name)
            yield Shown(stack.name, error=str(error))
            continue
        planned[stack.name] = found.outputs
        yield Shown(stack.name, found, _blast(found, keys, landscape))


def find_plan(stacks: Sequence[TerraformStack], s3: Any, digest: str) -> PlanRecord | None:
    """The stored plan with this digest, or with the only one that begins so, of whatever stack."""
    found = (Plans(stack, s3).find(digest) for stack in stacks)
    return next((record for record in found if record is not None), None)


def plan_job(assets: Iterable[object], gatekeeper_of: GatekeeperOf, name: str = "plan") -> JobDefinition:
    """A job that plans every stack among the assets, one op for each, and applies nothing."""
    stacks, keys = stacks_in(assets)
    ops = {stack.name: _plan_op(stack, stacks, keys, gatekeeper_of) for stack in stacks}

    @job(name=name, executor_def=in_process_executor, description="Plan every stack; nothing is applied.")
    def plan() -> None:
        made: dict[str, Any] = {}
        for stack in stacks:
            inputs = {identifier(up): made[up] for up in _upstream_names(stack) if up in made}
            made[stack.name] = ops[stack.name](**inputs)

    return plan


def terraform_plan_job(
    assets: Iterable[object], terraform: TerraformCliResource | None = None, name: str = "plan"
) -> JobDefinition:
    """A job that plans the stacks of `@terraform_assets` definitions and stores the plans; nothing is applied.

    Args:
        assets: definitions; those of other kinds are left alone.
        terraform: the resource the assets are run with, for its account and gates.
        name: the job's.
    """
    return plan_job(assets, (terraform or TerraformCliResource()).gatekeeper_of, name)


def _plan_op(
    stack: TerraformStack, stacks: Sequence[TerraformStack], keys: UnitKeys, gatekeeper_of: GatekeeperOf
) -> OpDefinition:
    named = {each.name: each for each in stacks}
    upstream = {identifier(up): named[up] for up in _upstream_names(stack) if up in named}

    @op(
        name=identifier("plan", stack.name),
        ins={name: In(str) for name in upstream},
        out=Out(str, description="Digest of the stored plan; empty where nothing is to be changed."),
    )
    def plan_one(context: OpExecutionContext, **digests: str) -> str:
        with told_plainly():
            gatekeeper = gatekeeper_of(stack, context.run_id, context.log.info)
            planned = {upstream[name].name: _outputs_of(upstream[name], gatekeeper, digests[name]) for name in upstream}
            found = _plan(stack, stack.root.names, gatekeeper, planned)
            landscape = landscape_in(context)
            shown = Shown(stack.name, found, _blast(found, keys, landscape))
            secrets = gatekeeper.engine.secrets
            context.log.info(secrets.scrub(stack_markdown(shown)))
            for observation in _observations(found, keys, landscape):
                context.log_event(observation)
        return found.record.digest if found.record else _NOTHING_STORED

    return plan_one


def _plan(
    stack: TerraformStack,
    units: Sequence[str],
    gatekeeper: Gatekeeper,
    planned: Mapping[str, Mapping[str, Any] | None],
) -> StackPlan:
    """Plan one stack; an upstream stack that is not among `planned` counts with its newest stored plan."""
    others = stored_outputs(stack, gatekeeper.engine, [up for up in _upstream_names(stack) if up not in planned])
    fresh: PlannedOutputs = {name: outputs for name, outputs in planned.items() if outputs is not None}
    return plan_stack(gatekeeper, units, {**others, **fresh})


def _outputs_of(stack: TerraformStack, gatekeeper: Gatekeeper, digest: str) -> Mapping[str, Any] | None:
    return Plans(stack, gatekeeper.engine.s3).load(digest).outputs if digest else None


def _observations(found: StackPlan, keys: UnitKeys, landscape: Landscape) -> Iterator[AssetObservation]:
    """What the plan says about each unit it changes."""
    for unit in found.plan.changed_units:
        key = keys.get((found.stack.name, unit))
        if key is None or found.record is None:
            continue
        metadata = {
            "plan_digest": MetadataValue.text(found.record.digest),
            "plan": MetadataValue.md(found.plan.summary([unit])),
            "speculative": MetadataValue.bool(bool(found.record.speculative)),
            **blast_metadata(_blast(found, keys, landscape, unit)),
        }
        yield AssetObservation(asset_key=key, metadata=metadata)


def _blast(found: StackPlan, keys: UnitKeys, landscape: Landscape, only: str | None = None) -> BlastRadius:
    lost = {change.unit for change in found.plan.changes if change.removes and only in (None, change.unit)}
    name = found.stack.name
    texts = (key_text(keys[name, unit].path) if (name, unit) in keys else f"infra/{name}/{unit}" for unit in lost)
    return blast_radius(texts, landscape)


def _upstream_names(stack: TerraformStack) -> list[str]:
    """The stacks it takes outputs from."""
    return list(dict.fromkeys(value.stack for value in stack.variables.values() if isinstance(value, Ref)))
