"""What an environment that emulates AWS alone leaves out: units in Google Cloud, and all that rests on them.

Such assets stay in the graph and say why. A job over more than them runs without them; a job over nothing else keeps
them, and its run fails with what `StackNotEmulated` says. Whether a stack can be made is `TerraformStack.not_emulated`.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from dagster import AssetCheckKey, AssetKey, AssetsDefinition, AssetSelection, AssetSpec

from buildkit_dagster.config.remarks import WHERE_THEY_RUN, some
from buildkit_dagster.defs.terraform.assets import STACK_METADATA
from buildkit_dagster.naming import key_text

_TAGS = {"buildkit/left_out": "not_emulated"}


@dataclass(frozen=True)
class LeftOut:
    """`units` are in Google Cloud, `resting` are the assets on them, `reading` the checks of others that read them."""

    environment: str = ""
    units: frozenset[AssetKey] = frozenset()
    resting: frozenset[AssetKey] = frozenset()
    reading: frozenset[AssetCheckKey] = frozenset()

    @property
    def assets(self) -> frozenset[AssetKey]:
        return self.units | self.resting

    def has(self, check: AssetCheckKey) -> bool:
        """Whether nothing can be said about it: it is about one of the assets, or reads one."""
        return check.asset_key in self.assets or check in self.reading

    def taken_from(self, selection: AssetSelection, keys: AbstractSet[AssetKey]) -> AssetSelection:
        """A job's selection, of which `keys` are the assets, without what is left out."""
        if not self.units or keys <= self.assets:
            return selection
        return selection - AssetSelection.keys(*self.assets) - AssetSelection.checks(*self.reading)

    def others(self, assets: Iterable[AssetsDefinition]) -> list[AssetsDefinition]:
        """The assets of those whose stack can be made."""
        return [asset for asset in assets if not self.units & asset.keys]

    @property
    def remark(self) -> str:
        """What is left out, why, and where it runs."""
        rest = f", and what rests on them: {_names(self.resting)}" if self.resting else ""
        return f"Left out, as {self.environment} emulates AWS alone: {_names(self.units)}{rest}. {WHERE_THEY_RUN}"

    def marked(self, asset: AssetsDefinition) -> AssetsDefinition:
        """The same, where those left out say so: to who looks at one, and by a tag to who looks for them."""
        return asset.map_asset_specs(self._marked) if self.assets & asset.keys else asset

    def _marked(self, spec: AssetSpec) -> AssetSpec:
        if spec.key not in self.assets:
            return spec
        reason = "is in Google Cloud" if spec.key in self.units else "rests on Google Cloud"
        told = f"Left out of runs of everything: it {reason}, and {self.environment} emulates AWS alone."
        described = f"{told}\n\n{spec.description}" if spec.description else told
        return spec.replace_attributes(description=described, tags={**spec.tags, **_TAGS})


def left_out_of(environment: str, assets: Iterable[AssetsDefinition]) -> LeftOut:
    """What is left out of these assets in `environment`."""
    assets = list(assets)
    specs = [spec for asset in assets for spec in asset.specs]
    units = frozenset(spec.key for spec in specs if _is_out_of_reach(spec))
    found, more = units, units
    while more:
        more = frozenset(spec.key for spec in specs if any(dep.asset_key in found for dep in spec.deps)) - found
        found |= more
    reading = frozenset(
        check.key
        for asset in assets
        for check in asset.check_specs
        if check.asset_key not in found and any(dep.asset_key in found for dep in check.additional_deps)
    )
    return LeftOut(environment, units, found - units, reading)


def _is_out_of_reach(spec: AssetSpec) -> bool:
    return STACK_METADATA in spec.metadata and spec.metadata[STACK_METADATA].not_emulated


def _names(keys: Iterable[AssetKey]) -> str:
    return some([key_text(key.path) for key in sorted(keys)])
