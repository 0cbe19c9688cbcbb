"""What was modified since the last complete build, built beside it and reading from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import ExecuteInProcessResult, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of, modified_only
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import NotADbtJob
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import make_build_project, shop_platform, upload_source

PROFILE = """\
shop:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{{ env_var('BUILDKIT_DUCKDB_PATH') }}"
      schema: "{{ env_var('SHOP_SCHEMA', 'shop') }}"
      threads: 1
"""


@dataclass
class Shop:
    platform: Platform
    process: ProcessEnvironment

    def build(self, state: str = "all", **variables: str) -> ExecuteInProcessResult:
        [project] = self.platform.dbt_projects
        project = project.model_copy(update={"environment_variables": variables})
        assets = dbt_assets_of(self.platform, project, self.process)
        config = modified_only(self.platform, "dbt_stateful") if state == "modified" else None
        chosen = project_selection(project, assets)
        return materialize(assets, selection=chosen, raise_on_error=False, run_config=config)

    def tables(self, schema: str) -> list[str]:
        with duckdb.connect(str(self.platform.folder / "warehouse.duckdb")) as connection:
            found = connection.execute("select table_name from duckdb_tables() where schema_name = ?", [schema])
            return sorted(name for (name,) in found.fetchall())


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, boto: Callable[[str], Any]) -> Iterator[Shop]:
    process = replace(read_environment(), endpoint=emulator.endpoint)
    platform = shop_platform(tmp_path_factory.mktemp("skyline"), name="stateful")
    (platform.folder / "dbt" / "shop" / "profiles.yml").write_text(PROFILE)
    with duckdb.connect(str(platform.folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema till")
        connection.execute("create table till.sales as select 1 as id, 10 as amount")
    prepare_manifest(platform, platform.dbt_projects[0], process.variables)
    make_build_project(platform, boto)
    return Shop(platform, process)


def test_what_was_modified_is_asked_of_dbt_projects_only(tmp_path: Path):
    with pytest.raises(NotADbtJob, match=r"\(dbt_stateful\), not for infrastructure"):
        modified_only(shop_platform(tmp_path, name="stateful"), "infrastructure")


def test_a_change_is_built_beside_the_last_complete_build_and_reads_from_it(shop: Shop, boto: Callable[[str], Any]):
    refused = shop.build("modified")
    [step] = refused.get_step_failure_events()
    assert "has no complete build yet" in str(step.step_failure_data.error)

    assert shop.build().success
    assert shop.tables("shop") == ["customers", "orders", "totals"]

    changed = shop.platform.folder / "dbt" / "shop" / "models" / "customers.sql"
    changed.write_text("select distinct id as customer, 1 as one from {{ ref('orders') }}")
    upload_source(shop.platform, boto)
    result = shop.build("modified", SHOP_SCHEMA="pr_7")
    assert result.success
    assert shop.tables("pr_7") == ["customers"]
    assert [event.asset_key.path[-1] for event in result.get_asset_materialization_events()] == ["customers"]
