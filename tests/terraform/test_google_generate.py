"""`buildkit generate` for jobs in Google Cloud: roots with arguments the provider has, in either syntax."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.stacks.standalone import standalone_root
from buildkit_dagster.terraform.written_root import Format, write_root
from tests.google_provider import Terraform, google_terraform
from tests.scenario import edited, write_platform

PLATFORM, SALES = "config/platform.yaml", "config/jobs/acme/sales.yaml"
RUNTIMES = {
    "gcp_cloud_run_job": "{type: gcp_cloud_run, image_uri: 'gcr.io/example/loader:1'}",
    "gcp_cloud_function": "{type: gcp_cloud_function}",
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    with google_terraform(tmp_path_factory.mktemp("provider")) as run:
        yield run


@pytest.mark.parity("B-1", "B-5", "B-82", "B-84", "B!3", "B!4")
@pytest.mark.parametrize("form", ["hcl", "json"])
@pytest.mark.parametrize("module", RUNTIMES)
def test_a_generated_root_is_one_terraform_takes(module: str, form: Format, terraform: Terraform, tmp_path: Path):
    folder = write_platform(tmp_path / "harbour")
    edited(folder, PLATFORM, "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    edited(folder, SALES, "{type: aws_ecs_fargate, cpu: 256, memory: 512}", RUNTIMES[module])
    platform = load_platform(folder, "prod")
    job = next(job for job in platform.ingest_jobs if job.name == "sales")
    file = write_root(
        standalone_root(platform, job, {"platform": "x"}), tmp_path / "root", form, read_environment().variables
    )
    assert file.name == {"hcl": "acme-till-sales.tf", "json": "acme-till-sales.tf.json"}[form]
    assert f"modules/{module}" in file.read_text()
    assert terraform(file.parent, "init", "-backend=false").returncode == 0
    checked = terraform(file.parent, "validate")
    assert checked.returncode == 0, checked.stderr
