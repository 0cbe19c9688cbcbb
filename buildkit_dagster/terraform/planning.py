"""Planning a stack without applying it: after its upstream stacks, with what they plan, and stored under a digest.

Which stacks, and who is told, is decided in `defs/planning.py`. A run that applies does not come here: its order is in
`defs/terraform/invocation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from buildkit_dagster.errors import PlanFailed
from buildkit_dagster.rules.verdicts import Verdict
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.inputs import state_part
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.plan_record import PlanRecord, coded
from buildkit_dagster.terraform.planning_root import planning_root
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.recovery import save_lost, settle_locks
from buildkit_dagster.terraform.rendered_root import S3Backend, Unknown
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.upstream import PlannedOutputs, PlannedValues, planned_values


@dataclass(frozen=True)
class StackPlan:
    """A stack's plan; `record` is None where nothing is to be changed, which is not stored."""

    stack: TerraformStack
    units: tuple[str, ...]
    plan: Plan
    verdicts: tuple[Verdict, ...] = ()
    record: PlanRecord | None = None
    values: PlannedValues = field(default_factory=PlannedValues)

    @property
    def outputs(self) -> Mapping[str, Any] | None:
        """The root outputs after the apply; None where those in the state stay."""
        return None if self.plan.is_empty else self.plan.outputs


def plan_stack(gatekeeper: Gatekeeper, units: Sequence[str], planned: PlannedOutputs) -> StackPlan:
    """Plan these units of the stack and store what comes of it; `planned` are outputs of upstream stacks' plans."""
    return gatekeeper.engine.alone(lambda: _plan(gatekeeper, units, planned))


def stored_outputs(stack: TerraformStack, engine: Engine, names: Sequence[str]) -> PlannedOutputs:
    """What the newest stored plans of these upstream stacks say about their outputs.

    A plan counts that can still become real: neither applied nor expired, and of the state that is there.
    """
    found = ((name, _newest(stack.upstream_named(name), engine)) for name in names)
    return {name: record.outputs for name, record in found if record is not None}


def _plan(gatekeeper: Gatekeeper, units: Sequence[str], planned: PlannedOutputs) -> StackPlan:
    engine = gatekeeper.engine
    with ExitStack() as until_stored:
        values = planned_values(engine.stack, planned, engine.state_of)
        backend = engine.stack.backend
        homeless = backend.bucket if isinstance(backend, S3Backend) and not gatekeeper.plans.has_bucket else ""
        if values.unknown or homeless:
            plan, made_by = _in_planning_root(engine, units, values, bool(homeless), until_stored)
        else:
            made_by = replace(engine, planned=values.values)
            plan = _in_place(made_by, units)
        if plan.is_empty:
            gatekeeper.plans.remove_expired(datetime.now(UTC))
            return StackPlan(engine.stack, tuple(units), plan, values=values)
        verdicts = gatekeeper.judge(plan)
        known = {name: coded(value) for name, value in made_by.values().items()}
        # In a root for planning only, something the stack counts on is not there, be it the bucket of its state.
        counts_on = (*values.upstream, *([f"bucket {homeless}"] if homeless else []))
        record = gatekeeper.store(plan, verdicts, known, units, speculative=counts_on, made_by=made_by)
        return StackPlan(engine.stack, tuple(units), plan, verdicts, record, values)


def _newest(stack: TerraformStack, engine: Engine) -> PlanRecord | None:
    now = datetime.now(UTC)
    record = next(Plans(stack, engine.s3).open(now), None)
    is_current = record is not None and record.parts["state"] == state_part(engine.state_of(stack))
    return record if is_current else None


def _in_place(engine: Engine, units: Sequence[str]) -> Plan:
    journals = settle_locks(engine)
    engine.write()
    engine.init()
    save_lost(engine, journals)
    return engine.plan(None if tuple(units) == engine.stack.root.names else units)


def _in_planning_root(
    engine: Engine, units: Sequence[str], values: PlannedValues, homeless: bool, until_stored: ExitStack
) -> tuple[Plan, Engine]:
    """Most unknown outputs are texts; where one is not, Terraform says so, and the plan is made with less known."""
    try:
        return _with_unknown(engine, units, values, homeless, Unknown(text=True), until_stored)
    except PlanFailed as error:
        if error.retryable or not values.unknown:
            raise
        return _with_unknown(engine, units, values, homeless, Unknown(text=False), until_stored)


def _with_unknown(
    engine: Engine,
    units: Sequence[str],
    values: PlannedValues,
    homeless: bool,
    unknown: Unknown,
    until_stored: ExitStack,
) -> tuple[Plan, Engine]:
    full = tuple(units) == engine.stack.root.names
    with planning_root(engine, values, unknown, without_backend=homeless) as (other, seen):
        until_stored.enter_context(other.workdir.plan_removed())
        other.write()
        other.init()
        other.tell = _nobody  # Terraform's own summary counts a resource of ours
        return seen.plan(other.plan(None, [] if full else seen.targets(tuple(units)))), other


def _nobody(_: str) -> None:
    """Nothing is told."""
