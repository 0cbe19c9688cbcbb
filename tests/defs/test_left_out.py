"""A platform with jobs on both clouds in the emulator: what runs of everything leave out, tell, and still make."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dagster import AssetKey, AssetSelection, DagsterInstance, DefaultScheduleStatus, Definitions

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.instance import dagster_variables, open_instance, prepare_home
from buildkit_dagster.defs.left_out import left_out_of
from buildkit_dagster.defs.watch import look, materialization_times
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from buildkit_dagster.runtimes.prepare import prepare_platform
from tests.scenario import edited, write_platform

PLATFORM, SALES = "config/platform.yaml", "config/jobs/acme/sales.yaml"
ECS = "runtime: {type: aws_ecs_fargate, cpu: 256, memory: 512}"
CLOUD_RUN = "runtime: {type: gcp_cloud_run, image_uri: 'example/loader:1'}"
UNIT, TABLE = "infra/ingest-acme-gcp/sales", "till/sales"
#: The models of the shop that read the table of the job in Google Cloud.
MODELS = {"shop/customers", "shop/orders", "shop/totals"}
#: One that does not.
REGULARS = "select id from {{ source('till', 'customers') }}"
#: That one, with a test of it which reads one that is not built.
REGULAR = "  - {name: regulars, columns: [{name: id, data_tests: [not_null, {relationships: %s}]}]}\n"
TOLD = f"Left out, as dev emulates AWS alone: {UNIT}, and what rests on them: "
NOT_EMULATED = "stack ingest-acme-gcp makes infrastructure in Google Cloud, and this environment emulates AWS alone"


def write_mixed(folder: Path) -> Path:
    """`sales` is loaded in Cloud Run, `customers` in ECS; the shop has models on either."""
    write_platform(folder)
    edited(folder, PLATFORM, "    cloud: emulator\n", "    cloud: emulator\n    gcp: {project: harbour-data}\n")
    edited(folder, PLATFORM, "raw: {notifications: true}", "raw: {}")
    edited(folder, SALES, ECS, CLOUD_RUN)
    edited(folder, "config/codebuild-config.yml", "    engine: duckdb\n", "    engine: duckdb\n    runtime: local\n")
    shop = folder / "dbt_projects/shop"
    edited(shop, "models/sources.yml", "    tables:\n", "    tables:\n      - name: customers\n")
    (shop / "models/regulars.sql").write_text(REGULARS)
    models = shop / "models/models.yml"
    models.write_text(models.read_text() + REGULAR % "{arguments: {to: ref('orders'), field: id}}")
    return folder


@dataclass(frozen=True)
class Mixed:
    """Such a platform whose emulator runs."""

    platform: Platform
    process: ProcessEnvironment

    @property
    def definitions(self) -> Definitions:
        return build_definitions(self.platform, self.process)

    def buildkit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from buildkit_dagster.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.platform.folder,
            env=dagster_variables(self.platform, self.process),
            capture_output=True,
            text=True,
            timeout=580,
        )

    @contextmanager
    def instance(self) -> Iterator[DagsterInstance]:
        with open_instance(prepare_home(self.platform, self.process)) as instance:
            yield instance

    def materialized(self) -> set[str]:
        with self.instance() as instance:
            keys = self.definitions.resolve_asset_graph().materializable_asset_keys
            return {"/".join(key.path) for key in materialization_times(instance, keys)}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    platform = load_platform(write_mixed(tmp_path_factory.mktemp("mixed")), "dev")
    process = replace(read_environment(), endpoint=None)
    list(prepare_platform(platform, process))
    emulator = start_emulator(state_dir=platform.work, repositories={}, owner_pid=os.getpid())
    try:
        yield Mixed(platform, process)
    finally:
        stop_emulator(emulator)


@pytest.fixture(scope="module")
def infrastructure(mixed: Mixed) -> str:
    """What `buildkit launch infrastructure` prints."""
    done = mixed.buildkit("launch", "infrastructure", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_asset_stays_in_the_graph_and_those_left_out_say_so(mixed: Mixed) -> None:
    graph = mixed.definitions.resolve_asset_graph()
    marked = AssetSelection.tag("buildkit/left_out", "not_emulated").resolve(graph)
    assert {"/".join(key.path) for key in marked} == {UNIT, TABLE, *MODELS}
    told = {key: (graph.get(key).description or "").partition("\n")[0] for key in marked}
    assert [key.name for key in graph.asset_check_keys if key.name.startswith("relationships")]
    where = "Left out of runs of everything: it {} Google Cloud, and dev emulates AWS alone."
    assert told.pop(AssetKey(UNIT.split("/"))) == where.format("is in")
    assert set(told.values()) == {where.format("rests on")}


@pytest.mark.parametrize("job", ["platform", "infrastructure", "drift", "tags", "dbt_shop"])
def test_a_job_over_more_than_them_holds_none_of_them_and_no_check_that_reads_one(mixed: Mixed, job: str) -> None:
    layer = mixed.definitions.resolve_job_def(job).asset_layer
    checks = layer.asset_graph.asset_check_keys
    held = layer.selected_asset_keys | {check.asset_key for check in checks}
    assert held
    assert {UNIT, TABLE, *MODELS}.isdisjoint("/".join(key.path) for key in held)
    assert not [check.name for check in checks if check.name.startswith("relationships")]


def test_a_job_over_nothing_else_keeps_them_and_no_schedule_starts_it(mixed: Mixed) -> None:
    definitions = mixed.definitions
    for job, asset in (("stack_ingest_acme_gcp", UNIT), ("ingest_acme_sales", TABLE)):
        layer = definitions.resolve_job_def(job).asset_layer
        assert layer.selected_asset_keys == {AssetKey(asset.split("/"))}
    schedule = definitions.resolve_schedule_def("ingest_acme_sales_schedule")
    assert schedule.default_status is DefaultScheduleStatus.STOPPED


def test_where_google_is_real_nothing_is_left_out(tmp_path: Path) -> None:
    folder = write_mixed(tmp_path)
    edited(folder, PLATFORM, "    segment: prd\n", "    segment: prd\n    gcp: {project: harbour-data}\n")
    edited(folder, "config/codebuild-config.yml", "active: true", "active: false")
    definitions = build_definitions(load_platform(folder, "prod"), read_environment())
    keys = definitions.resolve_job_def("platform").asset_layer.selected_asset_keys
    assert {AssetKey(UNIT.split("/")), AssetKey(TABLE.split("/"))} <= keys


def test_the_infrastructure_is_made_without_them_and_says_so(mixed: Mixed, infrastructure: str) -> None:
    assert TOLD in infrastructure
    made = mixed.materialized()
    assert "infra/ingest-acme/customers" in made
    assert UNIT not in made


@pytest.mark.usefixtures("infrastructure")
def test_a_plan_of_everything_leaves_them_out_and_says_so(mixed: Mixed) -> None:
    planned = mixed.buildkit("plan")
    assert planned.returncode == 0, planned.stdout
    assert "ingest-acme-gcp" not in planned.stdout
    assert TOLD in planned.stderr


@pytest.mark.usefixtures("infrastructure")
@pytest.mark.thorough
def test_the_platform_is_complete_without_them(mixed: Mixed) -> None:
    s3 = aws_for(mixed.platform, mixed.process).client("s3")
    s3.put_object(Bucket=mixed.platform.names.bucket("raw"), Key="customers/one.csv", Body=b"id\n1\n2\n")
    done = mixed.buildkit("launch", "platform", "--wait")
    assert done.returncode == 0, done.stdout
    assert TOLD in done.stdout
    assert {"till/customers", "shop/regulars"} <= mixed.materialized()
    assert mixed.materialized().isdisjoint({UNIT, TABLE, *MODELS})
    left_out = left_out_of("dev", mixed.definitions.resolve_asset_graph().assets_defs)
    with mixed.instance() as instance:
        situation = look(mixed.definitions, instance, left_out)
    assert (situation.missing, situation.unfinished) == ((), ())
    # Nobody has approved the connection.
    assert {check.name for check in situation.checks if not check.passed} == {"connection"}


@pytest.mark.usefixtures("infrastructure")
@pytest.mark.thorough
def test_one_that_is_asked_for_by_name_says_that_it_cannot_be_made(mixed: Mixed) -> None:
    planned = mixed.buildkit("plan", "--stack", "ingest-acme-gcp")
    assert (planned.returncode, NOT_EMULATED in planned.stdout) == (1, True)
    launched = mixed.buildkit("launch", "stack_ingest_acme_gcp", "--wait")
    assert (launched.returncode, NOT_EMULATED in launched.stdout) == (1, True)
    assert TOLD not in launched.stdout
