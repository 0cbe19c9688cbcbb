"""Asset files in the guide's shape load; what is wrong in one is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.check import check
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.validate import examine
from buildkit_dagster.config.yaml import parse_document
from tests.scenario import edited, write_platform

CUSTOMERS = "config/assets/till/v1.0/customers.yaml"

#: An asset file with everything the guide and its reference name.
WHOLE = """\
name: hubspot_contacts
version: "1.0"
source_type: hubspot
object: contacts
team:
  owner: data-team@company.com
  roles: [steward, {name: Engineer, email: eng@company.com, responsibility: pipelines}]
domain: sales
dataProduct: customer-data
finops:
  cost_center: ENG-001
  business_tags: [sales, crm]
  project: data-platform
  environment: production
compliance:
  classification: [PII, SENSITIVE]
  regulations: [GDPR, CCPA]
  retention_days: 365
  security:
    encryption_required: true
    access_control: role_based
  user_consent_required: true
schema:
  - {name: id, type: string, required: true}
  - {name: email, type: string, classification: PII}
  - {name: visits, type: integer}
  - {name: score, type: number}
  - {name: active, type: boolean}
  - {name: seen, type: timestamp}
  - {name: extra, type: object}
primary_key: [id]
data_quality:
  monitoring: {enabled: true, oncall_rotation: data-oncall@company.com}
  freshness: {hours: 24, severity: error}
  volume: {min_rows: 1}
  unique: [email]
"""


def _problems(text: str) -> list[str]:
    return [
        f"{problem.line}: {problem.path}: {problem.message}"
        for problem in check(parse_document(text, Path("asset.yaml")), TableAsset).problems
    ]


def _replaced(old: str, new: str) -> str:
    assert WHOLE.count(old) == 1
    return WHOLE.replace(old, new)


@pytest.mark.parity("B-40", "B-41", "B-42", "B-43", "B-44", "B-45", "B-46", "B-47", "B!20")
def test_an_asset_in_the_guides_shape_loads_as_it_is():
    asset = check(parse_document(WHOLE, Path("asset.yaml")), TableAsset).value
    assert asset is not None
    assert (asset.name, asset.version, asset.source_type, asset.object) == (
        "hubspot_contacts",
        "1.0",
        "hubspot",
        "contacts",
    )
    assert (asset.domain, asset.data_product, asset.finops.environment) == ("sales", "customer-data", "production")
    assert [(role.name, role.email) for role in asset.team.roles] == [
        ("steward", None),
        ("Engineer", "eng@company.com"),
    ]
    assert asset.compliance.user_consent_required is True
    assert asset.columns[1].classification == "PII"
    assert [column.type for column in asset.columns] == [
        *("text", "text", "bigint", "double", "bool", "timestamp", "json")
    ]
    assert asset.data_quality.monitoring.oncall_rotation == "data-oncall@company.com"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "environment: production",
            "environment: prod",
            "14: finops.environment: 'prod' is not allowed, did you mean 'production'? allowed: 'production', "
            "'staging', 'development' or 'test'",
            marks=pytest.mark.parity("B-41"),
            id="an environment that bookkeeping does not have",
        ),
        pytest.param(
            "  owner: data-team@company.com\n",
            "",
            "5: team.owner: required key is missing",
            marks=pytest.mark.parity("B-43"),
            id="nobody owns the table",
        ),
        pytest.param(
            "object: contacts\n",
            "",
            "1: object: required key is missing",
            marks=pytest.mark.parity("B-46"),
            id="no object",
        ),
        pytest.param(
            "{enabled: true, oncall_rotation: data-oncall@company.com}",
            "{enabled: true}",
            "33: data_quality.monitoring.oncall_rotation: required key is missing: `enabled: true` needs to know "
            "whom to call",
            marks=pytest.mark.parity("B-47"),
            id="monitoring that calls nobody",
        ),
        pytest.param(
            "access_control: role_based",
            "access_control: roles",
            "21: compliance.security.access_control: 'roles' is not allowed, did you mean 'role_based'? allowed: "
            "'role_based', 'attribute_based' or 'none'",
            marks=pytest.mark.parity("B-42"),
            id="a way of access there is not",
        ),
        pytest.param(
            "retention_days: 365",
            "retention_days: 0",
            "18: compliance.retention_days: the number 0 is not allowed; allowed: 1 or more",
            marks=pytest.mark.parity("B-42"),
            id="nothing is kept for zero days",
        ),
        pytest.param(
            "unique: [email]",
            "unique: [mail]",
            "32: data_quality: no column is called mail; allowed: id, email, visits, score, active, seen, extra",
            id="a unique column that is none",
        ),
        pytest.param(
            "volume: {min_rows: 1}",
            "volume: {min_rows: 5, max_rows: 2}",
            "35: data_quality.volume: `min_rows` 5 is more than `max_rows` 2",
            id="bounds that leave no room",
        ),
        pytest.param(
            "volume: {min_rows: 1}",
            "volume: {severity: error}",
            "35: data_quality.volume: says nothing: give `min_rows`, `max_rows` or both",
            id="bounds that are not there",
        ),
        pytest.param(
            "dataProduct: customer-data",
            "dataProducts: customer-data",
            "9: dataProducts: unknown key `dataProducts`, did you mean `dataProduct`? allowed: name, version, "
            "source_type, object, description, team, domain, dataProduct, finops, compliance, schema, primary_key, "
            "data_quality, $schema, apiVersion, kind, id, status, target, tags",
            marks=pytest.mark.parity("B-44", "B!20"),
            id="a key that does not exist",
        ),
    ],
)
def test_what_is_wrong_in_an_asset_is_told_with_its_line(old: str, new: str, expected: str):
    assert _problems(_replaced(old, new)) == [expected]


def test_columns_that_are_all_wrong_are_not_missing_as_well():
    wrong = WHOLE[: WHOLE.index("  - {name: id")] + "  - {name: id, type: txt}\n"
    assert [problem.partition(":")[2][:35] for problem in _problems(wrong)] == [" schema[0].type: 'txt' is not allow"]


@pytest.mark.parity("B-40")
def test_the_header_of_a_data_contract_is_read_and_what_nothing_comes_of_is_told(tmp_path: Path):
    folder = write_platform(tmp_path)
    header = "$schema: https://example.com/odcs.json\napiVersion: v3.0.2\nkind: DataContract\nid: x\nstatus: active\n"
    more = "tags: [crm]\ntarget: {format: iceberg}\ndata_quality: {expectations: [{type: not_null}]}\n"
    edited(folder, CUSTOMERS, "name: till_customers\n", f"{header}{more}name: till_customers\n")
    edited(folder, CUSTOMERS, "required: true}", "required: true, unique: true, physicalType: BIGINT}")
    found = examine(folder)
    told = [remark.partition(" in ")[0] for remark in found.remarks if "Nothing comes of" in remark]
    assert found.problems == []
    assert [remark.split("`")[1] for remark in told] == [
        *("$schema", "apiVersion", "kind", "id", "status", "tags", "target", "data_quality.expectations")
    ]
    assets = [job.asset for job in load_platform(folder, "dev").ingest_jobs if job.name == "customers"]
    assert [asset.unique_columns for asset in assets] == [("id",)]


def test_a_column_that_is_unique_is_checked_as_those_of_data_quality_are():
    marked = _replaced("{name: id, type: string, required: true}", "{name: id, type: string, unique: true}")
    asset = check(parse_document(marked, Path("asset.yaml")), TableAsset).value
    assert asset is not None
    assert asset.unique_columns == ("email", "id")
