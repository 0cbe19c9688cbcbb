"""A dbt project run in CodeBuild and on this machine: the same selections give the same events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from dagster import AssetSelection, DagsterInstance, ExecuteInProcessResult, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import make_build_project, shop_platform

Select = AssetSelection | None
ORDERS, TOTALS = ["shop", "orders"], ["shop", "totals"]


@pytest.fixture(scope="module")
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, process: ProcessEnvironment) -> Platform:
    platform = shop_platform(tmp_path_factory.mktemp("skyline"))
    prepare_manifest(platform, platform.dbt_projects[0], process.variables)
    return platform


@pytest.fixture(scope="module")
def build_project(platform: Platform, boto: Callable[[str], Any]) -> str:
    return make_build_project(platform, boto)


@pytest.fixture
def sales(platform: Platform) -> Iterator[Callable[..., None]]:
    """Fills the table the project reads; the warehouse is empty before and gone after."""
    file = platform.folder / "warehouse.duckdb"

    def fill(*ids: int) -> None:
        with duckdb.connect(str(file)) as connection:
            connection.execute("create schema if not exists till")
            connection.execute("create or replace table till.sales (id integer, amount integer)")
            connection.executemany("insert into till.sales values (?, 10)", [[i] for i in ids])

    yield fill
    file.unlink(missing_ok=True)


def run(
    platform: Platform, process: ProcessEnvironment, runtime: str, select: Select, *commands: str
) -> ExecuteInProcessResult:
    changes = {"runtime": runtime, **({"commands": commands} if commands else {})}
    project = platform.dbt_projects[0].model_copy(update=changes)
    assets = dbt_assets_of(platform, project, process)
    return materialize(assets, selection=select, raise_on_error=False, instance=DagsterInstance.ephemeral())


def reported(result: ExecuteInProcessResult) -> dict[str, Any]:
    checks = result.get_asset_check_evaluations()
    return {
        "success": result.success,
        "models": sorted(event.asset_key.to_user_string() for event in result.get_asset_materialization_events()),
        "checks": sorted((check.asset_key.to_user_string(), check.check_name, check.passed) for check in checks),
        "observed": sorted(event.asset_key.to_user_string() for event in result.get_asset_observation_events()),
    }


def failure(result: ExecuteInProcessResult) -> str:
    [step] = result.get_step_failure_events()
    return str(step.step_failure_data.error)


@pytest.mark.parametrize(
    ("select", "ids", "models", "passed"),
    [
        pytest.param(None, (1, 2), ["shop/customers", "shop/orders", "shop/totals"], True, id="everything"),
        pytest.param(AssetSelection.keys(ORDERS), (1, 2), ["shop/orders"], True, id="one model"),
        pytest.param(
            AssetSelection.keys(ORDERS).downstream(),
            (1, 2),
            ["shop/customers", "shop/orders", "shop/totals"],
            True,
            id="a model and what follows",
        ),
        pytest.param(None, (1, 1), ["shop/orders"], False, id="a failing test"),
    ],
)
@pytest.mark.usefixtures("build_project")
def test_codebuild_and_local_report_the_same(
    platform: Platform,
    process: ProcessEnvironment,
    sales: Callable[..., None],
    select: Select,
    ids: tuple[int, ...],
    models: list[str],
    passed: bool,
):
    sales(*ids)
    remote = reported(run(platform, process, "codebuild", select))
    sales(*ids)
    local = reported(run(platform, process, "local", select))

    assert remote == local
    assert remote["models"] == models
    assert remote["success"] is passed
    assert ("shop/orders", "unique_orders_id", passed) in remote["checks"]
    assert ("till/sales", "source_not_null_till_sales_amount", True) in remote["checks"]


@pytest.mark.usefixtures("build_project")
def test_a_model_says_which_build_made_it(platform: Platform, process: ProcessEnvironment, sales: Callable[..., None]):
    sales(1)
    result = run(platform, process, "codebuild", AssetSelection.keys(ORDERS), "dbt run")
    assert result.success
    [materialized] = result.get_asset_materialization_events()
    metadata = materialized.step_materialization_data.materialization.metadata
    assert metadata["build_id"].value.startswith("skyline-dev-dbt-shop:")
    assert metadata["build_log"].value.startswith("https://")


@pytest.mark.usefixtures("build_project")
def test_a_selection_the_commands_do_not_reach_is_a_failure(
    platform: Platform, process: ProcessEnvironment, sales: Callable[..., None]
):
    sales(1)
    result = run(platform, process, "codebuild", AssetSelection.keys(TOTALS), "dbt run --select customers")
    assert not result.success
    assert "succeeded without reporting shop/totals" in failure(result)


@pytest.mark.usefixtures("build_project")
def test_a_model_that_breaks_fails_the_run_with_what_dbt_said(platform: Platform, process: ProcessEnvironment):
    """The warehouse is empty: the source's table does not exist."""
    result = run(platform, process, "codebuild", None)
    assert not result.success
    said = failure(result)
    assert "in phase BUILD with exit code 1" in said
    assert 'Table with name "till.sales" does not exist' in said
    assert "[Container]" not in said


def test_what_cannot_run_here_is_refused_before_anything_runs(platform: Platform, process: ProcessEnvironment):
    result = run(platform, process, "local", None, "dbt deps && dbt build")
    assert "plain dbt commands" in failure(result)
