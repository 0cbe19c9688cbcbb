"""All definitions of the demo's platform: one graph, its jobs, schedules and sensors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, Definitions
from syrupy.assertion import SnapshotAssertion

from buildkit_dagster.commands.init import make_folder
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.graph import read_graph
from buildkit_dagster.defs.launch import job_names, submit
from buildkit_dagster.errors import EmptySelection, InvalidSelection, UnknownJob, UnknownPartition
from buildkit_dagster.graph import as_data
from buildkit_dagster.runtimes.prepare import prepare_platform

STATE_BACKEND = AssetKey(["infra", "bootstrap", "state_backend"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo") / "platform"
    make_folder(made)
    return made


@pytest.fixture(scope="module")
def platform(folder: Path) -> Platform:
    return load_platform(folder, "dev")


@pytest.fixture(scope="module")
def definitions(platform: Platform) -> Definitions:
    list(prepare_platform(platform, read_environment()))
    return build_definitions(platform, read_environment())


def test_the_whole_graph(definitions: Definitions, snapshot: SnapshotAssertion) -> None:
    data = as_data(read_graph(definitions))
    lines = [f"{asset['key']}  [{asset['group']}: {' '.join(asset['kinds'])}]" for asset in data["assets"]]
    lines += [f"{edge['from']} -> {edge['to']}" for edge in data["edges"]]
    assert "\n".join(lines) == snapshot


def test_the_state_backend_is_an_ancestor_of_every_model(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    models = [key for key in graph.materializable_asset_keys if key.path[0] == "flights"]
    assert len(models) >= 18
    for model in models:
        assert STATE_BACKEND in graph.get_ancestor_asset_keys(model), model


def test_everything_but_the_state_backend_rests_on_something(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.root_materializable_asset_keys == {STATE_BACKEND}


def test_the_jobs_are_those_the_configuration_names(definitions: Definitions) -> None:
    assert job_names(definitions) == [
        "bootstrap",
        "dbt_flights",
        "drift",
        "infrastructure",
        "ingest_acme_airlines",
        "ingest_acme_airports",
        "ingest_acme_flights",
        "ingest_acme_planes",
        "ingest_acme_weather",
        "plan",
        "platform",
        "release_stale_locks",
        "replay_raw",
        "stack_dbt",
        "stack_ingest_acme",
        "stack_lake",
        "stack_registry",
        "tags",
    ]


def test_infrastructure_holds_units_and_images_and_nothing_else(definitions: Definitions) -> None:
    keys = definitions.resolve_job_def("infrastructure").asset_layer.selected_asset_keys
    assert {key.path[0] for key in keys} == {"infra", "image"}
    everything = definitions.resolve_asset_graph().materializable_asset_keys
    assert keys == {key for key in everything if key.path[0] in ("infra", "image")}


def test_no_job_that_applies_looks_for_drift_and_the_job_that_looks_applies_nothing(definitions: Definitions) -> None:
    looked = {"drift", "orphans"}
    for job in ("platform", "infrastructure", "bootstrap", "stack_lake"):
        checks = definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
        assert not looked & {key.name for key in checks}, job
    layer = definitions.resolve_job_def("drift").asset_layer
    assert layer.selected_asset_keys == set()
    ops = {node.name for node in definitions.resolve_job_def("drift").nodes_in_topological_order}
    stacks = {"drift_bootstrap", "drift_dbt", "drift_ingest_acme", "drift_lake", "drift_registry"}
    assert ops == {*stacks, "connections"}
    assert definitions.get_schedule_def("drift_schedule").cron_schedule == "0 0,6,12,18 * * *"


@pytest.mark.parity("A-4", "A-78", "A-96")
@pytest.mark.parametrize(
    ("job", "looks"), [("platform", True), ("infrastructure", True), ("stack_registry", True), ("stack_lake", False)]
)
def test_who_makes_a_connection_is_told_at_once_whether_it_waits_for_somebody(
    definitions: Definitions, job: str, looks: bool
) -> None:
    checks = definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
    assert ("connection" in {key.name for key in checks}) is looks


def test_one_stack_is_one_op_in_a_pool_of_its_own(definitions: Definitions) -> None:
    units = [key for key in definitions.resolve_asset_graph().materializable_asset_keys if key.path[0] == "infra"]
    ops = {(key.path[1], definitions.get_assets_def(key).op) for key in units}
    assert sorted((stack, op.pool) for stack, op in ops) == [
        ("bootstrap", "terraform_bootstrap"),
        ("dbt", "terraform_dbt"),
        ("ingest-acme", "terraform_ingest_acme"),
        ("lake", "terraform_lake"),
        ("registry", "terraform_registry"),
    ]


def test_a_schedule_is_the_expression_it_had(definitions: Definitions) -> None:
    schedule = definitions.get_schedule_def("dbt_flights_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    assert schedule.description == "cron(0 2 * * ? *)"


def test_every_model_follows_data_and_no_infrastructure_has_a_condition(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    with_condition = {key.path[0] for key in graph.materializable_asset_keys if graph.get(key).automation_condition}
    assert with_condition == {"flights"}


def test_every_asset_has_an_owner_and_a_group(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.materializable_asset_keys]
    assert [node.key for node in nodes if not node.owners or node.group_name == "default"] == []


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        yield opened


def test_launch_names_the_jobs_there_are(definitions: Definitions, instance: DagsterInstance, folder: Path) -> None:
    with pytest.raises(UnknownJob, match="infrastructure, ingest_acme_airlines"):
        submit(definitions, instance, folder / "workspace.yaml", "nightly")


def test_launch_refuses_a_selection_outside_the_job(
    definitions: Definitions, instance: DagsterInstance, folder: Path
) -> None:
    with pytest.raises(EmptySelection, match="holds no asset of job 'bootstrap'"):
        submit(definitions, instance, folder / "workspace.yaml", "bootstrap", selection="key:flights/*")
    with pytest.raises(EmptySelection):
        submit(definitions, instance, folder / "workspace.yaml", "bootstrap", selection="nowhere")
    with pytest.raises(InvalidSelection, match="not a selection in Dagster's syntax"):
        submit(definitions, instance, folder / "workspace.yaml", "bootstrap", selection="(((")


@pytest.mark.parametrize("job", ["ingest_acme_flights", "ingest_acme_airlines"])
def test_launch_refuses_a_partition_the_job_does_not_have(
    definitions: Definitions, instance: DagsterInstance, folder: Path, job: str
) -> None:
    with pytest.raises(UnknownPartition, match=f"job '{job}' has no partition '2099-01'; it has: none"):
        submit(definitions, instance, folder / "workspace.yaml", job, partition="2099-01")
    assert instance.get_runs_count() == 0


_LOAD = """
import json, sys
from pathlib import Path
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.build import build_definitions

definitions = build_definitions(load_platform(Path(sys.argv[1]), "dev"), read_environment())
definitions.resolve_asset_graph()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _imported_to_load(folder: Path) -> set[str]:
    loaded = subprocess.run(
        [sys.executable, "-c", _LOAD, str(folder)], check=True, capture_output=True, text=True, timeout=600
    )
    return set(json.loads(loaded.stdout.splitlines()[-1]))


@pytest.mark.usefixtures("definitions")
def test_a_platform_imports_dbt_only_where_it_has_a_project_and_never_the_engine_of_its_loads(
    folder: Path, tmp_path: Path
) -> None:
    assert {"dagster_dbt", "dbt"} <= _imported_to_load(folder)
    bare = tmp_path / "platform"
    make_folder(bare)
    (bare / "config/codebuild-config.yml").write_text("codebuild: []\n")
    imported = _imported_to_load(bare)
    assert "dagster" in imported
    assert not imported & {"dagster_dbt", "dbt", "dagster_aws", "dlt"}
