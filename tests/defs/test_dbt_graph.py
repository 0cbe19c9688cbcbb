"""How a dbt project looks in the graph."""

import os
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetsDefinition

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.errors import ManifestMissing
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import shop_platform


def assets_of(platform: Platform, **changes: Any) -> AssetsDefinition:
    project = platform.dbt_projects[0].model_copy(update=changes)
    [assets] = dbt_assets_of(platform, project, read_environment())
    return assets


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    platform = shop_platform(tmp_path_factory.mktemp("skyline"))
    prepare_manifest(platform, platform.dbt_projects[0], dict(os.environ))
    return platform


def edges(assets: AssetsDefinition) -> dict[str, list[str]]:
    return {
        key.to_user_string(): sorted(dep.to_user_string() for dep in deps) for key, deps in assets.asset_deps.items()
    }


def test_models_hang_between_their_sources_their_infrastructure_and_each_other(platform: Platform):
    assert edges(assets_of(platform)) == {
        "shop/orders": ["infra/dbt/shop", "till/sales"],
        "shop/customers": ["shop/orders"],
        "shop/totals": ["shop/orders"],
    }


def test_a_project_that_runs_here_needs_no_infrastructure(platform: Platform):
    assert edges(assets_of(platform, runtime="local"))["shop/orders"] == ["till/sales"]


def test_models_have_the_platforms_group_owner_tags_and_one_pool(platform: Platform):
    assets = assets_of(platform)
    spec = assets.specs_by_key[AssetKey(["shop", "orders"])]
    assert spec.group_name == "shop"
    assert list(spec.owners) == ["data@example.com"]
    assert spec.tags["dbt_project"] == "shop"
    assert spec.kinds == {"dbt", "duckdb"}
    assert assets.op.pool == "warehouse"
    assert assets_of(platform, engine="athena").op.pool is None


def test_tests_are_checks_also_those_of_sources_and_singular_ones(platform: Platform):
    checks = sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in assets_of(platform).check_keys)
    assert checks == [
        "shop/orders:not_null_orders_id",
        "shop/orders:unique_orders_id",
        "shop/totals:not_null_totals_total",
        "shop/totals:totals_are_positive",
        "till/sales:source_not_null_till_sales_amount",
    ]


def test_a_project_name_with_hyphens_is_kept_in_the_key_and_not_elsewhere(tmp_path: Path):
    hyphened = shop_platform(tmp_path, name="my-shop")
    prepare_manifest(hyphened, hyphened.dbt_projects[0], dict(os.environ))
    assets = assets_of(hyphened)
    assert AssetKey(["my-shop", "orders"]) in assets.keys
    assert assets.op.name == "build_my_shop"
    assert {spec.group_name for spec in assets.specs} == {"my_shop"}


def test_definitions_never_make_a_manifest(tmp_path: Path):
    with pytest.raises(ManifestMissing, match="buildkit prepare"):
        assets_of(shop_platform(tmp_path))
