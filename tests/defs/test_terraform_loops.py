"""A way that leaves a stack and comes back is refused when definitions are loaded."""

from pathlib import Path

import pytest
from dagster import AssetKey, AssetsDefinition, asset

from buildkit_dagster import DagsterTerraformTranslator, TerraformStack
from buildkit_dagster.defs.terraform.loops import refuse_loops
from buildkit_dagster.errors import StackLoop
from tests.terraform_runs import ROOTS, assets_of, key_of


class NeedsImage(DagsterTerraformTranslator):
    """`last` runs an image."""

    def get_asset_spec(self, stack: TerraformStack, unit: str):  # type: ignore[no-untyped-def]
        spec = super().get_asset_spec(stack, unit)
        return spec.merge_attributes(deps=[AssetKey(["image", "app"])]) if unit == "last" else spec


def image(*needs: AssetKey) -> AssetsDefinition:
    @asset(key=["image", "app"], deps=list(needs))
    def app() -> None: ...

    return app


def stack_assets() -> AssetsDefinition:
    return assets_of(TerraformStack(Path(ROOTS / "slow")), translator=NeedsImage())


def test_a_loop_through_an_image_is_refused_with_the_way_named() -> None:
    way = "infra/slow/last needs image/app needs infra/slow/quick"
    with pytest.raises(StackLoop, match=way):
        refuse_loops([stack_assets(), image(key_of("slow", "quick"))])


def test_a_stack_that_needs_an_image_of_another_stack_is_fine() -> None:
    refuse_loops([stack_assets(), image(key_of("registry", "repository"))])
