"""What `dagster job execute -f` is given: the planted root as assets with checks; CANARY_ROOT says where it lies."""

import os

from dagster import AssetExecutionContext, AssetSelection, Definitions, define_asset_job

from buildkit_dagster import TerraformCliResource, TerraformStack, terraform_assets, terraform_policy_checks
from tests.canaries.planted import variables

stack = TerraformStack(os.environ["CANARY_ROOT"], name="planted", variables=variables(os.environ["CANARY_VERDICT"]))


@terraform_assets(stack=stack)
def planted_assets(context: AssetExecutionContext, terraform: TerraformCliResource):  # type: ignore[no-untyped-def]
    yield from terraform.cli(["apply"], context=context).stream()


checks = terraform_policy_checks(stack=stack)
defs = Definitions(
    assets=[planted_assets],
    asset_checks=[checks],
    jobs=[define_asset_job("everything"), define_asset_job("looked_at", AssetSelection.checks(*checks.check_keys))],
    resources={"terraform": TerraformCliResource(policies=f"{stack.path}/policies")},
)
