"""How old the last models of a project may be: checks by the clock, and the sensor that asks for them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    SkipReason,
    build_sensor_context,
    define_asset_job,
)
from dagster import AssetSelection as Select

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.projects import Freshness
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.freshness import freshness_checks, freshness_sensors, table_freshness_checks
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import shop_platform
from tests.scenario import write_platform

LAST = {"shop/customers", "shop/totals"}
BLINK = 1e-9


def definitions_of(folder: Path, freshness: Freshness) -> Definitions:
    platform = shop_platform(folder, freshness=freshness)
    process = read_environment()
    [project] = platform.dbt_projects
    prepare_manifest(platform, project, process.variables)
    models = dbt_assets_of(platform, project, process)
    checks = freshness_checks(platform, {"shop": models})
    job = define_asset_job("look", Select.checks(*(key for each in checks for key in each.check_keys)))
    return Definitions(assets=models, asset_checks=checks, sensors=freshness_sensors(checks), jobs=[job])


def look(definitions: Definitions, instance: DagsterInstance) -> ExecuteInProcessResult:
    return definitions.resolve_job_def("look").execute_in_process(instance=instance)


def built(instance: DagsterInstance) -> None:
    for key in LAST:
        instance.report_runless_asset_event(AssetMaterialization(AssetKey(key.split("/"))))


@pytest.mark.parametrize(("hours", "young"), [(26, True), (BLINK, False)])
def test_the_last_models_are_young_enough_or_told_with_the_severity_asked_for(
    tmp_path: Path, hours: float, young: bool
) -> None:
    definitions = definitions_of(tmp_path, Freshness(hours=hours, severity="error"))
    with DagsterInstance.local_temp() as instance:
        built(instance)
        found = look(definitions, instance).get_asset_check_evaluations()
    assert {check.asset_key.to_user_string() for check in found} == LAST
    assert {check.passed for check in found} == {young}
    assert {check.severity for check in found} == {AssetCheckSeverity.ERROR}
    assert all("freshness" in check.check_name for check in found)


def test_the_sensor_asks_for_a_look_when_there_was_none_and_not_while_the_models_are_young(tmp_path: Path) -> None:
    definitions = definitions_of(tmp_path, Freshness(hours=26))
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("freshness")
    with DagsterInstance.local_temp() as instance:
        built(instance)

        def tick() -> object:
            return sensor(build_sensor_context(instance=instance, repository_def=repository))

        first = tick()
        assert isinstance(first, RunRequest)
        assert {key.asset_key.to_user_string() for key in first.asset_check_keys or ()} == LAST
        look(definitions, instance)
        assert isinstance(tick(), SkipReason)


def test_nothing_is_warned_of_when_definitions_load(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        definitions_of(tmp_path, Freshness(hours=1))


def test_a_project_without_freshness_has_no_check_and_no_sensor(tmp_path: Path) -> None:
    platform = shop_platform(tmp_path)
    assert freshness_checks(platform, {"shop": []}) == []
    assert freshness_sensors([]) == []


def test_a_table_whose_job_did_not_run_is_noticed_too(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    asset = folder / "config/assets/till/v1.0/customers.yaml"
    asset.write_text(f"{asset.read_text()}data_quality: {{freshness: {{hours: 26}}}}\n")
    platform = load_platform(folder, "dev")
    checks = table_freshness_checks(platform)
    job = define_asset_job("look", Select.checks(*(key for each in checks for key in each.check_keys)))
    definitions = Definitions(
        assets=ingest_assets(platform, read_environment()),
        asset_checks=checks,
        sensors=freshness_sensors(checks),
        jobs=[job],
    )
    with DagsterInstance.local_temp() as instance:
        [never] = look(definitions, instance).get_asset_check_evaluations()
        instance.report_runless_asset_event(AssetMaterialization(AssetKey(["till", "customers"])))
        [loaded] = look(definitions, instance).get_asset_check_evaluations()
    assert (never.asset_key.path, never.passed, loaded.passed) == (["till", "customers"], False, True)
