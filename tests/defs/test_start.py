"""Jobs do not start on infrastructure that is out of order, sensors and automation wait for it, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetSpec,
    DagsterInstance,
    Definitions,
    MaterializeResult,
    SensorResult,
    SkipReason,
    asset,
    asset_check,
    build_sensor_context,
    define_asset_job,
    in_process_executor,
    multi_asset,
)

from buildkit_dagster import (
    DagsterTerraformTranslator,
    TerraformCliResource,
    TerraformStack,
    refuse_to_start,
    terraform_drift_checks,
)
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.automation import automation_sensor
from buildkit_dagster.defs.sensors import object_sensors
from buildkit_dagster.defs.terraform.assets import UNIT_METADATA
from buildkit_dagster.emulator.control import Emulator
from tests.defs.test_automation import ORDERS, TOTALS, UNIT, World
from tests.defs.test_ingest import client_of
from tests.defs.till import Till, new_till
from tests.repository_runs import error_of
from tests.terraform_runs import assets_of, copy_root

BUCKET, BACKEND = AssetKey(["infra", "lake", "raw"]), AssetKey(["infra", "bootstrap", "state_backend"])


def report(
    instance: DagsterInstance, unit: AssetKey, *, passed: bool, severity: str = "ERROR", name: str = "drift"
) -> None:
    evaluation = AssetCheckEvaluation(
        asset_key=unit,
        check_name=name,
        passed=passed,
        severity=AssetCheckSeverity(severity),
        description="module.raw.aws_s3_bucket.this: tags" if not passed else None,
    )
    instance.report_runless_asset_event(evaluation)


def units() -> list[Any]:
    """The units the till's tables rest on, each with a check."""
    keys = [BUCKET, *(AssetKey(["infra", "ingest-acme", job]) for job in ("sales", "customers"))]
    unit = {UNIT_METADATA: "as `@terraform_assets` marks it"}
    specs = [AssetSpec(BACKEND, metadata=unit), *(AssetSpec(key, deps=[BACKEND], metadata=unit) for key in keys)]

    @multi_asset(specs=specs, can_subset=True)
    def made() -> Iterator[MaterializeResult]:
        yield from ()

    return [made, *(_check(unit, name) for unit in (BUCKET, BACKEND) for name in ("drift", "policy", "lock"))]


def _check(unit: AssetKey, name: str) -> Any:
    @asset_check(asset=unit, name=name)
    def check() -> AssetCheckResult:
        return AssetCheckResult(passed=True)

    return check


@pytest.fixture
def till(emulator: Emulator, tmp_path: Path) -> Till:
    return new_till(tmp_path / "platform", emulator.endpoint, client_of(emulator))


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        yield opened


def definitions_of(till: Till) -> Definitions:
    made, *checks = units()
    return Definitions(
        [made, *till.assets], asset_checks=checks, sensors=object_sensors(till.platform, till.process, {})
    )


def test_an_ingest_job_names_the_check_that_stops_it_and_starts_when_that_passes(
    till: Till, instance: DagsterInstance
) -> None:
    till.make_lake()
    definitions = definitions_of(till)

    def error() -> str:
        return error_of(definitions, "ingest_acme_customers", instance)

    report(instance, BACKEND, passed=False, name="policy")
    report(instance, BUCKET, passed=False)
    stopped = error()
    assert "till/customers not started" in stopped
    assert "check drift of infra/lake/raw has failed since 20" in stopped
    assert "module.raw.aws_s3_bucket.this: tags" in stopped
    assert "check policy of infra/bootstrap/state_backend" in stopped
    report(instance, BUCKET, passed=False, severity="WARN")
    report(instance, BACKEND, passed=True, name="policy")
    report(instance, BACKEND, passed=False, name="lock")
    assert "needs infra/" in error(), "it starts, whoever holds the state, and misses what was never made"


def test_the_sensor_on_a_bucket_waits_and_no_message_is_lost(till: Till, instance: DagsterInstance) -> None:
    till.make_lake()
    url = till.make_queue()
    for job in ("sales", "customers"):
        instance.report_runless_asset_event(AssetMaterialization(["infra", "ingest-acme", job]))
    till.put("customers/a.csv", b"id\n1\n")
    repository = definitions_of(till).get_repository_def()
    sensor = repository.get_sensor_def("objects_raw")

    def tick() -> SensorResult | SkipReason:
        return sensor(build_sensor_context(instance, repository_def=repository, sensor_name="objects_raw"))  # type: ignore[return-value]

    report(instance, BUCKET, passed=False)
    for _ in range(7):
        waiting = tick()
        assert isinstance(waiting, SkipReason)
        assert "check drift of infra/lake/raw" in str(waiting.skip_message)
    attributes = till.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "2", "S3's own test event, and the object's"
    report(instance, BUCKET, passed=True)
    found = tick()
    assert isinstance(found, SensorResult)
    assert [request.job_name for request in found.run_requests or ()] == ["ingest_acme_customers"]


def test_automation_requests_nothing_meanwhile_and_catches_up(till: Till) -> None:
    world = World()
    project: DbtProject = till.platform.dbt_projects[0]
    models = [asset for asset in world.assets if ORDERS in asset.keys]
    sensor = automation_sensor(till.platform, project, models)
    repository = Definitions(world.assets, asset_checks=[_check(UNIT, "drift")], sensors=[sensor]).get_repository_def()
    found = repository.get_sensor_def("shop_automation")
    cursor: str | None = None

    def requested() -> set[str]:
        nonlocal cursor
        context = build_sensor_context(world.instance, cursor=cursor, repository_def=repository, sensor_name=found.name)
        data = found.evaluate_tick(context)
        cursor = data.cursor
        if data.skip_message and "waits" in data.skip_message:
            assert "check drift of infra/dbt/shop" in data.skip_message
            return {"waits"}
        return {key.path[-1] for request in data.run_requests or () for key in request.asset_selection or ()}

    requested()
    world.load_everything_at_first()
    requested()
    assert requested() == set()
    report(world.instance, UNIT, passed=False)
    world.version = "2"
    world.load(AssetKey(["till", "sales"]), partition="2013-01")
    assert requested() == {"waits"}
    assert requested() == {"waits"}
    report(world.instance, UNIT, passed=False, severity="WARN")
    assert requested() == {ORDERS.path[-1], TOTALS.path[-1]}
    assert requested() == set()


class Ours(DagsterTerraformTranslator):
    def get_asset_spec(self, stack: TerraformStack, unit: str) -> AssetSpec:
        return super().get_asset_spec(stack, unit).replace_attributes(key=["ours", unit])


def test_an_asset_on_a_root_of_ones_own_waits_whatever_its_units_are_called(
    tmp_path: Path, instance: DagsterInstance
) -> None:
    stack, unit = TerraformStack(copy_root("spaces", tmp_path)), AssetKey(["ours", "root"])

    @asset(deps=[unit])
    def table(context: AssetExecutionContext) -> None:
        refuse_to_start(context)

    definitions = Definitions(
        [assets_of(stack, translator=Ours()), table],
        asset_checks=[terraform_drift_checks(stack=stack, dagster_terraform_translator=Ours())],
        jobs=[define_asset_job("table_job", [table], executor_def=in_process_executor)],
        resources={"terraform": TerraformCliResource()},
    )
    report(instance, unit, passed=False)
    assert "table not started" in (stopped := error_of(definitions, "table_job", instance))
    assert "check drift of ours/root has failed since 20" in stopped
    report(instance, unit, passed=True)
    assert error_of(definitions, "table_job", instance) == ""
