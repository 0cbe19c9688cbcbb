"""Which tags a resource carries, which source wins, and that AWS and Dagster accept them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from dagster import AssetSpec
from dagster._core.definitions.utils import is_valid_owner
from dagster._utils.tags import normalize_tags
from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import IngestJob, Platform
from buildkit_dagster.tags import REQUIRED, aws_tags, dagster_tags, dbt_tags, job_tags, owners, platform_tags
from tests.scenario import edited, small_platform, write_platform


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return small_platform(tmp_path)


def job(platform: Platform, name: str) -> IngestJob:
    return next(job for job in platform.ingest_jobs if job.name == name)


def test_the_required_tags_are_on_everything(platform: Platform):
    assert platform_tags(platform) == {
        "cost_center": "DATA-1",
        "data_sensitivity": "internal",
        "department": "data",
        "environment": "dev",
        "managed_by": "buildkit-dagster",
        "owner": "platform@example.com",
        "project": "harbour",
        "purpose": "analytics",
    }
    for tags in (dbt_tags(platform, platform.dbt_projects[0]), *(job_tags(platform, j) for j in platform.ingest_jobs)):
        assert set(REQUIRED) <= set(tags)


@pytest.mark.parity(*(f"B-{row}" for row in range(50, 65)), "B!8", "B!9", "B!10")
def test_a_jobs_tags_take_the_most_specific_source(platform: Platform):
    assert job_tags(platform, job(platform, "sales")) == {
        **platform_tags(platform),
        # From the connector, which the asset does not contradict.
        "source_system": "till",
        # From the asset.
        "asset_name": "till_sales",
        "asset_version": "1.0",
        "finops_project": "tills",
        "finops_environment": "production",
        "compliance_classification": "PII SENSITIVE",
        "compliance_regulations": "GDPR CCPA",
        "compliance_encryption_required": "true",
        "compliance_access_control": "role_based",
        "governance_domain": "retail",
        "governance_data_product": "takings",
        # From the job: its list replaces the asset's, infrastructure.metadata beats finops.
        "finops_business_tags": "nightly",
        "finops_cost_center": "SALES-9",
        "cost_center": "SALES-9",
        "governance_owner": "nightly-sales@example.com",
        "owner": "nightly-sales@example.com",
        "governance_retention_days": "730",
        "compliance_retention_days": "730",
        "tenant_id": "acme",
    }


def test_what_a_job_and_its_asset_leave_open_comes_from_the_asset_connector_and_environment(platform: Platform):
    tags = job_tags(platform, job(platform, "customers"))
    assert tags["owner"] == tags["governance_owner"] == "sales"
    assert tags["cost_center"] == "DATA-1"
    assert tags["source_system"] == "till"
    assert not [key for key in tags if key.startswith(("finops", "compliance"))]


def test_nothing_can_claim_to_be_of_another_platform_or_environment(tmp_path: Path):
    write_platform(tmp_path)
    edited(
        tmp_path, "config/connectors/raw.yaml", "source_system: till", "environment: prod, managed_by: me, project: x"
    )
    platform = load_platform(tmp_path, "dev")
    tags = job_tags(platform, job(platform, "sales"))
    assert (tags["environment"], tags["managed_by"], tags["project"]) == ("dev", "buildkit-dagster", "harbour")


def test_a_dbt_projects_tags_name_project_and_engine(platform: Platform):
    tags = dbt_tags(platform, platform.dbt_projects[0])
    assert (tags["dbt_project"], tags["engine"]) == ("shop", "duckdb")


def legal_for_aws(text: str) -> bool:
    return all(unicodedata.category(c)[0] in "LNZ" or c in "_.:/=+-@" for c in text)


texts = st.text(max_size=400)


@given(st.dictionaries(st.text(min_size=1, max_size=200), texts | st.lists(texts, max_size=5) | st.booleans()))
def test_aws_accepts_every_tag(tags: dict[str, str | list[str] | bool]):
    for key, value in aws_tags(tags).items():
        assert 1 <= len(key) <= 128
        assert 1 <= len(value) <= 256
        assert legal_for_aws(key)
        assert legal_for_aws(value)
        assert not key.lower().startswith("aws:")


@given(st.text("abc", min_size=260, max_size=300), st.text("abc", min_size=260, max_size=300))
def test_values_that_differ_stay_different_when_cut(one: str, other: str):
    assert (aws_tags({"k": one}) == aws_tags({"k": other})) == (one == other)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_:/ ]{0,90}", fullmatch=True), texts, max_size=5))
def test_dagster_accepts_every_tag(tags: dict[str, str]):
    rendered = dagster_tags(tags)
    assert normalize_tags(rendered, strict=True) == rendered


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("sales@example.com", ("sales@example.com",)),
        ("sales", ("team:sales",)),
        ("team:sales", ("team:sales",)),
        ("sales@localhost", ("team:sales@localhost",)),
        ("", ()),
    ],
)
def test_owners_are_what_dagster_takes(owner: str, expected: tuple[str, ...]):
    assert owners({"owner": owner}) == expected
    assert all(is_valid_owner(found) for found in expected)


def test_the_demos_tags_stand_on_an_asset():
    platform = load_platform(Path(__file__).parents[2], "dev")
    for each in platform.ingest_jobs:
        tags = job_tags(platform, each)
        assert len(tags) < 50
        AssetSpec(["nyc", each.name], tags=dagster_tags(tags), owners=owners(tags))
