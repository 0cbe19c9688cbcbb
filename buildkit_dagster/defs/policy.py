"""The checks `policy`: what the gates say of a stack, looked at without applying anything.

Run by itself, a check makes a plan, judges it and throws it away. Runs that apply report into the same checks, through
`verdicts.py`. Judging is `rules/gate.py`; a refused plan ends its run with an error, so these checks stop nothing.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Callable, Iterator, Mapping, Sequence

from dagster import (
    AssetCheckExecutionContext,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    multi_asset_check,
)

from buildkit_dagster.defs.checks import POLICY
from buildkit_dagster.defs.evaluations import Evaluated, evaluated
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR, DagsterTerraformTranslator
from buildkit_dagster.defs.verdicts import by_unit, result_of
from buildkit_dagster.naming import identifier
from buildkit_dagster.rules.verdicts import Verdict
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.stack import TerraformStack

#: Makes the gatekeeper of a stack; it gets the run's id and where lines go.
GatekeeperOf = Callable[[TerraformStack, str, Callable[[str], None]], Gatekeeper]


def terraform_policy_checks(
    *, stack: TerraformStack, dagster_terraform_translator: DagsterTerraformTranslator | None = None
) -> AssetChecksDefinition:
    """Define the checks `policy` of the units of a Terraform root; the op needs the resource `terraform`.

    Args:
        stack: the root whose assets `@terraform_assets` defines.
        dagster_terraform_translator: the one its assets were made with.
    """
    units = _units(stack, dagster_terraform_translator)

    @_definition(stack, units)
    def check_policy(context: AssetCheckExecutionContext, terraform: TerraformCliResource) -> Iterator[Evaluated]:
        yield from _looked_at(context, stack, units, terraform.gatekeeper_of)

    return check_policy


def policy_checks_of(
    stack: TerraformStack, gatekeeper_of: GatekeeperOf, translator: DagsterTerraformTranslator | None = None
) -> AssetChecksDefinition:
    """The same for a stack whose gates are made when the op runs, without a resource."""
    units = _units(stack, translator)

    @_definition(stack, units)
    def check_policy(context: AssetCheckExecutionContext) -> Iterator[Evaluated]:
        yield from _looked_at(context, stack, units, gatekeeper_of)

    return check_policy


def _looked_at(
    context: AssetCheckExecutionContext,
    stack: TerraformStack,
    units: Mapping[str, AssetKey],
    gatekeeper_of: GatekeeperOf,
) -> Iterator[Evaluated]:
    applied = context.job_def.asset_layer.selected_asset_keys
    selected = {key.asset_key for key in context.op_execution_context.selected_asset_check_keys} - set(applied)
    if not selected:
        context.log.info("This run applies these units, and reports what the gates say itself.")
        return
    with told_plainly():
        gatekeeper = gatekeeper_of(stack, context.run.run_id, context.log.info)
        verdicts = gatekeeper.engine.alone(lambda: _judged(gatekeeper))
    told = ((units[unit], found) for unit, found in by_unit(verdicts, stack, units).items())
    results = (result_of(key, found, gatekeeper.engine.secrets.scrub) for key, found in told if key in selected)
    yield from evaluated(context, results)


def _judged(gatekeeper: Gatekeeper) -> Sequence[Verdict]:
    engine = gatekeeper.engine
    settle_locks(engine)
    engine.write()
    engine.init()
    return gatekeeper.judge(engine.plan())


def _units(stack: TerraformStack, translator: DagsterTerraformTranslator | None) -> dict[str, AssetKey]:
    chosen = translator or DEFAULT_TRANSLATOR
    return {unit: chosen.key_of(stack, unit) for unit in stack.root.names}


def _definition(stack: TerraformStack, units: Mapping[str, AssetKey]) -> Callable[..., AssetChecksDefinition]:
    return multi_asset_check(
        name=identifier(POLICY, stack.name),
        specs=[AssetCheckSpec(POLICY, asset=key, description=_DESCRIPTION) for key in units.values()],
        can_subset=True,
        pool=identifier("terraform", stack.name),
    )


_DESCRIPTION = "What the gates say of the unit's latest plan: policies, tags, protected deletions."
