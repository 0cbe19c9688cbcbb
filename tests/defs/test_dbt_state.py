"""What was modified since the last complete build, built beside it and reading from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import ExecuteInProcessResult, materialize

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of, run_config
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import NotADbtJob
from buildkit_dagster.runtimes.dbt import prepare_manifest
from buildkit_dagster.runtimes.dbt_artifacts import ArtifactStore, store_of
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

    def build(self, state: str = "all", ref: str | None = None, **variables: str) -> ExecuteInProcessResult:
        [project] = self.platform.dbt_projects
        assets = dbt_assets_of(self.platform, project, self.process)
        config = run_config(self.platform, "dbt_stateful", state=state, ref=ref, variables=variables)
        chosen = project_selection(project, assets)
        return materialize(assets, selection=chosen, raise_on_error=False, run_config=config)

    def store(self) -> ArtifactStore:
        client = aws_for(self.platform, self.process).client("s3")
        return store_of(client, self.platform, self.platform.dbt_projects[0])

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
    name = make_build_project(platform, boto)
    yield Shop(platform, process)
    boto("codebuild").delete_project(name=name)


def test_what_was_modified_is_asked_of_dbt_projects_only(tmp_path: Path):
    with pytest.raises(NotADbtJob, match=r"\(dbt_stateful\), not for infrastructure"):
        run_config(shop_platform(tmp_path, name="stateful"), "infrastructure")


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


def test_a_pull_request_is_built_from_its_own_ref_and_is_nothing_to_the_graph(shop: Shop, boto: Callable[[str], Any]):
    source = f"{shop.platform.names.codebuild_project('stateful')}-source"
    boto("s3").put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    upload_source(shop.platform, boto)
    assert shop.build().success
    latest = shop.store().latest()

    models = shop.platform.folder / "dbt" / "shop" / "models"
    written = (models / "orders.sql").read_text()
    (models / "orders.sql").write_text("select id, 2 * amount as amount from {{ source('till', 'sales') }}")
    (models / "newest.sql").write_text("select max(id) as id from {{ ref('orders') }}")
    upload_source(shop.platform, boto)
    ref = boto("s3").head_object(Bucket=source, Key="source.zip")["VersionId"]
    (models / "orders.sql").write_text(written)
    (models / "newest.sql").unlink()
    upload_source(shop.platform, boto)

    result = shop.build("modified", ref, SHOP_SCHEMA="pr_8")
    assert result.success
    assert shop.tables("pr_8") == ["customers", "newest", "orders", "totals"]
    assert shop.tables("shop") == ["customers", "orders", "totals"]
    assert [event.asset_key for event in result.get_asset_materialization_events()] == []
    assert result.get_asset_check_evaluations() == []
    assert shop.store().latest() == latest
