"""Resources by tag: `buildkit resources` on both clouds, and the queries of the guide with the tags that are set."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from buildkit_dagster.cloud.gcp import Gcp
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.errors import BuildkitError, GoogleProjectMissing, GoogleRefused, TagMalformed
from buildkit_dagster.tags.rendering import gcp_labels
from buildkit_dagster.tags.resources import google_resources
from buildkit_dagster.tags.wanted import job_labels, job_tags
from tests.scenario import edited
from tests.tags.conftest import GCP
from tests.tags.stand_in import Google

REPOSITORY = Path(__file__).parents[2]
UNIT = "ingest-acme/sales"


def refused(done: Result, kind: type[BuildkitError]) -> str:
    assert isinstance(done.exception, kind), done.output
    return str(done.exception)


def run_job(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "name": f"//run.googleapis.com/projects/harbour-data/locations/europe-west1/jobs/{name}",
        "assetType": "run.googleapis.com/Job",
        "location": "europe-west1",
        "labels": labels,
    }


@pytest.fixture
def tagged(folder: Path, boto: Callable[[str], Any], stand_in: Google) -> str:
    """A cost center whose job has a bucket in AWS and three jobs in Google; returns what the job's file calls it."""
    center = f"ENG-{uuid.uuid4().hex[:6]}"
    edited(
        folder,
        "config/jobs/acme/sales.yaml",
        "metadata: {cost_center: SALES-9}",
        f"metadata: {{cost_center: {center}}}",
    )
    platform = load_platform(folder, "dev")
    job = next(job for job in platform.ingest_jobs if job.name == "sales")
    tags = {**job_tags(platform, job).tags, "buildkit_unit": UNIT}
    bucket = f"tagged-{uuid.uuid4().hex}"
    boto("s3").create_bucket(Bucket=bucket)
    boto("s3").put_bucket_tagging(
        Bucket=bucket, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    )
    stand_in.resources = [run_job(f"sales-{number}", dict(job_labels(platform, job).tags)) for number in range(3)]
    stand_in.resources.append(run_job("other", {"finops_cost_center": "eng-002"}))
    return center


@pytest.mark.parity("B-10", "B!12")
def test_everything_with_a_tag_is_listed_on_both_clouds(
    buildkit: Callable[..., Result], tagged: str, stand_in: Google
) -> None:
    done = buildkit("resources", f"finops_cost_center={tagged}", "finops_business_tags=nightly")
    assert done.exit_code == 0, done.output
    aws, *google = done.output.splitlines()
    assert aws.startswith("s3  arn:aws:s3:::tagged-")
    assert aws.endswith("infra/ingest-acme/sales")
    names = [line.split()[:2] for line in google]
    assert names == [["run.googleapis.com/Job", run_job(f"sales-{number}", {})["name"]] for number in range(3)]
    assert all(line.endswith("europe-west1  till_sales") for line in google)
    assert [each.get("pageToken") for each in stand_in.asked] == [None, "2"], "page by page"

    (only,) = json.loads(buildkit("resources", "--cloud", "aws", "--json", f"finops_cost_center={tagged}").output)
    assert (only["type"], only["asset"], only["tags"]["finops_cost_center"]) == (
        "s3",
        "infra/ingest-acme/sales",
        tagged,
    )
    assert buildkit("resources", "finops_cost_center=NOBODY").output == "nothing carries these tags\n"


@pytest.mark.parity("B-10")
def test_the_printed_query_of_the_tagging_api_finds_what_is_tagged(tagged: str, boto: Callable[[str], Any]) -> None:
    documented = (REPOSITORY / "docs/tags.md").read_text()
    (key, value), *_ = re.findall(r"--tag-filters Key=(\w+),Values=([\w-]+)", documented)
    filters = [{"Key": key, "Values": [tagged]}]
    found = boto("resourcegroupstaggingapi").get_resources(TagFilters=filters)["ResourceTagMappingList"]
    assert len(found) == 1
    written = [{key: value}, {"asset_name": "hubspot_contacts"}]
    labels = [f"{key}={value}" for tags in written for key, value in gcp_labels(tags).tags.items()]
    assert f"--query='labels.{labels[0]}'" in documented
    assert f"--filter='metadata.labels.{labels[1]}'" in documented


def test_what_google_does_not_allow_and_what_is_not_configured_are_told(
    buildkit: Callable[..., Result], folder: Path, stand_in: Google, tagged: str
) -> None:
    assert refused(buildkit("resources", "finops"), TagMalformed).startswith("'finops' is no tag; write KEY=VALUE")
    stand_in.closed = {"harbour-data"}
    told = refused(buildkit("resources", f"finops_cost_center={tagged}"), GoogleRefused)
    assert told.startswith("Google refused to list resources of project harbour-data (403): PERMISSION_DENIED: ")
    edited(folder, "config/platform.yaml", f"  {GCP}\n", "")
    assert "names no project of Google Cloud" in refused(
        buildkit("resources", "--cloud", "gcp", "a=b"), GoogleProjectMissing
    )
    assert buildkit("resources", f"finops_cost_center={tagged}").output.startswith("s3  arn:aws:s3:::tagged-")


def test_a_real_client_of_the_asset_api_asks_for_labels_as_they_are_set(stand_in: Google) -> None:
    process = read_environment()
    variables = {**process.variables, "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDASSET": stand_in.url}
    client = Gcp(type(process)(None, None, None, None, None, False, variables), emulated=True).client("cloudasset")
    assert list(google_resources(client, "harbour-data", {"finops_business_tags": "sales,crm", "Team": "A@b"})) == []
    (asked,) = stand_in.asked
    assert asked["path"] == "/v1/projects/harbour-data:searchAllResources"
    assert asked["query"] == "labels.finops_business_tags=sales-crm AND labels.team=a_b"
