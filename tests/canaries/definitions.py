"""What `dagster job execute -f` is given: the planted root as assets; CANARY_ROOT says where it lies."""

import os

from dagster import AssetExecutionContext, Definitions, define_asset_job

from buildkit_dagster import TerraformCliResource, TerraformStack, terraform_assets
from tests.canaries.planted import variables

stack = TerraformStack(os.environ["CANARY_ROOT"], name="planted", variables=variables(os.environ["CANARY_VERDICT"]))


@terraform_assets(stack=stack)
def planted_assets(context: AssetExecutionContext, terraform: TerraformCliResource):  # type: ignore[no-untyped-def]
    yield from terraform.cli(["apply"], context=context).stream()


defs = Definitions(
    assets=[planted_assets], jobs=[define_asset_job("everything")], resources={"terraform": TerraformCliResource()}
)
