"""The committed JSON Schemas are those of the models, and say yes to what loads."""

from __future__ import annotations

import contextlib
import json
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from typer.testing import CliRunner

from buildkit_dagster.cli import app
from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.connectors import CONNECTORS
from buildkit_dagster.config.draft import project_entries
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.models import EnvironmentConfig, PlatformFile
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.schema import MODULE_KEYS, SCHEMA_FOLDER, module_keys, schema_text, schemas
from buildkit_dagster.config.wording import IN_WORDS
from buildkit_dagster.config.yaml import parse_document, read_document
from tests.published import ALL
from tests.scenario import FILES
from tests.unit.test_config_load import REPOSITORY
from tests.unit.test_dbt_projects import ENTRY, READ, REFUSED, entry
from tests.unit.test_validate import places, replaced, values

SCHEMAS = schemas()


def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMAS[name])
    return Draft202012Validator(SCHEMAS[name])


def schema_of(file: str) -> str:
    kinds = {"jobs": "job.json", "assets": "asset.json", "connectors": "connector.json"}
    parts = Path(file).parts
    return kinds.get(parts[1], f"{Path(file).stem}.json")


@pytest.mark.parity("B-13")
def test_the_committed_schemas_are_up_to_date():
    committed = {file.name: file.read_text() for file in (REPOSITORY / SCHEMA_FOLDER).glob("*.json")}
    fresh = {name: schema_text(schema) for name, schema in SCHEMAS.items()}
    assert committed == fresh, "run: python -m buildkit_dagster.config.schema"
    keys = (REPOSITORY / MODULE_KEYS).read_text()
    assert keys == schema_text(module_keys()), "run: python -m buildkit_dagster.config.schema"


def test_the_schemas_accept_the_demo_the_small_platform_and_the_published_examples():
    demo = {str(file.relative_to(REPOSITORY)): read_document(file).data for file in _demo_files()}
    small = {file: parse_document(text, Path(file)).data for file, text in FILES.items()}
    published = {"config/codebuild-config.yml": parse_document(ALL, Path("x")).data}
    for files in (demo, small, published):
        for file, data in files.items():
            assert [error.message for error in validator(schema_of(file)).iter_errors(data)] == [], file


def _demo_files() -> list[Path]:
    return [file for file in (REPOSITORY / "config").rglob("*") if file.suffix in (".yaml", ".yml")]


@pytest.mark.parametrize(
    "model", [PlatformFile, EnvironmentConfig, DbtProject, JobFile, TableAsset, *CONNECTORS.values()]
)
def test_what_every_pattern_means_is_said_in_words(model: type[BaseModel]):
    # As they are kept, not as they may be written: those patterns alone are checked.
    schema = model.model_json_schema(mode="serialization")
    of_keys = {path[-1] for path in places(schema) if path[-2:-1] == ("patternProperties",)}
    of_values = {reduce(getitem, path, schema) for path in places(schema) if path[-1:] == ("pattern",)}
    assert of_keys | of_values <= IN_WORDS.keys()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("codebuild-config.json", {"codebuild": [{"name": "x"}]}),
        ("codebuild-config.json", {"codebuld": []}),
        ("platform.json", {"name": "x", "environments": {"dev": {"acount": "1"}}}),
        ("platform.json", {"name": "x", "environments": {"production": {}}}),
        ("job.json", {"tenant_id": "acme"}),
        ("connector.json", {"name": "raw", "type": "s3", "bucket": 3}),
    ],
)
def test_the_schemas_refuse_what_validate_refuses(name: str, data: dict[str, Any]):
    assert not validator(name).is_valid(json.loads(json.dumps(data)))


#: Rules that a schema does not say: what a text means, and what keys mean to each other.
UNSAID = (
    "schedule","ecr_image_tag: v1", "teams-notification: true", "discord_notif", "sns-noti",
)  # fmt: skip


@pytest.mark.parametrize("more", [more for _, more, _ in READ])
def test_the_schema_says_yes_to_what_loads(more: str):
    data = parse_document(entry(more), Path("x")).data
    assert [error.message for error in validator("codebuild-config.json").iter_errors(data)] == []


@pytest.mark.parametrize("more", [more for _, more, _, _ in REFUSED if not more.startswith(UNSAID)])
def test_the_schema_says_no_to_what_is_refused(more: str):
    name = more.partition(":")[0]
    kept = "".join(line for line in ENTRY.splitlines(keepends=True) if not line.startswith(f"{name}:"))
    assert not validator("codebuild-config.json").is_valid(parse_document(entry(more, text=kept), Path("x")).data)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (entry("slack_notification: true"), True),
        (entry("slack-notification: true\nslack_notification: true"), False),
        (entry("vpc-config: {vpc-id: vpc-1, subnets: [subnet-1], security_group_ids: [sg-1]}"), True),
        (entry("vpc-config: {subnets: [subnet-1], security_group_ids: [sg-1]}"), False),
        (entry("vpc-config: {vpc-id: vpc-1, vpc_id: vpc-1, subnets: [subnet-1], security_group_ids: [sg-1]}"), False),
        ("codebuild: []\ndbtbuildkit: []\n", False),
        ("codebuild: []\n", True),
        ("codebuild:\n", False),
        ("", False),
    ],
)
def test_schema_and_loader_agree_on_spellings_and_lists(tmp_path: Path, text: str, valid: bool):
    file = tmp_path / "codebuild-config.yml"
    file.write_text(text)
    document = read_document(file)
    assert validator("codebuild-config.json").is_valid(document.data) == valid
    assert (project_entries(document)[1] == []) == valid


@settings(max_examples=150)
@given(st.data())
def test_what_the_loader_accepts_the_schema_accepts(data: st.DataObject):
    content = parse_document(ALL, Path("x")).data
    changed = replaced(content, data.draw(st.sampled_from(places(content))), data.draw(values))
    with contextlib.suppress(ValueError, OverflowError):  # such as NaN, which YAML files cannot hold
        text = json.dumps(changed, allow_nan=False)
        document = parse_document(text, Path("x"))
        if not document.problems and project_entries(document)[1] == []:
            assert validator("codebuild-config.json").is_valid(document.data)


def test_the_command_writes_them_where_it_is_told(tmp_path: Path):
    done = CliRunner().invoke(app, ["schema", "--output", str(tmp_path / "schema")])
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "schema").iterdir()} == set(SCHEMAS)
