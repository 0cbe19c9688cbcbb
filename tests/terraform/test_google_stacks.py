"""The stacks of jobs in Google Cloud: rendered, checked by Terraform against the provider's schema, and carried out
with a provider that makes nothing."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, materialize

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.infra import infra_assets
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import StackNotEmulated
from buildkit_dagster.naming import Names
from buildkit_dagster.runtimes.cloud_function import FunctionCall
from buildkit_dagster.stacks.build import platform_roots, unit_names
from buildkit_dagster.stacks.ingest_gcp import google_unit
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.providers import GOOGLE_PROVIDER_VERSION
from buildkit_dagster.terraform.rendered_root import RenderedRoot
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.workdir import Workdir
from tests.google_provider import Terraform, google_terraform
from tests.google_schema import digest
from tests.scenario import edited, write_platform
from tests.terraform_runs import Run

PLATFORM = "config/platform.yaml"
SALES, CUSTOMERS = "config/jobs/acme/sales.yaml", "config/jobs/acme/customers.yaml"
SALES_TABLE = "config/assets/till/v1.0/sales.yaml"
RUNNER = "dagster@harbour-data.iam.gserviceaccount.com"
GCP = f"""\
  gcp:
    project: harbour-data
    region: europe-west1
    runner: {RUNNER}
    artifact_registry: europe-docker.pkg.dev/harbour-data/jobs
    network: {{connector: projects/harbour-data/locations/europe-west1/connectors/jobs}}
    notification_channels: [projects/harbour-data/notificationChannels/7]
"""
#: What would end a string, begin an expression or a directive, or be a line of its own.
NASTY = 'a "quoted" ${var.x} %{ if true } $${y}\n}\nresource "x" "y" {'


def written(folder: Path) -> Path:
    """A platform with a job in Cloud Run and a function."""
    write_platform(folder)
    edited(folder, PLATFORM, "defaults:\n", f"defaults:\n{GCP}")
    edited(
        folder,
        SALES,
        "runtime: {type: aws_ecs_fargate, cpu: 256, memory: 512}",
        "runtime: {type: gcp_cloud_run, image_uri: 'example/loader:1', cpu: '2', memory: 4Gi, timeout: 7200}",
    )
    edited(folder, SALES, "schedule: rate(12 hours)", "schedule: cron(0 2 * * ? *)\ntimezone: Europe/Berlin")
    edited(folder, SALES, "infrastructure:", "scheduler: cloud_scheduler\ninfrastructure:")
    text = (folder / CUSTOMERS).read_text()
    more = "schedule: rate(1 day)\nscheduler: cloud_scheduler\n"
    runtime = "infrastructure: {runtime: {type: gcp_cloud_function, memory: 512MB}}\n"
    (folder / CUSTOMERS).write_text(text + more + runtime)
    return folder


@dataclass
class Made:
    """What Terraform would have made of a stack: its resources' values by address, and the root's outputs."""

    values: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    with google_terraform(tmp_path_factory.mktemp("provider")) as run:
        yield run


def root_of(platform: Platform, tenant: str = "acme") -> RenderedRoot:
    return next(root for root in platform_roots(platform, {"platform": "x"}) if root.stack == f"ingest-{tenant}-gcp")


def written_root(platform: Platform, tenant: str = "acme") -> Path:
    """The folder Terraform runs in."""
    workdir = Workdir(TerraformStack.rendered(root_of(platform, tenant), platform.work))
    workdir.write({})
    return workdir.folder


def made_of(terraform: Terraform, platform: Platform, tenant: str = "acme") -> Made:
    """Carry a stack out with Terraform's mocks in the place of Google."""
    folder = written_root(platform, tenant)
    (folder / "all.tftest.hcl").write_text('mock_provider "google" {}\n\nrun "all" {}\n')
    assert terraform(folder, "init", "-backend=false").returncode == 0
    tested = terraform(folder, "test", "-json", "-verbose")
    assert tested.returncode == 0, tested.stdout
    (state,) = [line["test_state"] for line in map(json.loads, tested.stdout.splitlines()) if "test_state" in line]
    return Made(dict(resources(state["root_module"])), state["outputs"])


