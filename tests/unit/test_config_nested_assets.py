"""Assets of the old form, everything below `asset`, are read, told of and rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from buildkit_dagster.cli import app
from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.validate import examine, validate
from tests.scenario import write_platform

FILE = "config/assets/till/v1.0/customers.yaml"
OLD = """\
# Who buys.
asset:
  name: till_customers
  source_type: till
  object: customers
  version: "1.0"

  schema:
    - name: id
      type: string
      required: true  # the key
    - name: email
      type: string
      classification: PII

  governance:
    owner: data-team@company.com
    tags: [crm, contacts]
    classification: [PII]
    retention_days: 30
    cost_center: FIN-1

  target:
    file_format: parquet
"""
NEW = """\
# Who buys.
name: till_customers
source_type: till
object: customers
version: "1.0"

schema:
  - name: id
    type: string
    required: true  # the key
  - name: email
    type: string
    classification: PII

# tags: [crm, contacts]
# target:
#   file_format: parquet
team:
  owner: data-team@company.com
compliance:
  classification: [PII]
  retention_days: 30
finops:
  cost_center: FIN-1

"""
FLOW = "asset: {name: t, version: '1', source_type: till, object: customers, schema: [{name: id, type: text}], "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_platform(tmp_path)


def _asset(folder: Path) -> TableAsset:
    return next(job.asset for job in load_platform(folder, "dev").ingest_jobs if job.name == "customers")


@pytest.mark.parity("B-48")
def test_an_old_asset_is_read_with_a_remark_on_how_to_rewrite_it(folder: Path):
    (folder / FILE).write_text(OLD)
    asset = _asset(folder)
    assert (asset.team.owner, asset.finops.cost_center) == ("data-team@company.com", "FIN-1")
    assert (asset.compliance.classification, asset.compliance.retention_days) == (("PII",), 30)
    told = (
        "read in its old form: what stands below `asset` stands at the top, `asset.governance.owner` is `team.owner`, "
        "`asset.governance.classification` is `compliance.classification`, `asset.governance.retention_days` is "
        "`compliance.retention_days`, `asset.governance.cost_center` is `finops.cost_center`, nothing reads "
        "`asset.governance.tags`, `asset.target`. Rewrite it: buildkit validate --fix"
    )
    assert f"{FILE}: {told}" in examine(folder).remarks
    elsewhere = folder / "elsewhere.yaml"
    elsewhere.write_text(OLD)
    assert examine(elsewhere).remarks == [f"The file is {told}"]


@pytest.mark.parity("B-48")
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_fix_writes_an_old_asset_anew_and_keeps_what_it_says(folder: Path, ending: str):
    (folder / FILE).write_bytes(OLD.replace("\n", ending).encode())
    before = _asset(folder)
    done = CliRunner().invoke(app, ["validate", "--fix", str(folder / FILE)])
    assert done.exit_code == 0, done.output
    assert (folder / FILE).read_bytes().decode() == NEW.replace("\n", ending)
    assert _asset(folder) == before
    assert not any("old form" in remark for remark in examine(folder).remarks)


@pytest.mark.parity("B-48")
def test_the_new_text_is_told_where_lines_cannot_move(folder: Path):
    (folder / FILE).write_text(FLOW + "governance: {owner: me@example.com}}\n")
    (remark,) = (remark for remark in examine(folder).remarks if "old form" in remark)
    text = remark.partition("write instead:\n")[2]
    assert CliRunner().invoke(app, ["validate", "--fix", str(folder / FILE)]).exit_code == 0
    before = _asset(folder)
    (folder / FILE).write_text(text)
    assert _asset(folder) == before


@pytest.mark.parity("B-48", "B-43")
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    owner: data-team@company.com\n", "", f"{FILE}:2: asset.team: required key is missing"),
        ("retention_days: 30", "retention_days: 0", f"{FILE}:20: asset.governance.retention_days: the number 0 is not"),
        ("  object: customers\n", "  objekt: customers\n", f"{FILE}:2: asset.object: required key is missing"),
    ],
)
def test_what_is_wrong_in_an_old_asset_is_told_where_it_is_written(folder: Path, old: str, new: str, expected: str):
    (folder / FILE).write_text(OLD.replace(old, new))
    assert str(validate(folder)[0]).startswith(expected)
