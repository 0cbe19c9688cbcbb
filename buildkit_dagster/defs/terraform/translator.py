"""What the asset of a unit looks like: one translator decides key, dependencies, group, owners, tags and kinds.

Subclass `DagsterTerraformTranslator` and override `get_asset_spec` to change any of it. How assets are run is in
`resource.py` and `invocation.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

from dagster import AssetDep, AssetKey, AssetSpec, MetadataValue

from buildkit_dagster.naming import identifier, infra_key
from buildkit_dagster.tags.on_assets import dagster_tags
from buildkit_dagster.terraform.outputs import units_behind
from buildkit_dagster.terraform.stack import TerraformStack

#: Services that nearly every unit uses on the side; they name a unit only when it has nothing else.
_ANCILLARY = frozenset({"iam", "cloudwatch", "kms", "security", "vpc"})


class DagsterTerraformTranslator:
    """Derives the asset of a Terraform unit."""

    def get_asset_spec(self, stack: TerraformStack, unit: str) -> AssetSpec:
        """The spec of one unit of a stack.

        The default: key `infra/<stack>/<unit>` (`infra/<stack>` where loops make the whole stack one asset), an edge
        from every unit whose outputs it uses, in this stack or another, and the stack as group.
        """
        call = stack.call(unit)
        return AssetSpec(
            key=self._default_key(stack, unit),
            deps=self._deps(stack, unit),
            group_name=identifier(stack.name),
            code_version=stack.root.unit(unit).code,
            kinds=kinds_of(stack.root.unit(unit).types),
            tags=dagster_tags(call.tags) if call else {},
            owners=list(call.owners) if call else [],
            description=_description(stack, unit),
            metadata=_tag_changes(call.tag_changes if call else ()),
        )

    def spec_of(self, stack: TerraformStack, unit: str) -> AssetSpec:
        """What `get_asset_spec` gives to a unit; asked once for each, since assets, checks and other specs need it."""
        # Not made in `__init__`, which a subclass may have without calling ours.
        known: WeakKeyDictionary[TerraformStack, dict[str, AssetSpec]]
        known = self.__dict__.setdefault("_specs", WeakKeyDictionary())
        specs = known.setdefault(stack, {})
        if unit not in specs:
            specs[unit] = self.get_asset_spec(stack, unit)
        return specs[unit]

    def key_of(self, stack: TerraformStack, unit: str) -> AssetKey:
        """The key `get_asset_spec` gives to a unit."""
        return self.spec_of(stack, unit).key

    def _default_key(self, stack: TerraformStack, unit: str) -> AssetKey:
        return AssetKey(["infra", stack.name] if stack.root.whole else list(infra_key(stack.name, unit)))

    def _deps(self, stack: TerraformStack, unit: str) -> list[AssetDep]:
        call = stack.call(unit)
        keys = [self.key_of(stack, needed) for needed in stack.root.unit(unit).needs]
        for ref in stack.refs(unit):
            upstream = stack.upstream_named(ref.stack)
            keys.extend(self.key_of(upstream, other) for other in units_behind(upstream, ref))
        keys.extend(AssetKey(list(key)) for key in (call.asset_deps if call else ()))
        return [AssetDep(key) for key in dict.fromkeys(keys)]


#: For stacks that were given no translator of their own; one, so that it makes the spec of a unit once.
DEFAULT_TRANSLATOR = DagsterTerraformTranslator()


def kinds_of(types: Iterable[str]) -> set[str]:
    """`terraform` and the AWS service a unit is mostly made of."""
    services = Counter(kind.split("_")[1] for kind in types if kind.startswith("aws_"))
    main = [name for name, _ in services.most_common() if name not in _ANCILLARY] or list(services)
    return {"terraform", *main[:1]}


def _tag_changes(changes: Sequence[str]) -> dict[str, MetadataValue]:
    """How tags are written otherwise than the configuration does, and why."""
    return {"tag_changes": MetadataValue.md("\n".join(f"- {change}" for change in changes))} if changes else {}


def _description(stack: TerraformStack, unit: str) -> str:
    call = stack.call(unit)
    made_by = f"module `{call.module}`" if call else "its own HCL"
    return f"Unit `{unit}` of the Terraform stack `{stack.name}`, from {made_by}."
