"""Drift and orphans as asset checks: one op per stack, one check `drift` per unit, one check `orphans` per stack.

Looking is `terraform/drift.py`. A converge that puts things right says so here too, without looking again. What
a failed check stops is decided in `start.py`; the job over all checks is in `jobs.py`, its clock in `schedules.py`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    TableRecord,
    multi_asset_check,
)

from buildkit_dagster.defs.checks import DRIFT, ORPHANS
from buildkit_dagster.defs.evaluations import Evaluated, evaluated
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR, DagsterTerraformTranslator
from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.naming import identifier, key_text
from buildkit_dagster.rules.drift import Drifted
from buildkit_dagster.terraform.drift import Found, look_for_drift
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.redaction import SEEN
from buildkit_dagster.terraform.stack import TerraformStack

#: The engine of the stack as it is now, made when the op runs.
Prepare = Callable[[TerraformCliResource], Engine]
#: Most rows a result shows.
_SHOWN = 100


def terraform_drift_checks(
    *,
    stack: TerraformStack,
    dagster_terraform_translator: DagsterTerraformTranslator | None = None,
    name: str | None = None,
    pool: str | None = None,
) -> AssetChecksDefinition:
    """Define the checks `drift` of the units of a Terraform root; `TerraformStack(drift=...)` says what they mean.

    Args:
        stack: the root whose assets `@terraform_assets` defines.
        dagster_terraform_translator: the one its assets were made with.
        name: the op's name, `drift_<stack>` by default.
        pool: the pool of the stack's own op, `terraform_<stack>` by default.

    The op needs the resource `terraform`. Raises InvalidRoot where every unit says `off`.
    """
    checks = _Checks(stack, dagster_terraform_translator or DEFAULT_TRANSLATOR)

    @_definition(checks, name, pool)
    def check_drift(context: AssetCheckExecutionContext, terraform: TerraformCliResource) -> Iterator[Evaluated]:
        yield from checks.results(context, lambda: terraform.engine(stack))

    return check_drift


def drift_checks_of(
    stack: TerraformStack, engine: Callable[[], Engine], translator: DagsterTerraformTranslator | None = None
) -> AssetChecksDefinition | None:
    """The same for a stack whose `engine` is made when the op runs, without a resource; None where it is off."""
    checks = _Checks(stack, translator or DEFAULT_TRANSLATOR)
    if not checks.specs:
        return None

    @_definition(checks, None, None)
    def check_drift(context: AssetCheckExecutionContext) -> Iterator[Evaluated]:
        yield from checks.results(context, engine)

    return check_drift


class _Checks:
    """The checks of one stack: what they are, and what they say."""

    def __init__(self, stack: TerraformStack, translator: DagsterTerraformTranslator) -> None:
        modes = {unit: stack.drift_mode(unit) for unit in stack.root.names}
        self.stack = stack
        self.units = {translator.key_of(stack, unit): unit for unit, mode in modes.items() if mode != "off"}
        self.blocking = {unit for unit, mode in modes.items() if mode == "block"}
        self.specs = [self._spec(key, unit) for key, unit in self.units.items()]
        if self.specs and not stack.root.whole:
            first = translator.key_of(stack, stack.root.names[0])
            self.specs.append(AssetCheckSpec(ORPHANS, asset=first, description=_ORPHANS_DESCRIPTION))

    def _spec(self, key: AssetKey, unit: str) -> AssetCheckSpec:
        blocking = unit in self.blocking
        stops = " Jobs that rest on it do not start while it fails." if blocking else ""
        description = f"Everything is as Terraform left it.{stops}"
        return AssetCheckSpec(DRIFT, asset=key, blocking=blocking, description=description)

    def results(self, context: AssetCheckExecutionContext, prepare: Callable[[], Engine]) -> Iterator[Evaluated]:
        """One result per selected check; units that this very run applies are not looked at again."""
        selected = context.op_execution_context.selected_asset_check_keys
        applied = context.job_def.asset_layer.selected_asset_keys
        wanted = [key for key in selected if key.asset_key not in applied]
        if not wanted:
            context.log.info("This run has just applied these units; there is nothing to look for.")
            return
        with told_plainly():
            engine = prepare()
            engine.run, engine.tell = context.run.run_id, context.log.info
            found = look_for_drift(engine)
        yield from evaluated(context, (self._result(key, found) for key in sorted(wanted)))

    def _result(self, key: AssetCheckKey, found: Found) -> AssetCheckResult:
        return self._orphans(key, found) if key.name == ORPHANS else self._drift(key, found)

    def _drift(self, key: AssetCheckKey, found: Found) -> AssetCheckResult:
        unit = self.units[key.asset_key]
        drifted = found.of(unit)
        if not drifted:
            return AssetCheckResult(passed=True, asset_key=key.asset_key, check_name=DRIFT)
        severity = AssetCheckSeverity.ERROR if unit in self.blocking else AssetCheckSeverity.WARN
        return AssetCheckResult(
            passed=False,
            asset_key=key.asset_key,
            check_name=DRIFT,
            severity=severity,
            description=SEEN.scrub(drift_text(drifted, key_text(key.asset_key.path))),
            metadata={"drifted": len(drifted), "resources": _table(_row(each) for each in drifted)},
        )

    def _orphans(self, key: AssetCheckKey, found: Found) -> AssetCheckResult:
        addresses = [address for listed in found.orphans.values() for address in listed]
        return AssetCheckResult(
            passed=not addresses,
            asset_key=key.asset_key,
            check_name=ORPHANS,
            severity=AssetCheckSeverity.WARN,
            description=orphans_text(found.stack, list(found.orphans)) if addresses else None,
            metadata={"orphans": _table({"address": SEEN.scrub(each)} for each in addresses)} if addresses else {},
        )


_ORPHANS_DESCRIPTION = "Every unit in the stack's state is in its configuration."


def drift_text(drifted: Sequence[Drifted], asset: str) -> str:
    """What is wrong, and both ways to put it right."""
    several = f"{len(drifted)} resources are" if len(drifted) > 1 else "One resource is"
    shown = "; ".join(str(each) for each in drifted[:5]) + ("; …" if len(drifted) > 5 else "")
    return (
        f"{several} not as Terraform left it: {shown}. Materialize {asset} to put back what the configuration says, "
        "or write what is there into the configuration."
    )


def orphans_text(stack: str, units: Sequence[str]) -> str:
    """What is left over, and how it goes."""
    return (
        f"No longer in the configuration of stack {stack}: {', '.join(units)}. A run of the whole stack removes what "
        "is left of it, once approved; a run of a part of the stack never does."
    )


def _definition(checks: _Checks, name: str | None, pool: str | None) -> Callable[..., AssetChecksDefinition]:
    stack = checks.stack
    if not checks.specs:
        raise InvalidRoot(stack.path, "says drift='off' for every unit; leave terraform_drift_checks out")
    decorate: Any = multi_asset_check(
        name=name or identifier(DRIFT, stack.name),
        specs=checks.specs,
        can_subset=True,
        pool=pool or identifier("terraform", stack.name),
    )
    return decorate


def _row(drifted: Drifted) -> dict[str, str]:
    return {"address": SEEN.scrub(drifted.address), "differs": SEEN.scrub(drifted.differs)}


def _table(rows: Iterable[Mapping[str, str]]) -> MetadataValue:
    """A check's page draws a table, and hides Markdown behind a click."""
    found = list(rows)
    rest = [dict.fromkeys(found[0], f"and {len(found) - _SHOWN} more")] if len(found) > _SHOWN else []
    return MetadataValue.table([TableRecord(row) for row in (*found[:_SHOWN], *rest)])
