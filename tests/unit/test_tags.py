"""Which tags a resource carries, which source wins, and that AWS and Dagster accept them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSpec
from dagster._core.definitions.utils import is_valid_owner
from dagster._utils.tags import normalize_tags
from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.validate import validate
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.errors import InvalidPlatform
from buildkit_dagster.tags import wanted
from buildkit_dagster.tags.on_assets import dagster_tags, owners
from buildkit_dagster.tags.rendering import aws_tags, gcp_labels, text_of
from buildkit_dagster.tags.vocabulary import REQUIRED, VOCABULARY
from buildkit_dagster.tags.wanted import platform_tags
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
    for tags in (
        wanted.dbt_tags(platform, platform.dbt_projects[0]).tags,
        *(wanted.job_tags(platform, j).tags for j in platform.ingest_jobs),
    ):
        assert set(REQUIRED) <= set(tags)


@pytest.mark.parity(*(f"B-{row}" for row in range(50, 65)), "B!8", "B!9", "B!10")
def test_a_jobs_tags_take_the_most_specific_source(platform: Platform):
    assert wanted.job_tags(platform, job(platform, "sales")).tags == {
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
    tags = wanted.job_tags(platform, job(platform, "customers")).tags
    assert tags["owner"] == tags["governance_owner"] == "sales"
    assert tags["cost_center"] == "DATA-1"
    assert tags["source_system"] == "till"
    assert not [key for key in tags if key.startswith(("finops", "compliance"))]


def test_nothing_can_claim_to_be_of_another_platform_or_environment(tmp_path: Path):
    write_platform(tmp_path)
    edited(
        tmp_path, "config/connectors/raw.yaml", "source_system: till", "environment: prod, managed_by: me, project: x"
    )
    with pytest.raises(InvalidPlatform) as refused:
        load_platform(tmp_path, "dev")
    for tag in ("environment", "managed_by", "project"):
        assert f"tags.{tag}: {tag!r} cannot come from a connector" in str(refused.value)


def test_a_dbt_projects_tags_name_project_and_engine(platform: Platform):
    tags = wanted.dbt_tags(platform, platform.dbt_projects[0]).tags
    assert (tags["dbt_project"], tags["engine"]) == ("shop", "duckdb")


def legal_for_aws(text: str) -> bool:
    return all(unicodedata.category(c)[0] in "LNZ" or c in "_.:/=+-@" for c in text)


texts = st.text(max_size=400)
values = texts | st.lists(texts, max_size=5) | st.booleans() | st.integers()
keys = st.text(min_size=1, max_size=200) | st.text("aAbB_- ,1", min_size=1, max_size=4)
any_tags = st.dictionaries(keys, values, max_size=8)


@pytest.mark.parity("B-70", "B!10")
@given(any_tags)
def test_aws_accepts_every_tag(tags: dict[str, Any]):
    rendered = aws_tags(tags).tags
    for key, value in rendered.items():
        assert 1 <= len(key) <= 128
        assert 1 <= len(value) <= 256
        assert legal_for_aws(key)
        assert legal_for_aws(value)
        assert not key.lower().startswith("aws:")
    assert len({key.casefold() for key in rendered}) == len(rendered), "IAM takes keys for equal that differ in case"


@pytest.mark.parity("B-71", "B!11")
@given(any_tags)
def test_google_accepts_every_label(tags: dict[str, Any]):
    for key, value in gcp_labels(tags).tags.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{1,63}", value)


@pytest.mark.parity("B!11")
@pytest.mark.parametrize("render", [aws_tags, gcp_labels])
@given(tags=any_tags)
def test_rendering_keeps_keys_apart_tells_every_change_and_changes_nothing_twice(render: Any, tags: dict[str, Any]):
    rendered = render(tags)
    assert len(set(rendered.keys.values())) == len(rendered.keys) == len(rendered.tags)
    again = render(rendered.tags)
    assert (dict(again.tags), again.changes) == (dict(rendered.tags), ())
    told = {change.tag for change in rendered.changes}
    for tag, value in tags.items():
        same = rendered.keys.get(tag) == tag and rendered.tags[tag] == text_of(value)
        assert same or tag in told or not text_of(value).strip(",")
    assert all(change.reason for change in rendered.changes)


@given(st.text("abc", min_size=260, max_size=300), st.text("abc", min_size=260, max_size=300))
def test_values_that_differ_stay_different_when_cut(one: str, other: str):
    for render in (aws_tags, gcp_labels):
        assert (render({"k": one}).tags == render({"k": other}).tags) == (one == other)


@pytest.mark.parity("B-51", "B-70", "B-71", "B!10", "B!11")
def test_what_was_changed_is_told_with_the_reason():
    tags = {
        "finops_cost_center": "ENG-001",
        "finops_business_tags": ("sales", "crm", "customer data"),
        "governance_owner": "data-team@company.com",
        "city": "Zürich",
        "place": "東京",
        "Team": "a",
        "team": "b",
        "aws:cloudformation:stack-name": "x",
    }
    labels = gcp_labels(tags)
    assert dict(labels.tags) == {
        "aws_cloudformation_stack-name": "x",
        "city": "zurich",
        "finops_business_tags": "sales-crm-customer_data",
        "finops_cost_center": "eng-001",
        "governance_owner": "data-team_company_com",
        "place": labels.tags["place"],
        "team": "b",
        labels.keys["Team"]: "a",
    }
    assert re.fullmatch(r"__-[0-9a-f]{8}", labels.tags["place"])
    assert re.fullmatch(r"team-[0-9a-f]{8}", labels.keys["Team"])
    rendered = aws_tags(tags)
    assert [str(change) for change in rendered.changes] == [
        "aws:cloudformation:stack-name: 'x' is left out: keys that begin with aws: are AWS's own",
        "finops_business_tags: 'sales,crm,customer data' is written 'sales crm customer_data': a list is joined by ' '",
        f"team: 'team' is written {rendered.keys['team']!r}: told apart from 'Team'",
    ]
    assert rendered.tags["finops_business_tags"] == "sales crm customer_data"
    assert rendered.tags["place"] == "東京"


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


@pytest.mark.parity("B-12", "B-141", "B!14")
def test_required_tags_that_are_missing_and_tags_that_must_not_be_are_problems_with_file_and_line(tmp_path: Path):
    write_platform(tmp_path)
    gates = "gates: {required_tags: [owner, finops_project, compliance_regulations, source_system, team]}"
    edited(tmp_path, "config/platform.yaml", "  region: eu-west-1\n", f"  region: eu-west-1\n  {gates}\n")
    told = [str(problem) for problem in validate(tmp_path)]
    assert [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in told] == [
        "config/jobs/acme/customers.yaml:1",
        "config/jobs/acme/customers.yaml:1",
        "config/platform.yaml:4",
    ]
    assert "the required tag 'finops_project' is missing; give it in one of: job finops.project, asset" in told[1]
    assert "no file gives a tag 'team'; allowed: asset_name, asset_version, " in told[2]

    edited(tmp_path, "config/platform.yaml", f"  {gates}\n", "")
    many = ", ".join(f"t{number}: x" for number in range(40))
    edited(tmp_path, "config/connectors/raw.yaml", "source_system: till", many)
    (few, more) = [str(problem) for problem in validate(tmp_path)]
    assert (
        "config/connectors/raw.yaml:4: tags: the resources of job acme/customers would have 53 tags; allowed: 50" in few
    )
    assert "job acme/sales would have 65 tags; allowed: 50, which is what AWS takes on one resource" in more

    edited(tmp_path, "config/connectors/raw.yaml", many, "api_password: hunter2")
    (problem,) = validate(tmp_path)
    assert problem.path == "tags.api_password"
    assert "hunter2" not in str(problem)


def table(platform: Platform) -> list[str]:
    """What `docs/tags.md` shows: every tag with its places, and what becomes of it on each cloud."""
    subjects = (platform.dbt_projects[0], job(platform, "sales"))
    found = {each.tag: each.value for subject in subjects for each in wanted.wanted_tags(platform, subject)}
    aws, gcp = aws_tags(found), gcp_labels(found)
    rows = []
    for row in VOCABULARY:
        places = ["connectors" if "connector" in place.level else str(place) for place in row.places]
        written = found[row.tag]
        text = (
            ", ".join(written) if isinstance(written, tuple) else str(written).lower() if written is True else written
        )
        cells = (text, aws.tags[aws.keys[row.tag]], gcp.tags[gcp.keys[row.tag]])
        shown = " | ".join(f"`{cell}`" for cell in cells)
        rows.append(f"| `{row.tag}` | {', '.join(dict.fromkeys(places))} | {shown} |")
    return rows


@pytest.mark.parity("B-3", "B-13", "B-34", "B-65", "B-67", *(f"B-{row}" for row in range(50, 65)))
def test_the_documented_table_is_what_the_function_makes(tmp_path: Path):
    write_platform(tmp_path)
    edited(
        tmp_path,
        "config/jobs/acme/sales.yaml",
        "metadata: {cost_center: SALES-9}",
        "metadata: {cost_center: SALES-9, environment: production, terraform_workspace: sales}",
    )
    consent = "  retention_days: 365\n  user_consent_required: true\n"
    edited(tmp_path, "config/assets/till/v1.0/sales.yaml", "  retention_days: 365\n", consent)
    documented = (Path(__file__).parents[2] / "docs/tags.md").read_text().splitlines()
    edited(tmp_path, "config/jobs/acme/sales.yaml", "[nightly]", "[sales, crm]")
    expected = table(load_platform(tmp_path, "dev"))
    assert [line for line in documented if line.startswith("| `")] == expected


@pytest.mark.parity("B-35", "B-65")
def test_keys_of_the_users_own_are_tags_of_the_job_alone(tmp_path: Path):
    write_platform(tmp_path)
    own = "metadata: {cost_center: SALES-9, team: tills, copy: yes, on-call: sales}"
    edited(tmp_path, "config/jobs/acme/sales.yaml", "metadata: {cost_center: SALES-9}", own)
    platform = load_platform(tmp_path, "dev")
    found = wanted.job_tags(platform, job(platform, "sales")).tags
    assert {key: value for key, value in found.items() if key.startswith("infra_")} == {
        "infra_team": "tills",
        "infra_copy": "yes",
        "infra_on-call": "sales",
    }
    assert not [key for key in wanted.job_tags(platform, job(platform, "customers")).tags if "infra_" in key]


@pytest.mark.parity("B-38", "B-54")
def test_the_jobs_classes_win_over_the_assets(tmp_path: Path):
    write_platform(tmp_path)
    text = "classification_overrides: {default: PUBLIC, amount: SENSITIVE}\nschedule: rate(12 hours)"
    edited(tmp_path, "config/jobs/acme/sales.yaml", "schedule: rate(12 hours)", text)
    platform = load_platform(tmp_path, "dev")
    sales = job(platform, "sales")
    assert wanted.job_tags(platform, sales).tags["compliance_classification"] == "PUBLIC"
    assert [column.classification for column in sales.asset.columns] == [None, "SENSITIVE", None]


@pytest.mark.parity("B!8", "B-45")
def test_the_class_of_a_column_is_in_its_metadata_and_in_no_tag(tmp_path: Path):
    write_platform(tmp_path)
    table = "config/assets/till/v1.0/sales.yaml"
    edited(tmp_path, table, "name: amount, type: double", "name: amount, type: double, classification: SENSITIVE PII")
    edited(tmp_path, table, "classification: [PII, SENSITIVE]", "classification: [PII]")
    platform = load_platform(tmp_path, "dev")
    definitions = ingest_assets(platform, read_environment())
    (spec,) = [spec for each in definitions for spec in each.specs if spec.key.path[-1] == "sales"]
    columns = {column.name: dict(column.tags) for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["amount"] == {"classification": "SENSITIVE_PII"}
    assert columns["id"] == {}
    tags = wanted.job_tags(platform, job(platform, "sales")).tags
    assert "amount" not in str(tags)
    assert "SENSITIVE PII" not in tags.values()


@pytest.mark.parity("B-66", "B!13")
def test_no_module_of_jobs_puts_tags_of_its_own_over_those_it_is_given():
    modules = Path(__file__).parents[2] / "terraform/modules"
    files = [file for pattern in ("ingest_*", "gcp_*") for file in modules.glob(f"{pattern}/*.tf")]
    given = re.findall(r"^ +(?:tags|labels|user_labels) += (.+)$", "\n".join(file.read_text() for file in files), re.M)
    assert len(given) > 10
    assert set(given) == {"var.tags", "var.labels"}


def test_the_demos_tags_stand_on_an_asset():
    platform = load_platform(Path(__file__).parents[2], "dev")
    for each in platform.ingest_jobs:
        tags = wanted.job_tags(platform, each).tags
        assert len(tags) < 50
        AssetSpec(["nyc", each.name], tags=dagster_tags(tags), owners=owners(tags))