def resources(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", ()):
        yield resource["address"], resource["values"]
    for inner in module.get("child_modules", ()):
        yield from resources(inner)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = written(tmp_path_factory.mktemp("platform"))
    edited(folder, SALES_TABLE, "domain: retail", f"domain: retail\ndescription: {json.dumps(NASTY)}")
    return load_platform(folder, "prod")


@pytest.fixture(scope="module")
def made(terraform: Terraform, platform: Platform) -> Made:
    return made_of(terraform, platform)


def test_the_rendered_provider_is_the_one_whose_schema_is_known():
    assert digest()["provider_version"] == GOOGLE_PROVIDER_VERSION


@pytest.mark.parity("B-1", "B!4", "B!5")
def test_a_rendered_root_has_arguments_the_provider_knows_and_all_it_needs(terraform: Terraform, platform: Platform):
    folder = written_root(platform)
    assert terraform(folder, "init", "-backend=false").returncode == 0
    checked = terraform(folder, "validate")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parity("B-110", "B-111", "B-112", "B-113", "B-114", "B!6")
def test_a_job_of_cloud_run_is_what_its_file_says(made: Made):
    job = made.values["module.sales.google_cloud_run_v2_job.this"]
    task = job["template"][0]["template"][0]
    (container,) = task["containers"]
    assert (job["project"], job["location"], job["name"]) == ("harbour-data", "europe-west1", "harbour-prd-acme-sales")
    assert (task["timeout"], task["max_retries"]) == ("7200s", 0)
    assert container["resources"][0]["limits"] == {"cpu": "2", "memory": "4Gi"}
    assert container["image"] == "europe-docker.pkg.dev/harbour-data/jobs/example/loader:1"
    assert job["labels"]["tenant_id"] == "acme"


@pytest.mark.parity("B-7", "B-115", "B!6")
def test_cloud_scheduler_starts_a_job_that_says_so_with_a_session_of_its_own(made: Made):
    clock = made.values["module.sales.google_cloud_scheduler_job.this[0]"]
    call = clock["http_target"][0]
    assert (clock["schedule"], clock["time_zone"]) == ("0 2 * * *", "Europe/Berlin")
    assert call["uri"].endswith("/projects/harbour-data/locations/europe-west1/jobs/harbour-prd-acme-sales:run")
    assert made.values["module.sales.google_cloud_run_v2_job_iam_member.scheduler[0]"]["role"] == "roles/run.invoker"
    task = made.values["module.sales.google_cloud_run_v2_job.this"]["template"][0]["template"][0]
    names = {variable["name"] for variable in task["containers"][0]["env"]}
    assert {"DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"} <= names


@pytest.mark.parity("B-7", "B-115")
def test_cloud_scheduler_calls_a_function_with_what_it_needs_to_load(made: Made):
    clock = made.values["module.customers.google_cloud_scheduler_job.this[0]"]
    call, variables = FunctionCall.from_body(json.loads(base64.b64decode(clock["http_target"][0]["body"])))
    function = made.values["module.customers.google_cloudfunctions2_function.this"]
    assert (clock["schedule"], clock["time_zone"]) == ("0 0 * * *", "UTC")
    assert call.function == f"projects/harbour-data/locations/europe-west1/functions/{function['name']}"
    assert call.bucket == made.values["module.customers.module.workload.google_storage_bucket.messages"]["name"]
    assert call.deadline < function["service_config"][0]["timeout_seconds"]
    assert set(variables) == {"DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"}


def test_a_function_is_what_its_file_says(made: Made):
    function = made.values["module.customers.google_cloudfunctions2_function.this"]
    service = function["service_config"][0]
    assert function["name"] == "harbour-prd-acme-customers"
    assert (service["available_memory"], service["timeout_seconds"]) == ("512M", 540)
    assert service["ingress_settings"] == "ALLOW_INTERNAL_ONLY"
    assert service["vpc_connector"] == "projects/harbour-data/locations/europe-west1/connectors/jobs"


def test_a_job_says_where_it_runs_and_where_its_messages_are(made: Made):
    assert {"job_name", "job_id", "project_id", "region", "service_account_email", "messages_bucket"} <= set(
        made.outputs["sales"]["value"]
    )
    assert {"url", "function_name", "project_id", "region", "service_account_email", "messages_bucket"} <= set(
        made.outputs["customers"]["value"]
    )


@pytest.mark.parity("B!19")
def test_what_is_written_in_a_description_arrives_as_it_is(made: Made):
    assert made.values["module.sales.module.workload.google_service_account.this[0]"]["description"] == NASTY


@pytest.mark.parity("B!6")
def test_only_the_runner_starts_jobs_and_nobody_is_public(made: Made):
    members = {
        values["member"]
        for address, values in made.values.items()
        if re.search(r"google_cloud_run_v2_\w+_iam_member.invokers", address)
    }
    scheduler = made.values["module.customers.google_service_account.scheduler[0]"]["email"]
    assert members == {f"serviceAccount:{RUNNER}", f"serviceAccount:{scheduler}"}
    assert "allUsers" not in json.dumps(made.values)


def test_a_job_grants_nothing_to_the_accounts_of_another(made: Made):
    """Accounts are told apart by the addresses that the mocks make up."""
    own = {
        unit: {
            values["email"]
            for address, values in made.values.items()
            if address.startswith(f"module.{unit}.") and "google_service_account.this" in address
        }
        for unit in ("sales", "customers")
    }
    assert not own["sales"] & own["customers"]
    for unit, other in (("sales", "customers"), ("customers", "sales")):
        granted = [
            values["member"]
            for address, values in made.values.items()
            if address.startswith(f"module.{unit}.") and "_iam_member" in address
        ]
        assert granted
        assert not [member for member in granted if any(email in member for email in own[other])]


@pytest.mark.parity("B!5")
def test_encryption_and_retention_of_the_table_are_those_of_its_messages_and_logs(made: Made):
    logs = made.values["module.sales.module.workload.google_logging_project_bucket_config.this[0]"]
    key = made.values["module.sales.module.workload.google_kms_crypto_key.this[0]"]["id"]
    assert logs["retention_days"] == 730
    assert logs["cmek_settings"][0]["kms_key_name"] == key
    bucket = made.values["module.sales.module.workload.google_storage_bucket.messages"]
    assert bucket["encryption"][0]["default_kms_key_name"] == key
    assert not any(address.startswith("module.customers.module.workload.google_kms") for address in made.values)


@pytest.mark.parity("B!11")
def test_labels_are_ones_google_takes_everywhere(made: Made):
    labels = [values[key] for values in made.values.values() for key in ("labels", "user_labels") if values.get(key)]
    assert len(labels) > 4
    for key, value in (item for found in labels for item in found.items()):
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_the_source_of_a_function_is_written_beside_its_root(platform: Platform):
    folder = written_root(platform)
    archive = root_of(platform).calls[0].inputs["source_archive"]
    names = zipfile.ZipFile(io.BytesIO((folder / archive).read_bytes())).namelist()
    assert {"main.py", "requirements.txt", "buildkit_dagster/runtimes/entrypoints/ingest.py"} <= set(names)


def test_the_state_lies_in_the_same_bucket_under_a_key_of_its_own(platform: Platform):
    root = root_of(platform)
    names: Names = platform.names
    assert root.backend is not None
    assert (root.backend.bucket, root.backend.key) == (names.state_bucket(), "stacks/ingest-acme-gcp/terraform.tfstate")


def test_a_tenant_with_jobs_in_both_clouds_has_two_stacks(tmp_path: Path):
    folder = written(tmp_path)
    (folder / CUSTOMERS).write_text((folder / CUSTOMERS).read_text().rpartition("schedule: rate")[0])
    units = unit_names(load_platform(folder, "prod"))
    assert (units["ingest-acme"], units["ingest-acme-gcp"]) == (("customers",), ("sales",))


def test_one_job_alone_is_one_call_of_a_module(platform: Platform):
    calls = [google_unit(Scope(platform), job) for job in platform.ingest_jobs]
    assert [call.module for call in calls if call] == ["gcp_cloud_function", "gcp_cloud_run_job"]


def test_secrets_of_connectors_and_of_the_warehouse_are_variables_that_cloud_run_fills(tmp_path: Path):
    folder = written(tmp_path)
    edited(folder, PLATFORM, "    project: harbour-data\n", "    project: harbour-data\n    secrets: {token: house}\n")
    secret = "projects/harbour-data/secrets/till/versions/2"
    postgres = f"type: postgres\nhost: db\ndatabase: till\nusername: loader\npassword: {secret}"
    (folder / "config/connectors/till.yaml").write_text(f"name: till\ndataset: till\n{postgres}\n")
    edited(folder, CUSTOMERS, "connectors/warehouse.yaml", "connectors/till.yaml")
    platform = load_platform(folder, "prod")
    units = {job.name: google_unit(Scope(platform), job) for job in platform.ingest_jobs}
    given = {name: unit.inputs["secrets"] for name, unit in units.items() if unit}
    assert given == {
        "customers": {"DESTINATION__POSTGRES__CREDENTIALS__PASSWORD": secret},
        "sales": {"DESTINATION__ATHENA__CREDENTIALS__TOKEN": "house"},
    }


def test_in_the_emulator_a_stack_of_google_says_that_it_cannot_be_made(tmp_path: Path):
    platform = load_platform(written(tmp_path), "dev")
    engine = Engine(TerraformStack.rendered(root_of(platform), platform.work), NoCloud(), "run", lambda _: None)
    with pytest.raises(StackNotEmulated, match=r"stack ingest-acme-gcp .* emulates AWS alone"):
        engine.write()
    assert not engine.workdir.folder.exists()


def test_materializing_such_a_stack_fails_with_that_message_and_makes_nothing(
    tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any]
):
    folder = written(tmp_path)
    edited(folder, PLATFORM, "name: harbour", "name: ferry")
    platform = load_platform(folder, "dev")
    boto("s3").create_bucket(
        Bucket=platform.names.state_bucket(), CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    process = replace(read_environment(), endpoint=emulator.endpoint)
    made = next(each for each in infra_assets(platform, process) if "ingest-acme-gcp" in str(each.keys))
    instance = DagsterInstance.ephemeral()
    run = Run(materialize([made], instance=instance, raise_on_error=False), instance)
    assert not run.success
    assert "emulates AWS alone; nothing was made" in run.error
    assert run.reported == []


def test_a_platform_with_jobs_in_google_loads_as_one_graph(tmp_path: Path):
    folder = written(tmp_path)
    edited(folder, "config/codebuild-config.yml", "active: true", "active: false")
    graph = build_definitions(load_platform(folder, "dev"), read_environment()).resolve_asset_graph()
    for table, unit in (("sales", "sales"), ("customers", "customers")):
        assert AssetKey(["infra", "ingest-acme-gcp", unit]) in graph.get(AssetKey(["till", table])).parent_keys


class NoCloud:
    """A cloud nobody may ask."""

    variables: Mapping[str, str] = {}

    def client(self, service: str) -> Any:
        raise AssertionError(service)
