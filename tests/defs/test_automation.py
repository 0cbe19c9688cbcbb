"""When models are requested: after tables changed, never because infrastructure or an unchanged run went by."""

from collections.abc import Iterable

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    DataVersion,
    Definitions,
    DynamicPartitionsDefinition,
    MaterializeResult,
    define_asset_job,
    evaluate_automation_conditions,
    materialize,
    multi_asset,
)

from buildkit_dagster.defs.automation import with_automation
from buildkit_dagster.defs.terraform.assets import UNIT_METADATA

MONTHS = DynamicPartitionsDefinition(name="till_sales")
SALES, SHOPS = AssetKey(["till", "sales"]), AssetKey(["till", "shops"])
EVERYTHING = {"not_null", "unique", "orders", "totals"}
UNIT = AssetKey(["infra", "dbt", "shop"])
ORDERS, TOTALS = AssetKey(["shop", "orders"]), AssetKey(["shop", "totals"])


class World:
    """The small graph of these tests on an instance of its own; `version` is the data version of every table."""

    def __init__(self) -> None:
        self.version = "1"
        self.instance = DagsterInstance.ephemeral()
        self.assets = [self._table(SALES, MONTHS), self._table(SHOPS), self._unit(), *with_automation([_models()])]
        self.definitions = Definitions(self.assets, jobs=[define_asset_job("platform")])
        self.cursor = self.tick().cursor

    def tick(self):
        return evaluate_automation_conditions(self.definitions, self.instance, cursor=getattr(self, "cursor", None))

    def requested(self) -> set[str]:
        """What the next tick asks for."""
        result = self.tick()
        self.cursor = result.cursor
        asked = [item.key for item in result.results if item.true_subset.size]
        return {key.name if isinstance(key, AssetCheckKey) else key.path[-1] for key in asked}

    def load(self, *keys: AssetKey, partition: str | None = None) -> None:
        selection = AssetSelection.assets(*keys).without_checks()
        if partition:
            self.instance.add_dynamic_partitions("till_sales", [partition])
        assert materialize(self.assets, selection=selection, instance=self.instance, partition_key=partition).success

    def load_everything_at_first(self) -> None:
        self.load(SALES, partition="2013-01")
        self.load(SHOPS)
        self.load(ORDERS, TOTALS)
        self.requested()
        assert self.requested() == set()

    def _table(self, key: AssetKey, partitions: DynamicPartitionsDefinition | None = None) -> AssetsDefinition:
        @multi_asset(name=key.path[-1], specs=[AssetSpec(key, deps=[UNIT], partitions_def=partitions)])
        def table() -> MaterializeResult:
            return MaterializeResult(data_version=DataVersion(self.version))

        return table

    def _unit(self) -> AssetsDefinition:
        @multi_asset(name="unit", specs=[AssetSpec(UNIT, metadata={UNIT_METADATA: "shop"})])
        def unit() -> MaterializeResult:
            return MaterializeResult(data_version=DataVersion(self.version))

        return unit


def _models() -> AssetsDefinition:
    specs = [AssetSpec(ORDERS, deps=[SALES, SHOPS, UNIT]), AssetSpec(TOTALS, deps=[ORDERS, UNIT])]

    @multi_asset(
        name="models",
        specs=specs,
        check_specs=[AssetCheckSpec("not_null", asset=SALES), AssetCheckSpec("unique", asset=ORDERS)],
        can_subset=True,
        allow_arbitrary_check_specs=True,
    )
    def models(context: AssetExecutionContext) -> Iterable[MaterializeResult | AssetCheckResult]:
        for check in context.selected_asset_check_keys:
            yield AssetCheckResult(passed=True, check_name=check.name, asset_key=check.asset_key)
        for key in (ORDERS, TOTALS):
            if key in context.selected_asset_keys:
                yield MaterializeResult(key)

    return models


@pytest.fixture
def world() -> World:
    return World()


def test_models_wait_until_every_table_of_the_project_is_there(world: World) -> None:
    world.load(SHOPS)
    assert world.requested() == set()
    world.load(SALES, partition="2013-01")
    assert world.requested() == EVERYTHING
    assert world.requested() == set()


def test_a_changed_table_requests_what_reads_it_once(world: World) -> None:
    world.load_everything_at_first()
    world.version = "2"
    world.load(SALES, partition="2013-01")
    assert world.requested() == EVERYTHING
    assert world.requested() == set()


def test_a_new_month_requests_what_reads_it(world: World) -> None:
    world.load_everything_at_first()
    world.load(SALES, partition="2013-02")
    assert world.requested() == EVERYTHING


def test_a_load_that_changed_nothing_requests_nothing(world: World) -> None:
    world.load_everything_at_first()
    world.load(SALES, partition="2013-01")
    world.load(SHOPS)
    assert world.requested() == set()
    assert world.requested() == set()


def test_changed_infrastructure_requests_nothing(world: World) -> None:
    world.load_everything_at_first()
    world.version = "2"
    world.load(UNIT)
    assert world.requested() == set()


@pytest.mark.parametrize("version", ["1", "2"], ids=["without a change", "with changed tables"])
def test_a_run_of_everything_requests_nothing_after_itself(world: World, version: str) -> None:
    world.load_everything_at_first()
    world.version = version
    assert world.definitions.resolve_job_def("platform").execute_in_process(instance=world.instance).success
    assert world.requested() == set()
    assert world.requested() == set()
