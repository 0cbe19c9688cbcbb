"""`buildkit tags`: every tag of a unit, where it comes from, and how each cloud has it written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.scenario import edited

SALES = 'key:"infra/ingest-acme/sales"'


@pytest.mark.parity("B!9")
def test_a_units_tags_are_shown_with_their_sources_and_what_was_changed(
    buildkit: Callable[..., Result], folder: Path
) -> None:
    edited(folder, "config/jobs/acme/sales.yaml", "[nightly]", "[sales, crm]")
    done = buildkit("tags", SALES)
    assert done.exit_code == 0, done.output
    unit, head, *lines = done.stdout.splitlines()
    assert unit == "infra/ingest-acme/sales"
    assert head.split() == ["tag", "value", "comes", "from", "AWS", "Google"]
    (row,) = [line.split() for line in lines if line.startswith("  cost_center ")]
    assert row == [
        "cost_center", "SALES-9", "job", "infrastructure.metadata.cost_center", "cost_center=SALES-9",
        "cost_center=sales-9",
    ]  # fmt: skip
    assert "  finops_business_tags: AWS: a list is joined by ' '" in lines
    assert "  owner: Google: '@.' is not allowed" in lines


def test_the_table_is_data_too_for_one_cloud_and_for_units_of_every_kind(buildkit: Callable[..., Result]) -> None:
    rows = json.loads(buildkit("tags", "--json", "--cloud", "gcp").stdout)
    by_unit = {unit: {row["tag"]: row for row in rows if row["unit"] == unit} for unit in (row["unit"] for row in rows)}
    assert by_unit["infra/ingest-acme/sales"]["governance_owner"] == {
        "unit": "infra/ingest-acme/sales",
        "tag": "governance_owner",
        "value": "nightly-sales@example.com",
        "source": "job governance_overrides.owner",
        "gcp": "governance_owner=nightly-sales_example_com",
        "changed": ["Google: '@.' is not allowed"],
    }
    assert by_unit["infra/dbt/shop"]["dbt_project"]["source"] == "dbt project name"
    assert set(by_unit["infra/lake/raw"]) == {
        "project", "environment", "managed_by", "owner", "department", "cost_center", "data_sensitivity", "purpose"
    }  # fmt: skip
