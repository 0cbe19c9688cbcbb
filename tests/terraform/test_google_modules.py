"""The HCL modules for Google Cloud: run by Terraform offline, against the schema of Google's provider."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.google_provider import Terraform, google_terraform
from tests.google_schema import RESOURCES, digest
from tests.terraform.test_modules import blocks

FOLDER = REPOSITORY / "terraform"
NAMES = sorted(path.name for path in (FOLDER / "modules").glob("gcp_*"))
ROOTS = [*(f"modules/{name}/examples/basic" for name in NAMES), "examples/gcp"]

PROVIDER = """\
terraform {
  required_providers {
    google = { source = "hashicorp/google", version = "6.50.0" }
  }
}
"""


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    with google_terraform(tmp_path_factory.mktemp("provider")) as run:
        yield run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's HCL."""
    return Path(shutil.copytree(FOLDER, tmp_path_factory.mktemp("google") / "terraform"))


def initialised(terraform: Terraform, root: Path) -> Path:
    done = terraform(root, "init", "-input=false")
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_complete_and_pinned_to_the_provider_it_is_checked_against(name: str):
    module = FOLDER / "modules" / name
    assert {"variables.tf", "outputs.tf", "versions.tf", "README.md"} <= {path.name for path in module.iterdir()}
    for file in (module / "versions.tf", module / "examples" / "basic" / "main.tf"):
        pinned = re.findall(r'source\s+= "(hashicorp.*)"\s+version = "(.*)"', file.read_text())
        assert pinned == [("hashicorp/google", digest()["provider_version"])]
    for kind, file in (("variable", module / "variables.tf"), ("output", module / "outputs.tf")):
        assert len(re.findall(r"^  description = ", file.read_text(), flags=re.MULTILINE)) == len(blocks(file, kind))


@pytest.mark.parity("B-110", "B-111", "B-112", "B-113", "B-114", "B-115", "B-116", "B-118", "B-119", "B-120")
@pytest.mark.parity("B!5", "B!6", "B!7")
@pytest.mark.parametrize("name", NAMES)
def test_a_module_passes_its_own_tests_without_a_cloud(name: str, terraform: Terraform, folder: Path):
    tested = terraform(initialised(terraform, folder / "modules" / name), "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"Success! [1-9]\d* passed", tested.stdout)


@pytest.mark.parity("B-126", "B-127", "B!4")
@pytest.mark.parametrize("root", ROOTS)
def test_every_argument_of_an_example_is_one_the_provider_has(root: str, terraform: Terraform, folder: Path):
    checked = terraform(initialised(terraform, folder / root), "validate")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parity("B-110", "B-111", "B-112", "B-113", "B-114", "B-115", "B-116", "B-118", "B-119", "B-120")
def test_what_stands_in_place_of_dativos_variables_and_outputs_is_there():
    table = re.findall(r"^\| (B-\d+) \| `(\w+)` \| (.*) \|$", (REPOSITORY / "docs/google.md").read_text(), re.MULTILINE)
    assert {row for row, _, _ in table} == {f"B-{number}" for number in (*range(110, 117), 118, 119, 120)}
    modules = [FOLDER / "modules" / name for name in NAMES]
    variables = {name for module in modules for name in blocks(module / "variables.tf", "variable")}
    outputs = {name for module in modules for name in blocks(module / "outputs.tf", "output")}
    for row, theirs, ours in table:
        if not ours.startswith("none"):
            assert re.search(r"`(\w+)`", ours)[1] in (outputs if row > "B-117" else variables), (row, theirs)  # type: ignore[index]


def test_the_examples_are_formatted(terraform: Terraform):
    checked = terraform(FOLDER / "examples" / "gcp", "fmt", "-check", "-diff")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parity("B-126", "B-127")
def test_the_example_has_both_jobs_and_the_schedule_within_googles_limits():
    text = (FOLDER / "examples" / "gcp" / "jobs.tf").read_text()
    assert set(re.findall(r'asset_name\s+= "(\w+)"', text)) == {"hubspot_contacts", "stripe_customers"}
    assert re.findall(r'schedule\s+= "(.*)"', text) == ["0 2 * * *"]
    assert re.findall(r"timeout_seconds\s+= (\d+)", text) == ["3600", "7200"]
    assert blocks(FOLDER / "examples" / "gcp" / "variables.tf", "variable") >= {
        "project_id", "region", "image_uri", "service_account_email"
    }  # fmt: skip


@pytest.mark.parity("B!4")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            'resource "google_cloud_run_service" "a" {\n  name = "a"\n  location = "b"\n  labels = {}\n}',
            'An argument named "labels" is not expected here.',
            id="labels of a service of Cloud Run",
        ),
        pytest.param(
            'resource "google_cloud_scheduler_job" "a" {\n  name = "a"\n  labels = {}\n}',
            'An argument named "labels" is not expected here.',
            id="labels of a job of Cloud Scheduler",
        ),
        pytest.param(
            'resource "google_cloud_scheduler_job" "a" {\n  name = "a"\n  http_target {}\n}',
            'The argument "uri" is required, but no definition was found.',
            id="a required argument of a nested block",
        ),
        pytest.param(
            'resource "google_cloud_run_v2_job" "a" {\n  name = "a"\n  location = "b"\n}',
            'At least 1 "template" blocks are required.',
            id="a required block",
        ),
        pytest.param(
            'resource "google_cloudfunctions2_function" "a" {\n  location = "a"\n  service_configs {}\n}',
            'Blocks of type "service_configs" are not expected here. Did you mean "service_config"?',
            id="a misspelt block",
        ),
        pytest.param(
            'resource "google_cloudfunctions2_function" "a" {\n  location = "a"\n'
            '  service_config {\n    max_instance_count = "many"\n  }\n}',
            'Inappropriate value for attribute "max_instance_count": a number is required.',
            id="a text where a number belongs",
        ),
        pytest.param(
            'resource "google_cloud_run_v2_job" "a" {\n  name = "a"\n  location = "b"\n'
            "  template {\n    template {}\n    template {}\n  }\n}",
            'No more than 1 "template" blocks are allowed',
            id="a block too many",
        ),
        pytest.param(
            'resource "google_service_account" "a" {\n  account_id = "a"\n}\n'
            'output "a" {\n  value = google_service_account.a.mail\n}',
            'This object has no argument, nested block, or exported attribute named "mail".',
            id="an attribute nobody has",
        ),
    ],
)
def test_what_the_provider_would_refuse_is_refused_offline(
    written: str, expected: str, terraform: Terraform, tmp_path: Path
):
    (tmp_path / "main.tf").write_text(PROVIDER + written)
    checked = terraform(initialised(terraform, tmp_path), "validate")
    assert checked.returncode == 1
    assert expected in " ".join(checked.stderr.split())


def test_every_resource_the_modules_use_is_among_those_whose_schema_is_known():
    text = "\n".join(path.read_text() for name in NAMES for path in (FOLDER / "modules" / name).glob("*.tf"))
    used = set(re.findall(r'^resource "(\w+)"', text, flags=re.MULTILINE))
    assert used == set(RESOURCES) - {"google_cloud_run_service"}
