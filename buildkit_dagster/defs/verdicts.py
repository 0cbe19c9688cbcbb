"""What the gates said of a plan, as results of the checks `policy`.

A run reports sparingly, since each result is a write: units with verdicts, and those whose last result was not good.
The checks themselves are in `policy.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    MetadataValue,
    TableRecord,
)

from buildkit_dagster.defs.checks import POLICY, last_results
from buildkit_dagster.rules.verdicts import Severity, Verdict
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.stack import TerraformStack

#: Takes secrets out of a text: a policy of the user's own may put anything into its message.
Scrub = Callable[[str], str]


def report_policy(
    instance: DagsterInstance,
    stack: TerraformStack,
    units: Mapping[str, AssetKey],
    plan: Plan,
    verdicts: Sequence[Verdict],
    *,
    admitted: bool,
    run: str,
    scrub: Scrub,
) -> None:
    """Report what the gates said of a run's plan; `admitted` says whether it may be applied.

    `units` are the run's. An approved verdict is no problem any more. A plan without changes says nothing about what it
    left as it is, so there warnings stay.
    """
    of_unit = by_unit(verdicts, stack, units)
    last = last_results(instance, [AssetCheckKey(key, POLICY) for key in units.values()])
    for unit, key in units.items():
        before = last.get(AssetCheckKey(key, POLICY))
        found = of_unit[unit]
        stale = before is not None and not before.passed
        warned = before is not None and before.severity is AssetCheckSeverity.WARN
        if found or (stale and not (plan.is_empty and warned)):
            result = result_of(key, found, scrub, admitted=admitted)
            instance.report_runless_asset_event(
                AssetCheckEvaluation(
                    asset_key=key,
                    check_name=POLICY,
                    passed=result.passed,
                    severity=result.severity,
                    description=result.description,
                    metadata={**result.metadata, "run": MetadataValue.dagster_run(run)},
                )
            )


def by_unit(verdicts: Sequence[Verdict], stack: TerraformStack, units: Iterable[str]) -> dict[str, list[Verdict]]:
    """The verdicts on each of `units`, in the stack's order. Those on no unit of the configuration (an orphan, the
    stack as a whole) are the first one's: no other check would tell them."""
    names, asked = stack.root.names, set(units)
    found: dict[str, list[Verdict]] = {unit: [] for unit in names if unit in asked}
    first = next(iter(found), None)
    for verdict in verdicts:
        unit = verdict.unit if verdict.unit in names else first
        if unit in found:
            found[unit].append(verdict)
    return found


def result_of(key: AssetKey, verdicts: Sequence[Verdict], scrub: Scrub, *, admitted: bool = False) -> AssetCheckResult:
    """The result for one unit; warnings alone are no error, and what was approved is no problem any more."""
    still_open = [each for each in verdicts if not (admitted and each.severity is Severity.APPROVE)]
    only_warned = all(each.severity is Severity.WARN for each in still_open)
    return AssetCheckResult(
        passed=not still_open,
        asset_key=key,
        check_name=POLICY,
        severity=AssetCheckSeverity.WARN if still_open and only_warned else AssetCheckSeverity.ERROR,
        description="; ".join(scrub(str(each)) for each in verdicts) or None,
        metadata={"verdicts": MetadataValue.table(_rows(verdicts, scrub))} if verdicts else {},
    )


def _rows(verdicts: Iterable[Verdict], scrub: Scrub) -> list[TableRecord]:
    return [
        TableRecord(
            {
                "severity": each.severity.value,
                "rule": each.rule,
                "address": each.address,
                "message": scrub(each.message),
            }
        )
        for each in verdicts
    ]
