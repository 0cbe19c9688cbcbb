"""`@terraform_assets`: a Terraform root as software-defined assets, one op for the whole stack.

What an asset looks like is decided by the translator, how it is materialized by `TerraformCliResource`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from dagster import AssetsDefinition, AssetSpec, BackfillPolicy, Field, Noneable, RetryPolicy, multi_asset

from buildkit_dagster.defs.terraform.translator import DEFAULT_TRANSLATOR, DagsterTerraformTranslator
from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.naming import identifier
from buildkit_dagster.terraform.stack import TerraformStack

#: Metadata of each asset by which `TerraformCliResource.cli` finds its way back.
STACK_METADATA, UNIT_METADATA = "buildkit/terraform_stack", "buildkit/terraform_unit"

#: Run configuration of every op: the digest of a stored plan that is to be applied instead of a new one.
PLAN_FIELD = Field(
    Noneable(str), is_required=False, default_value=None, description="Digest of a stored plan; apply exactly that one."
)


def terraform_assets(
    *,
    stack: TerraformStack,
    dagster_terraform_translator: DagsterTerraformTranslator | None = None,
    name: str | None = None,
    pool: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
    required_resource_keys: set[str] | None = None,
    retry_policy: RetryPolicy | None = None,
    description: str | None = None,
    backfill_policy: BackfillPolicy | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Define the units of a Terraform root as assets.

    Args:
        stack: the root; it is read here, nothing is run.
        dagster_terraform_translator: decides key, deps, group, owners, tags and kinds of each asset.
        name: the op's name, `terraform_<stack>` by default.
        pool: the concurrency pool, `terraform_<stack>` by default; one run at a time should work on a state.
        op_tags, required_resource_keys, description, backfill_policy: as for `dagster.multi_asset`.
        retry_policy: as for `dagster.multi_asset`, in place of the retries of `TerraformCliResource`. Dagster follows a
            policy after any exception, also when the run is cancelled; the resource's retries do not.

    Example:
        .. code-block:: python

            network = TerraformStack("terraform/roots/network")

            @terraform_assets(stack=network)
            def network_assets(context: AssetExecutionContext, terraform: TerraformCliResource):
                yield from terraform.cli(["apply"], context=context).stream()
    """
    translator = dagster_terraform_translator or DEFAULT_TRANSLATOR
    _refuse_clashes(stack)
    specs = [_spec(translator, stack, unit) for unit in stack.root.names]

    def decorate(function: Callable[..., Any]) -> AssetsDefinition:
        return multi_asset(
            name=name or op_name(stack.name),
            specs=specs,
            can_subset=True,
            pool=pool or identifier("terraform", stack.name),
            op_tags=op_tags,
            required_resource_keys=required_resource_keys,
            retry_policy=retry_policy,
            description=description,
            backfill_policy=backfill_policy,
            # A function with a Config of its own takes the place of ours; it may have a field `plan` itself.
            config_schema=None if "config" in signature(function).parameters else {"plan": PLAN_FIELD},
        )(function)

    return decorate


def op_name(stack: str) -> str:
    """The name of a stack's op, unless it was given another."""
    return identifier("terraform", stack)


def _refuse_clashes(stack: TerraformStack) -> None:
    """Dagster names an op's outputs with letters, digits and _ only, so it cannot tell `a-b` from `a_b`."""
    seen: dict[str, str] = {}
    for unit in stack.root.names:
        other = seen.setdefault(identifier(unit), unit)
        if other != unit:
            raise InvalidRoot(
                stack.path, f"Dagster cannot tell modules {other!r} and {unit!r} apart; rename one of them"
            )


def _spec(translator: DagsterTerraformTranslator, stack: TerraformStack, unit: str) -> AssetSpec:
    spec = translator.spec_of(stack, unit)
    return spec.merge_attributes(metadata={STACK_METADATA: stack, UNIT_METADATA: unit})
