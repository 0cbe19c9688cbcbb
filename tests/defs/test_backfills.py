"""Backfills through Dagster's own machinery: its daemon's iteration, its launcher, runs that really load."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRun, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.backfill import execute_backfill_iteration

from buildkit_dagster.defs.object_requests import RANGE_END, RANGE_START
from buildkit_dagster.emulator.control import Emulator
from tests.defs.test_ingest import client_of
from tests.defs.till import Till, sales, till_at
from tests.scenario import edited, write_platform

MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")
_DEFINITIONS = """\
from pathlib import Path

from dagster import Definitions
from tests.defs.till import till_at

defs = Definitions(assets=till_at(Path({folder!r}), {name!r}, {endpoint!r}, lambda *_: None).assets)
"""


@dataclass
class Site:
    """A platform whose jobs run on this machine, and a daemon's view of it."""

    till: Till
    instance: DagsterInstance
    workspace: WorkspaceProcessContext

    def backfill(self, table: str, partitions: Sequence[str] | None) -> list[DagsterRun]:
        """Launch a backfill as the UI does, have the daemon carry it out; its runs."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=uuid.uuid4().hex[:8],
            asset_graph=self.workspace.create_request_context().asset_graph,
            partition_names=partitions,
            asset_selection=[AssetKey(["till", table])],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=partitions is None,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        for _ in range(5):
            errors = [each for each in execute_backfill_iteration(self.workspace, logging.getLogger()) if each]
            assert errors == []
            if self._status(backfill) is BulkActionStatus.COMPLETED_SUCCESS:
                break
        assert self._status(backfill) is BulkActionStatus.COMPLETED_SUCCESS
        return list(self.instance.get_runs(RunsFilter.for_backfill(backfill.backfill_id)))

    def _status(self, backfill: PartitionBackfill) -> BulkActionStatus | None:
        found = self.instance.get_backfill(backfill.backfill_id)
        return found.status if found else None


@pytest.fixture(scope="module")
def site(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, name = tmp_path_factory.mktemp("backfills"), f"till-{uuid.uuid4().hex[:8]}"
    write_platform(folder)
    edited(folder, "config/jobs/acme/sales.yaml", "{type: aws_ecs_fargate, cpu: 256, memory: 512}", "{type: local}")
    with (folder / "config/jobs/acme/customers.yaml").open("a") as file:
        file.write("source: {path: customers/, partition: key}\ninfrastructure: {runtime: {type: local}}\n")
    till = till_at(folder, name, emulator.endpoint, client_of(emulator))
    till.make_lake()
    for number, month in enumerate(MONTHS):
        till.put(f"sales/{month}.csv", sales(number * 10, number * 10 + 3))
    for key in ("a", "b c", "d"):
        till.put(f"customers/{key}.csv", b"id\n%d\n" % ord(key[0]))
    written = folder / "definitions.py"
    written.write_text(_DEFINITIONS.format(folder=str(folder), name=name, endpoint=emulator.endpoint))
    target = PythonFileTarget(str(written), None, str(Path.cwd()), None)
    with (
        instance_for_test(synchronous_run_coordinator=True, synchronous_run_launcher=True) as instance,
        create_test_daemon_workspace_context(target, instance) as workspace,
    ):
        instance.add_dynamic_partitions("till_sales", list(MONTHS))
        instance.add_dynamic_partitions("till_customers", ["a.csv", "b c.csv", "d.csv"])
        yield Site(till, instance, workspace)


def ends(run: DagsterRun) -> tuple[str | None, str | None]:
    return run.tags.get(RANGE_START), run.tags.get(RANGE_END)


def months_loaded(site: Site) -> list[tuple[str, int]]:
    rows = site.till.rows("select _partition, count(*) from till.sales group by 1 order by 1")
    return [(str(month), int(count)) for month, count in rows]


def test_a_backfill_of_a_range_is_one_run_and_loads_those_partitions_alone(site: Site) -> None:
    [run] = site.backfill("sales", MONTHS[1:4])
    assert ends(run) == ("2013-02", "2013-04")
    assert months_loaded(site) == [("2013-02", 3), ("2013-03", 3), ("2013-04", 3)]
    assert site.instance.get_materialized_partitions(AssetKey(["till", "sales"])) == set(MONTHS[1:4])


def test_single_partitions_with_others_between_them_are_a_run_each(site: Site) -> None:
    runs = site.backfill("sales", ["2013-01", "2013-04"])
    assert sorted(map(ends, runs)) == [("2013-01", "2013-01"), ("2013-04", "2013-04")]
    assert months_loaded(site)[0] == ("2013-01", 3)


def test_objects_as_partitions_are_backfilled_in_one_run(site: Site) -> None:
    [run] = site.backfill("customers", None)
    assert ends(run) == ("a.csv", "d.csv")
    found = site.till.rows("select _partition, id from till.customers order by 1")
    assert found == [("a.csv", 97), ("b c.csv", 98), ("d.csv", 100)]
