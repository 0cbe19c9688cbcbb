"""After a failure only what failed and what did not get its turn runs again, by `retries` and by Dagster."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import DagsterInstance, DagsterRun, Definitions, JobDefinition, define_asset_job, in_process_executor
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import make_build_project, shop_platform

#: Mends the warehouse when it runs the second time: the table that is missing comes.
MEND = """python - <<'END'
import os, duckdb
connection = duckdb.connect(os.environ["BUILDKIT_DUCKDB_PATH"])
if connection.execute("from duckdb_tables() where table_name = 'visited'").fetchone():
    connection.execute("create table till.refunds as select 1 as id")
connection.execute("create table if not exists till.visited (n integer)")
END"""
FILES = {
    "models/more.yml": """\
sources:
  - name: cash
    schema: till
    tables: [{name: refunds, data_tests: [unique: {column_name: id}]}]
""",
    "models/refunds.sql": "select id from {{ source('cash', 'refunds') }}",
    "models/refunded.sql": "select count(*) as n from {{ ref('refunds') }}",
}
COMMANDS = {0: (MEND, "dbt run", "dbt test"), 1: (MEND, "dbt build")}


@pytest.fixture(scope="module")
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture
def platform(
    request: pytest.FixtureRequest, tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any]
) -> Platform:
    """A project with a model whose source is missing at the first build."""
    name = f"shop{request.param}"
    platform = shop_platform(tmp_path, name=name, commands=COMMANDS[request.param], retries=request.param)
    for file, text in FILES.items():
        (tmp_path / "dbt" / "shop" / file).write_text(text)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema till")
        connection.execute("create table till.sales as select 1 as id, 10 as amount")
    prepare_manifest(platform, platform.dbt_projects[0], process.variables)
    make_build_project(platform, boto)
    return platform


def job_of(platform: Platform, process: ProcessEnvironment) -> JobDefinition:
    [project] = platform.dbt_projects
    assets = dbt_assets_of(platform, project, process)
    job = define_asset_job("all", project_selection(project, assets), executor_def=in_process_executor)
    return Definitions(assets=assets, jobs=[job]).resolve_job_def("all")


def run(job: JobDefinition, instance: DagsterInstance, failed: DagsterRun | None = None) -> DagsterRun:
    """A run, or the re-execution from failure of one, as Dagster makes it."""
    again = {"parent_run_id": failed.run_id, "root_run_id": failed.run_id} if failed else {}
    tags = {"dagster/is_resume_retry": "true"} if failed else {}
    created = instance.create_run_for_job(job_def=job, tags=tags, **again)
    execute_run(InMemoryJob(job), created, instance, raise_on_error=False)
    found = instance.get_run_by_id(created.run_id)
    assert found
    return found


def models_of(instance: DagsterInstance, run_id: str) -> list[str]:
    events = [record.dagster_event for record in instance.all_logs(run_id)]
    return sorted(event.asset_key.path[-1] for event in events if event and event.is_step_materialization)


def commands_of(boto: Callable[[str], Any], platform: Platform) -> list[list[str]]:
    """The dbt commands of every build of the project, oldest first."""
    client, name = boto("codebuild"), platform.names.codebuild_project(platform.dbt_projects[0].name)
    ids = client.list_builds_for_project(projectName=name, sortOrder="ASCENDING")["ids"]
    specs = [json.loads(build["source"]["buildspec"]) for build in client.batch_get_builds(ids=ids)["builds"]]
    return [[each for each in spec["phases"]["build"]["commands"] if each.startswith("dbt ")] for spec in specs]


def checks_of(instance: DagsterInstance, run_id: str) -> dict[str, bool]:
    events = [record.dagster_event for record in instance.all_logs(run_id)]
    found = [
        event.asset_check_evaluation_data
        for event in events
        if event and event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert len(found) == len({check.check_name for check in found})
    return {check.check_name: check.passed for check in found}


@pytest.mark.parametrize("platform", [1], indirect=True)
def test_retries_run_what_is_left_within_the_step_and_a_mended_check_is_told_once(
    platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any]
):
    with DagsterInstance.local_temp() as instance:
        result = run(job_of(platform, process), instance)
        assert result.is_success
        assert models_of(instance, result.run_id) == ["customers", "orders", "refunded", "refunds", "totals"]
        assert set(checks_of(instance, result.run_id).values()) == {True}
    left = "shop.refunded shop.refunds shop.source_unique_cash_refunds_id"
    assert commands_of(boto, platform) == [["dbt build"], [f"dbt build --select '{left}'"]]


@pytest.mark.parametrize("platform", [0], indirect=True)
def test_without_retries_failed_work_is_left_and_dagster_takes_it_up_where_it_failed(
    platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any]
):
    job = job_of(platform, process)
    with DagsterInstance.local_temp() as instance:
        failed = run(job, instance)
        assert not failed.is_success
        assert models_of(instance, failed.run_id) == ["customers", "orders", "totals"]
        resumed = run(job, instance, failed)
        assert resumed.is_success
        assert models_of(instance, resumed.run_id) == ["refunded", "refunds"]
        assert len(checks_of(instance, resumed.run_id)) == 6
    left = "not_null_orders_id not_null_totals_total refunded refunds source_not_null_till_sales_amount "
    left += "source_unique_cash_refunds_id totals_are_positive unique_orders_id"
    chosen = " ".join(f"shop.{name}" for name in left.split())
    assert commands_of(boto, platform)[1:] == [[f"dbt run --select '{chosen}'", f"dbt test --select '{chosen}'"]]
