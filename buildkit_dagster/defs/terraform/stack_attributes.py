"""What `stack` in a component's `defs.yaml` may say, and the `TerraformStack` that it makes.

Values reach Terraform as they were written. What else a component has is in `component.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg

from buildkit_dagster.terraform.providers import TERRAFORM
from buildkit_dagster.terraform.rendered_root import Ref, refs_in
from buildkit_dagster.terraform.stack import TerraformStack

if TYPE_CHECKING:
    from buildkit_dagster.defs.terraform.component import TerraformStackComponent


@dataclass(frozen=True)
class ComponentRef(Ref):
    """An output of a unit of another component's stack."""

    component: "TerraformStackComponent" = field(compare=False, repr=False)


def component_refs(value: Any) -> list[ComponentRef]:
    """Outputs of other components anywhere in a value."""
    return [ref for ref in refs_in(value) if isinstance(ref, ComponentRef)]


def given_values(context: dg.ResolutionContext, value: Any) -> Any:
    """Values for Terraform: templates are resolved, other text stays text (Dagster would make 1.1 of "1.10")."""
    if isinstance(value, Mapping):
        return {name: given_values(context.at_path(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [given_values(context.at_path(index), inner) for index, inner in enumerate(value)]
    is_template = isinstance(value, str) and ("{{" in value or "{%" in value)
    return context.resolve_value(value) if is_template else value


def verbatim(kind: Any, description: str, examples: list[Any]) -> dg.Resolver:
    """A field whose text reaches Terraform as it was written, templates resolved."""
    return dg.Resolver(
        given_values, model_field_type=kind, description=description, examples=examples, inject_before_resolve=False
    )


@dataclass
class TerraformStackArgs(dg.Resolvable):
    """Aligns with `TerraformStack.__init__`."""

    path: Annotated[
        str,
        dg.Resolver.default(
            description="The folder of the Terraform root; relative to the defs.yaml that names it.",
            examples=["{{ context.project_root }}/terraform/network"],
        ),
    ]
    name: Annotated[
        str | None,
        dg.Resolver.default(description="The stack's name, a part of its asset keys. Defaults to the folder's."),
    ] = None
    variables: Annotated[
        dict[str, Any],
        verbatim(
            dict[str, Any],
            "Values of the root's variables. An output of another component's stack is an input and an edge.",
            [{"cidr": "10.0.0.0/16", "subnets": "{{ context.load_component('network').output('vpc', 'subnet_ids') }}"}],
        ),
    ] = field(default_factory=dict)
    var_files: Annotated[
        list[str],
        verbatim(list[str], "Files of variables, relative to the root; the later win.", [["common.tfvars"]]),
    ] = field(default_factory=list)
    workspace: Annotated[
        str | None, verbatim(str | None, "The Terraform workspace; made when it is not there.", ["stage"])
    ] = None
    backend_config: Annotated[
        str | dict[str, Any] | None,
        verbatim(
            str | dict[str, Any] | None,
            "What completes a partial backend block: settings, or a file of them, relative to the root.",
            ["prod.s3.tfbackend", {"bucket": "our-states", "key": "network.tfstate", "region": "eu-west-1"}],
        ),
    ] = None
    terraform_binary: Annotated[str, verbatim(str, "The program: a name on PATH or a path.", ["terraform", "tofu"])] = (
        TERRAFORM
    )


def resolve_stack(context: dg.ResolutionContext, model: Any) -> TerraformStack:
    """The stack that `stack` describes: by its folder alone, or by a mapping."""
    if isinstance(model, str):
        args = TerraformStackArgs(path=str(context.resolve_value(model)))
    else:
        args = TerraformStackArgs.resolve_from_model(context, model)
    given = {item.name: getattr(args, item.name) for item in fields(args)}
    upstream = {ref.stack: ref.component.stack for ref in component_refs(args.variables)}
    return TerraformStack(
        **{**given, "path": context.resolve_source_relative_path(args.path)}, upstream=tuple(upstream.values())
    )
