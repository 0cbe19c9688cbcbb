"""The checks `tags`: wanted, planned and live tags are the same; one op per stack, one check per unit.

Looking is `terraform/tag_truth.py`. What drift of a unit means (`stacks.<stack>.drift`) holds for its tags too: that
they differ stops jobs where drift does. The job over all of them is in `jobs.py`, its clock in `schedules.py`.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    TableRecord,
    multi_asset_check,
)

from buildkit_dagster.defs.checks import TAGS
from buildkit_dagster.defs.evaluations import Evaluated, evaluated
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR
from buildkit_dagster.naming import identifier, key_text
from buildkit_dagster.rules.tag_truth import TagDifference
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.redaction import SEEN
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.tag_truth import look_at_tags

#: Most rows a result shows.
_SHOWN = 100


def tag_checks_of(stack: TerraformStack, engine: Callable[[], Engine]) -> AssetChecksDefinition | None:
    """The checks of a rendered stack, whose `engine` is made when the op runs; None where drift is off."""
    units = {DEFAULT_TRANSLATOR.key_of(stack, unit): unit for unit in stack.root.names if _mode(stack, unit) != "off"}
    if not units:
        return None

    @multi_asset_check(
        name=identifier(TAGS, stack.name),
        specs=[
            AssetCheckSpec(TAGS, asset=key, blocking=_mode(stack, unit) == "block", description=_DESCRIPTION)
            for key, unit in units.items()
        ],
        can_subset=True,
        pool=identifier("terraform", stack.name),
    )
    def check_tags(context: AssetCheckExecutionContext) -> Iterator[Evaluated]:
        applied = context.job_def.asset_layer.selected_asset_keys
        selected = {key.asset_key for key in context.op_execution_context.selected_asset_check_keys} - set(applied)
        if not selected:
            context.log.info("This run applies these units; their tags are looked at by the job `tags`.")
            return
        with told_plainly():
            truth = look_at_tags(replace(engine(), run=context.run.run_id, tell=context.log.info))
        yield from evaluated(
            context, (_result(stack, key, units[key], truth.of(units[key])) for key in sorted(selected))
        )

    return check_tags


def _mode(stack: TerraformStack, unit: str) -> str:
    return stack.drift_mode(unit)


def _result(stack: TerraformStack, key: AssetKey, unit: str, differences: Sequence[TagDifference]) -> AssetCheckResult:
    blocking = _mode(stack, unit) == "block"
    return AssetCheckResult(
        passed=not differences,
        asset_key=key,
        check_name=TAGS,
        severity=AssetCheckSeverity.ERROR if blocking else AssetCheckSeverity.WARN,
        description=SEEN.scrub(_text(differences, key_text(key.path))) if differences else None,
        metadata={"tags": MetadataValue.table(_rows(differences))} if differences else {},
    )


def _text(differences: Sequence[TagDifference], asset: str) -> str:
    shown = "; ".join(map(str, differences[:5])) + ("; …" if len(differences) > 5 else "")
    return f"Tags differ: {shown}. Materialize {asset} to set what the configuration says."


def _rows(differences: Sequence[TagDifference]) -> list[TableRecord]:
    rows = [
        {
            "resource": each.address,
            "tag": each.key,
            "wanted": each.wanted or "",
            "planned": each.planned or "",
            "live": each.live or "",
        }
        for each in differences
    ]
    rest = [dict.fromkeys(rows[0], f"and {len(rows) - _SHOWN} more")] if len(rows) > _SHOWN else []
    return [TableRecord({name: SEEN.scrub(text) for name, text in row.items()}) for row in (*rows[:_SHOWN], *rest)]


_DESCRIPTION = "Tags are the same in the configuration, in the plan and on what is there."
