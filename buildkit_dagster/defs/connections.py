"""The check `connection` of each connection to a provider of sources: whether somebody has approved it.

A pending connection is a warning, with the page where it is approved; builds that need it refuse to start
(`runtimes/checkout.py`). One that the provider has taken back is an error.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
from collections.abc import Iterator, Sequence

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    multi_asset_check,
)

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.checks import CONNECTION
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.infra import engine_of
from buildkit_dagster.naming import infra_key
from buildkit_dagster.runtimes.checkout import AVAILABLE, PENDING, approval_link, connection_status
from buildkit_dagster.stacks.registry import CONNECTION_MODULE
from buildkit_dagster.stacks.scope import REGISTRY
from buildkit_dagster.terraform.stack import TerraformStack


def connection_checks(
    platform: Platform, process: ProcessEnvironment, stacks: Sequence[TerraformStack]
) -> AssetChecksDefinition:
    """One op for all of them."""
    [stack] = [each for each in stacks if each.name == REGISTRY]
    units = _units(stack)

    @multi_asset_check(
        name="connections",
        specs=[AssetCheckSpec(CONNECTION, asset=key, description=_DESCRIPTION) for key in units],
        can_subset=True,
    )
    def check_connections(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        with told_plainly():
            outputs = engine_of(platform, stack, process).state().outputs
            client = aws_for(platform, process).client("codeconnections")
            for key in sorted({each.asset_key for each in context.op_execution_context.selected_asset_check_keys}):
                made = outputs.get(units[key])
                arn = made["arn"] if made else None
                yield _result(key, arn, connection_status(client, arn) if arn else None)

    return check_connections


def _units(stack: TerraformStack) -> dict[AssetKey, str]:
    calls = stack.source.calls if stack.source else ()
    return {AssetKey(infra_key(REGISTRY, call.name)): call.name for call in calls if call.module == CONNECTION_MODULE}


def _result(key: AssetKey, arn: str | None, status: str | None) -> AssetCheckResult:
    if arn is None or status is None:
        return _said(key, "There is no connection; materialize it.", {})
    metadata: dict[str, str | MetadataValue] = {
        "connection_status": status,
        "console": MetadataValue.url(approval_link(arn)),
    }
    if status == PENDING:
        return _said(key, f"Nobody has approved the connection yet; do it at {approval_link(arn)}", metadata)
    if status != AVAILABLE:
        described = f"The provider refuses the connection ({status}); make it anew at {approval_link(arn)}"
        return _said(key, described, metadata, AssetCheckSeverity.ERROR)
    return AssetCheckResult(asset_key=key, check_name=CONNECTION, passed=True, metadata=metadata)


def _said(
    key: AssetKey,
    description: str,
    metadata: dict[str, str | MetadataValue],
    severity: AssetCheckSeverity = AssetCheckSeverity.WARN,
) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=key,
        check_name=CONNECTION,
        passed=False,
        severity=severity,
        description=description,
        metadata=metadata,
    )


_DESCRIPTION = "Somebody has approved the connection, and the provider has not taken it back."
