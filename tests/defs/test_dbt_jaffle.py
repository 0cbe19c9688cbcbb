"""A project with everything dbt has, built in CodeBuild: every node is reported, or named as not reported."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import AssetCheckKey, AssetKey, AssetSelection, DagsterInstance, ExecuteInProcessResult, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.dbt import prepare_manifest, read_manifest
from buildkit_dagster.runtimes.dbt_artifacts import ArtifactStore, store_of
from tests.dbt_shop import make_build_project, platform_of

COMMANDS = ("dbt source freshness", "dbt build", "dbt docs generate")
PROJECT = Path(__file__).parents[1] / "projects" / "jaffle_shop"


@dataclass(frozen=True)
class Built:
    """One complete build, and where it left things."""

    platform: Platform
    result: ExecuteInProcessResult
    store: ArtifactStore
    log: str

    @property
    def checks(self) -> dict[str, Any]:
        found = self.result.get_asset_check_evaluations()
        return {f"{check.asset_key.to_user_string()}:{check.check_name}": check for check in found}


def fill(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema web")
        connection.execute(
            "create table web.visits as select i as customer_id, 7 as campaign_id, now() - interval 2 day as loaded_at "
            "from range(4) t(i)"
        )
        connection.execute("create table web.campaigns as select 7 as id, 'spring' as name")


@pytest.fixture(scope="module")
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, process: ProcessEnvironment, boto: Callable[[str], Any]) -> Built:
    folder = tmp_path_factory.mktemp("jaffle")
    shutil.copytree(PROJECT, folder / "dbt" / "jaffle_shop")
    platform = platform_of("jaffle_shop", folder, commands=COMMANDS)
    [project] = platform.dbt_projects
    fill(folder / "warehouse.duckdb")
    prepare_manifest(platform, project, process.variables)
    make_build_project(platform, boto)
    assets = dbt_assets_of(platform, project, process)
    with DagsterInstance.local_temp() as instance:
        result = materialize(
            assets, selection=project_selection(project, assets), raise_on_error=False, instance=instance
        )
        records = instance.all_logs(result.run_id)
    log = "\n".join(record.user_message for record in records)
    return Built(platform, result, store_of(boto("s3"), platform, project), log)


@pytest.mark.parity("A-183")
def test_every_model_seed_and_snapshot_is_materialized(built: Built):
    materialized = {event.asset_key.to_user_string() for event in built.result.get_asset_materialization_events()}
    models = ("stg_customers", "stg_orders", "stg_visits", "customers", "orders_v1", "orders_v2", "daily_visits")
    rest = ("raw_customers", "raw_orders", "raw_payments", "orders_history")
    assert materialized == {f"jaffle_shop/{name}" for name in (*models, *rest)}


def test_every_test_is_a_check_with_the_number_of_its_failing_rows(built: Built):
    orphans = built.checks["jaffle_shop/stg_visits:visits_are_by_customers"]
    assert (orphans.passed, orphans.severity.value) == (False, "WARN")
    assert orphans.metadata["dagster_dbt/failed_row_count"].value == 1
    assert built.checks["jaffle_shop/stg_orders:unique_stg_orders_order_id"].passed


def test_unit_tests_are_checks_of_their_model(built: Built):
    assert built.checks["jaffle_shop/customers:customers_without_orders_are_worth_nothing"].passed


def test_the_freshness_of_a_source_is_a_check_of_the_source(built: Built):
    check = built.checks["web/visits:freshness_jaffle_shop"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert "web/campaigns:freshness_jaffle_shop" not in built.checks


def test_every_other_node_is_named_with_the_reason(built: Built):
    [said] = [line for line in built.log.splitlines() if line.startswith("nodes of jaffle_shop without an event")]
    named = dict(re.findall(r"([\w.-]+) \(([^)]*)\)", said))
    assert named == {
        "analysis.jaffle_shop.largest_orders": "analysis: nothing to build",
        "exposure.jaffle_shop.weekly_report": "exposure: nothing to build",
        "model.jaffle_shop.stg_payments": "ephemeral: part of what reads it",
        "operation.jaffle_shop.jaffle_shop-on-run-end-0": "operation: nothing to build",
    }
    manifest = read_manifest(built.platform, built.platform.dbt_projects[0])
    nodes = {*manifest["nodes"], *manifest["unit_tests"], *manifest["exposures"]}
    spread = {"test.jaffle_shop.orders_are_paid"}  # reads two models: an observation of each
    observed = {event.asset_key.to_user_string() for event in built.result.get_asset_observation_events()}
    assert observed == {"jaffle_shop/orders_v2", "jaffle_shop/customers"}
    reported = 11 + len([name for name in built.checks if "freshness" not in name])
    assert len(nodes) == reported + len(named) + len(spread)


@pytest.mark.parity("A-185")
def test_what_dbt_wrote_is_in_s3_and_the_latest_is_this_build(built: Built):
    latest = built.store.latest()
    assert latest is not None
    assert latest.run == built.result.run_id
    manifest, catalog, sources, results = (
        json.loads(built.store.read(latest, name) or b"")
        for name in ("manifest.json", "catalog.json", "sources.json", "run_results.json")
    )
    assert results["args"]["which"] == "build"
    assert "model.jaffle_shop.customers" in manifest["nodes"]
    assert "model.jaffle_shop.customers" in catalog["nodes"]
    assert [each["status"] for each in sources["results"]] == ["warn"]


@pytest.mark.parity("A-186")
def test_docs_are_one_page_linked_from_every_model(built: Built, boto: Callable[[str], Any]):
    [event] = [one for one in built.result.get_asset_materialization_events() if one.asset_key.path[-1] == "customers"]
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["docs"].value.endswith("/dbt-artifacts/project%3Djaffle_shop/docs/index.html")
    page = boto("s3").get_object(Bucket=built.store.bucket, Key=built.store.docs_key)["Body"].read().decode()
    assert '"model.jaffle_shop.customers"' in page
    assert "INLINE DATA" not in page
    assert metadata["artifacts"].value.startswith(
        f"s3://{built.store.bucket}/dbt-artifacts/project=jaffle_shop/builds/"
    )


def test_several_selected_models_are_one_build(built: Built, process: ProcessEnvironment, boto: Callable[[str], Any]):
    [project] = built.platform.dbt_projects
    project = project.model_copy(update={"commands": ("dbt build",)})
    chosen = AssetSelection.keys(["jaffle_shop", "stg_customers"], ["jaffle_shop", "orders_v1"])
    name = built.platform.names.codebuild_project("jaffle_shop")
    before = len(boto("codebuild").list_builds_for_project(projectName=name)["ids"])
    result = materialize(dbt_assets_of(built.platform, project, process), selection=chosen, raise_on_error=False)
    assert result.success
    assert len(boto("codebuild").list_builds_for_project(projectName=name)["ids"]) == before + 1
    assert len(result.get_asset_materialization_events()) == 2
    latest = built.store.latest()
    assert latest is not None
    assert latest.run == built.result.run_id


def test_the_freshness_of_a_source_can_be_asked_for_alone(built: Built, process: ProcessEnvironment):
    [project] = built.platform.dbt_projects
    key = AssetCheckKey(AssetKey(["web", "visits"]), "freshness_jaffle_shop")
    assets = dbt_assets_of(built.platform, project, process)
    result = materialize(assets, selection=AssetSelection.checks(key), raise_on_error=False)
    assert result.success
    assert [check.asset_check_key for check in result.get_asset_check_evaluations()] == [key]
    assert not result.get_asset_materialization_events()
