"""Two tenants whose files lie in one bucket of Cloud Storage: what the account of each may read there.

Grants are those Terraform would make of the rendered stacks; their conditions are evaluated here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.load import load_platform
from tests.google_provider import Terraform, google_terraform
from tests.scenario import FILES, edited, write_platform
from tests.terraform.test_google_stacks import GCP, PLATFORM, made_of

BUCKET = "harbour-landing"
OTHER = {"acme": "globex", "globex": "acme"}
RUNTIMES = {
    "orders": "{type: gcp_cloud_run, image_uri: 'example/loader:1'}",
    "visits": "{type: gcp_cloud_function}",
}

#: One grant on a bucket: its role and, where it has one, its condition.
Grant = Mapping[str, Any]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    with google_terraform(tmp_path_factory.mktemp("provider")) as run:
        yield run


def write_tenants(folder: Path) -> Path:
    """A platform of two tenants; of each a job of Cloud Run and a function read the same bucket."""
    write_platform(folder)
    edited(folder, PLATFORM, "defaults:\n", f"defaults:\n{GCP}")
    for name in ("sales", "customers"):
        (folder / f"config/jobs/acme/{name}.yaml").unlink()
    (folder / "config/connectors/landing.yaml").write_text(f"name: landing\ntype: gcs\nbucket: {BUCKET}\n")
    for tenant in OTHER:
        (folder / f"config/jobs/{tenant}").mkdir(exist_ok=True)
        dataset = f"name: {tenant}\ntype: bigquery\nproject: harbour-data\ndataset: {tenant}_till\n"
        (folder / f"config/connectors/{tenant}.yaml").write_text(dataset)
        for name, runtime in RUNTIMES.items():
            asset = FILES["config/assets/till/v1.0/customers.yaml"].replace("object: customers", f"object: {name}")
            (folder / f"config/assets/{tenant}_{name}.yaml").write_text(
                asset.replace("source_type: till", f"source_type: {tenant}_till")
            )
            (folder / f"config/jobs/{tenant}/{name}.yaml").write_text(
                f"tenant_id: {tenant}\nsource_connector_path: connectors/landing.yaml\n"
                f"target_connector_path: connectors/{tenant}.yaml\nasset_path: assets/{tenant}_{name}.yaml\n"
                f"source: {{path: '{tenant}/{name}/{{partition}}.csv', partition: day}}\n"
                f"infrastructure: {{runtime: {runtime}}}\n"
            )
    return folder


@pytest.fixture(scope="module")
def grants(terraform: Terraform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[Grant]]]:
    """The grants each job's unit makes on the bucket, by tenant and job."""
    platform = load_platform(write_tenants(tmp_path_factory.mktemp("platform")), "prod")
    found: dict[str, dict[str, list[Grant]]] = {}
    for tenant in OTHER:
        values = made_of(terraform, platform, tenant).values
        found[tenant] = {
            job: [
                grant
                for address, grant in values.items()
                if address.startswith(f"module.{job}.") and grant.get("bucket") == BUCKET
            ]
            for job in RUNTIMES
        }
    return found


def allowed(grants: list[Grant], key: str | None = None, listed: str | None = None) -> bool:
    """Whether they let an account read the object `key`, or list the bucket by the prefix `listed`."""
    bucket = f"projects/_/buckets/{BUCKET}"
    name = bucket if key is None else f"{bucket}/objects/{key}"
    return any(
        not grant["condition"] or holds(grant["condition"][0]["expression"], name, listed or "") for grant in grants
    )


def holds(expression: str, name: str, listed: str) -> bool:
    """A condition of a grant, of the forms that ours have; any other is an error.

    https://cloud.google.com/iam/docs/conditions-attribute-reference: `resource.name` and the API attribute
    `storage.googleapis.com/objectListPrefix`, which only a request that lists has.
    """
    prefix_attribute = 'api.getAttribute("storage.googleapis.com/objectListPrefix", "")'
    values = {"resource.name": name, prefix_attribute: listed}
    for term in expression.split(" || "):
        found = re.fullmatch(r"(.*)\.startsWith\((\".*\")\)", term)
        if not found or found[1] not in values:
            raise AssertionError(f"this evaluator does not know {term}")
        if values[found[1]].startswith(json.loads(found[2])):
            return True
    return False


@pytest.mark.parametrize("tenant", OTHER)
@pytest.mark.parametrize("job", RUNTIMES)
def test_a_job_reads_and_lists_its_own_files_of_a_bucket_it_shares_with_another_tenant(
    grants: dict[str, dict[str, list[Grant]]], tenant: str, job: str
) -> None:
    mine, other_job = grants[tenant][job], next(name for name in RUNTIMES if name != job)
    assert {grant["role"] for grant in mine} == {"roles/storage.objectViewer"}
    assert allowed(mine, key=f"{tenant}/{job}/2026-01-02.csv")
    assert allowed(mine, listed=f"{tenant}/{job}/")
    for folder in (f"{OTHER[tenant]}/{job}", f"{OTHER[tenant]}/{other_job}", f"{tenant}/{other_job}"):
        assert not allowed(mine, key=f"{folder}/2026-01-02.csv"), folder
        assert not allowed(mine, listed=f"{folder}/"), folder
    assert not allowed(mine, listed=f"{tenant}/")
    assert not allowed(mine, listed="")
