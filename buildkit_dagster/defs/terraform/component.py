"""`TerraformStackComponent`: a Terraform root as assets from one `defs.yaml`, for projects made with `dg`.

What `@terraform_assets` is in Python, this is in YAML; both make the same assets. What `stack` may say is in
`stack_attributes.py`, what `dg scaffold defs` writes in `scaffolder.py`; what an asset looks like is decided by
`translator.py` and here by `translation`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

import dagster as dg
from dagster.components.resolved.core_models import OpSpec
from dagster.components.utils.translation import (
    ComponentTranslator,
    TranslationFn,
    TranslationFnResolver,
    create_component_translator_cls,
)

from buildkit_dagster.config.gates import Gates
from buildkit_dagster.defs.drift import drift_checks_of
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.policy import policy_checks_of
from buildkit_dagster.defs.terraform.assets import terraform_assets
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.defs.terraform.scaffolder import TerraformStackScaffolder
from buildkit_dagster.defs.terraform.stack_attributes import (
    ComponentRef,
    TerraformStackArgs,
    component_refs,
    given_values,
    resolve_stack,
    verbatim,
)
from buildkit_dagster.defs.terraform.translator import DagsterTerraformTranslator
from buildkit_dagster.terraform.stack import TerraformStack


def _resolve_gates(context: dg.ResolutionContext, value: Any) -> Gates | None:
    return None if value is None else Gates.model_validate_json(json.dumps(given_values(context, value)))


def _shape(model: type[Gates]) -> dict[str, Any]:
    """For editors and `dg check yaml`: the keys a mapping may have. The model itself takes no list of YAML for a tuple,
    and its own schema refers to definitions that a field of another one cannot have."""
    return {"properties": {key: {} for key in model.model_fields}, "additionalProperties": False}


@dg.scaffold_with(TerraformStackScaffolder)
@dataclass
class TerraformStackComponent(dg.Component, dg.Resolvable):
    """Expose a Terraform root to Dagster as a set of assets: one for each module the root calls, one for the resources
    outside modules. Edges between them are read from the root's own references.

    Scaffold a TerraformStackComponent definition by running
    `dg scaffold defs buildkit_dagster.TerraformStackComponent network --path path/to/your/terraform/root`
    in the Dagster project directory.

    Example:
        .. code-block:: yaml

            # defs.yaml

            type: buildkit_dagster.TerraformStackComponent
            attributes:
              stack:
                path: "{{ context.project_root }}/terraform/network"
                workspace: stage
                var_files:
                  - stage.tfvars
              translation:
                group_name: network
    """

    stack: Annotated[
        TerraformStack,
        dg.Resolver(
            resolve_stack,
            model_field_type=str | TerraformStackArgs.model(),
            description="The folder of the Terraform root, or a mapping that describes a TerraformStack.",
            examples=[
                "{{ context.project_root }}/terraform/network",
                {
                    "path": "{{ context.project_root }}/terraform/network",
                    "name": "network",
                    "var_files": ["stage.tfvars"],
                },
            ],
            inject_before_resolve=False,
        ),
    ]
    cli_args: Annotated[
        list[str],
        dg.Resolver.default(
            description="The Terraform command and options for its plan. Defaults to `['apply']`.",
            examples=[["apply", "-parallelism=20"], ["plan"]],
        ),
    ] = field(default_factory=lambda: ["apply"])
    op: Annotated[
        OpSpec | None,
        dg.Resolver.default(
            description="Op related arguments to set on the generated @terraform_assets.",
            examples=[{"name": "network", "pool": "network", "tags": {"team": "net"}}],
        ),
    ] = None
    translation: Annotated[
        TranslationFn[Mapping[str, Any]] | None,
        TranslationFnResolver(template_vars_for_translation_fn=lambda data: data),
    ] = None
    gates: Annotated[
        Any,  # `Gates | None`; Dagster takes no pydantic model whose fields are annotated themselves
        dg.Resolver(
            _resolve_gates,
            model_field_type=dict[str, Any] | None,
            description="What a plan must pass before it is applied.",
            examples=[{"protected": "approve", "required_tags": ["owner"], "every_change": True}],
            inject_before_resolve=False,
            json_schema_extra=_shape(Gates),
        ),
    ] = None
    policies: Annotated[
        str | None,
        dg.Resolver(
            lambda context, value: None if value is None else str(context.resolve_source_relative_path(value)),
            model_field_type=str | None,
            description="The folder of your own Rego files; relative to the defs.yaml that names it.",
            examples=["{{ context.project_root }}/policies"],
        ),
    ] = None
    approval_key: Annotated[
        str | None,
        dg.Resolver.default(
            description="The KMS key that approvals are signed with. Where none is named, applying a stored plan by "
            "its digest counts as its approval."
        ),
    ] = None
    drift: Annotated[
        str | dict[str, str] | None,
        verbatim(
            str | dict[str, str] | None,
            "Adds a check `drift` to each unit: `warn`, `block` or `off`, for all or for each by name. Without it "
            "nothing is looked for.",
            ["warn", {"vpc": "block", "logs": "off"}],
        ),
    ] = None
    policy_checks: Annotated[
        bool,
        dg.Resolver.default(
            description="Adds a check `policy` to each unit: what the gates say of it. Runs report into it; "
            "run by itself it makes a plan and applies nothing."
        ),
    ] = False
    lock_timeout: Annotated[
        str,
        dg.Resolver.default(
            description="How long Terraform waits for a state somebody else has locked.", examples=["30s", "5m"]
        ),
    ] = "30s"

    @cached_property
    def translator(self) -> DagsterTerraformTranslator:
        return TerraformStackComponentTranslator(self)

    def get_asset_spec(self, stack: TerraformStack, unit: str) -> dg.AssetSpec:
        """The spec of one unit; override it in a subclass to change what assets look like."""
        return DagsterTerraformTranslator.get_asset_spec(self.translator, stack, unit)

    def asset_key_for_unit(self, unit: str) -> dg.AssetKey:
        """The key of one unit's asset, for `deps` of others:
        `{{ context.load_component('network').asset_key_for_unit('vpc') }}`."""
        return self.translator.key_of(self.stack, unit)

    def output(self, unit: str, output: str) -> ComponentRef:
        """An output of one unit as a variable of another component's stack:
        `{{ context.load_component('network').output('vpc', 'subnet_ids') }}`."""
        return ComponentRef(self.stack.name, unit, output, self)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 - Dagster's signature
        """One op for the whole stack; nothing is run here."""
        op = self.op or OpSpec()

        @terraform_assets(
            stack=self.stack,
            dagster_terraform_translator=self.translator,
            name=op.name,
            pool=op.pool,
            op_tags=op.tags,
            description=op.description,
            backfill_policy=op.backfill_policy,
        )
        def stack_assets(context: dg.AssetExecutionContext) -> Iterator[Any]:
            with told_plainly():
                yield from self.execute(context=context, terraform=self.terraform)

        return dg.Definitions(assets=[stack_assets], asset_checks=[*self._drift_checks(), *self._policy_checks()])

    def _drift_checks(self) -> list[dg.AssetChecksDefinition]:
        if self.drift is None:
            return []
        stack = replace(self.stack, drift=self.drift)  # type: ignore[arg-type]  # it says which modes there are
        checks = drift_checks_of(stack, lambda: self.terraform.engine(stack), self.translator)
        return [checks] if checks else []

    def _policy_checks(self) -> list[dg.AssetChecksDefinition]:
        chosen = self.policy_checks
        return [policy_checks_of(self.stack, self.terraform.gatekeeper_of, self.translator)] if chosen else []

    @cached_property
    def terraform(self) -> TerraformCliResource:
        """Runs Terraform for this component; the account is the one the process environment points at."""
        return TerraformCliResource(
            lock_timeout=self.lock_timeout,
            gates=self.gates,
            policies=self.policies,
            approval_key=self.approval_key,
        )

    def execute(self, context: dg.AssetExecutionContext, terraform: TerraformCliResource) -> Iterator[Any]:
        """What the op does; override it in a subclass to do something before or after."""
        yield from terraform.cli(self.cli_args, context=context).stream()


class TerraformStackComponentTranslator(
    create_component_translator_cls(TerraformStackComponent, DagsterTerraformTranslator),  # type: ignore[misc]
    ComponentTranslator[TerraformStackComponent],
):
    """The component's own `get_asset_spec`, then its `translation`."""

    def __init__(self, component: TerraformStackComponent) -> None:
        self._component = component

    def get_asset_spec(self, stack: TerraformStack, unit: str) -> dg.AssetSpec:
        spec: dg.AssetSpec = super().get_asset_spec(stack, unit)
        translation = self.component.translation
        return translation(spec, {"unit": unit, "stack": stack}) if translation else spec

    def key_of(self, stack: TerraformStack, unit: str) -> dg.AssetKey:
        """What another component's asset is called is for that component to say."""
        for ref in component_refs(self.component.stack.variables):
            if ref.component.stack is stack:
                return ref.component.translator.key_of(stack, unit)
        return super().key_of(stack, unit)
