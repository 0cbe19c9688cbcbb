"""A dbt project in another repository: its models come into the graph with its first build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from dagster import AssetKey, materialize

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.dbt import manifest_path
from buildkit_dagster.runtimes.prepare import prepare_platform
from tests.dbt_shop import make_build_project, shop_platform, upload_source


def elsewhere(platform: Platform) -> Platform:
    [project] = platform.dbt_projects
    return platform.model_copy(update={"dbt_projects": (project.model_copy(update={"path": None}),)})


def test_its_models_take_the_place_of_one_asset_after_the_first_complete_build(
    tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any]
):
    process = replace(read_environment(), endpoint=emulator.endpoint)
    platform = shop_platform(tmp_path, name="remote")
    make_build_project(platform, boto)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema till")
        connection.execute("create table till.sales as select 1 as id, 10 as amount")
    with_folder, platform = platform, elsewhere(platform)
    [project] = platform.dbt_projects

    [said] = prepare_platform(platform, process)
    assert said == "remote: no complete build yet; the graph shows remote/build"
    [build] = dbt_assets_of(platform, project, process)
    assert build.keys == {AssetKey(["remote", "build"])}
    assert build.asset_deps[AssetKey(["remote", "build"])] == {AssetKey(["infra", "dbt", "remote"])}
    assert materialize([build]).success

    list(prepare_platform(platform, process))
    [models] = dbt_assets_of(platform, project, process)
    assert {key.path[-1] for key in models.keys} == {"orders", "customers", "totals"}
    brought = manifest_path(platform, project).stat().st_mtime_ns
    list(prepare_platform(platform, process))
    assert manifest_path(platform, project).stat().st_mtime_ns == brought

    write_new_model(tmp_path / "dbt" / "shop" / "models")
    upload_source(with_folder, boto)
    result = materialize([models], selection=project_selection(project, [models]), raise_on_error=False)
    assert result.success
    made = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert made == {"orders", "customers", "totals"}
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        assert connection.execute("select * from shop.newest").fetchall() == [(1,)]
    list(prepare_platform(platform, process))
    [models] = dbt_assets_of(platform, project, process)
    assert "newest" in {key.path[-1] for key in models.keys}


def write_new_model(models: Path) -> None:
    (models / "newest.sql").write_text("select max(id) as id from {{ ref('orders') }}")
    (models / "newest.yml").write_text("models: [{name: newest, columns: [{name: id, data_tests: [not_null]}]}]\n")


def test_where_its_builds_cannot_be_asked_what_is_here_stays(tmp_path: Path):
    platform = elsewhere(shop_platform(tmp_path, name="remote"))
    nobody = replace(read_environment(), endpoint="http://127.0.0.1:9")
    [said] = prepare_platform(platform, nobody)
    assert said.startswith("remote: its artifacts cannot be read (")
    assert said.endswith("; the graph shows remote/build")
    manifest = manifest_path(platform, platform.dbt_projects[0])
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    [said] = prepare_platform(platform, nobody)
    assert said.endswith(f"; {manifest} stays")
