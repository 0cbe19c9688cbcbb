"""The committed JSON Schemas are those of the models, and say yes to what loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from buildkit_dagster.config.schema import SCHEMA_FOLDER, schema_text, schemas
from buildkit_dagster.config.yaml import parse_document, read_document
from tests.scenario import FILES
from tests.unit.test_config_load import PUBLISHED, REPOSITORY

SCHEMAS = schemas()


def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMAS[name])
    return Draft202012Validator(SCHEMAS[name])


def schema_of(file: str) -> str:
    kinds = {"jobs": "job.json", "assets": "asset.json", "connectors": "connector.json"}
    parts = Path(file).parts
    return kinds.get(parts[1], f"{Path(file).stem}.json")


def test_the_committed_schemas_are_up_to_date():
    committed = {file.name: file.read_text() for file in (REPOSITORY / SCHEMA_FOLDER).glob("*.json")}
    fresh = {name: schema_text(schema) for name, schema in SCHEMAS.items()}
    assert committed == fresh, "run: python -m buildkit_dagster.config.schema"


def test_the_schemas_accept_the_demo_the_small_platform_and_the_published_examples():
    demo = {str(file.relative_to(REPOSITORY)): read_document(file).data for file in _demo_files()}
    small = {file: parse_document(text, Path(file)).data for file, text in FILES.items()}
    published = {"config/codebuild-config.yml": parse_document(PUBLISHED, Path("x")).data}
    for files in (demo, small, published):
        for file, data in files.items():
            assert [error.message for error in validator(schema_of(file)).iter_errors(data)] == [], file


def _demo_files() -> list[Path]:
    return [file for file in (REPOSITORY / "config").rglob("*") if file.suffix in (".yaml", ".yml")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("codebuild-config.json", {"codebuild": [{"name": "x"}]}),
        ("codebuild-config.json", {"codebuld": []}),
        ("platform.json", {"name": "x", "environments": {"dev": {"acount": "1"}}}),
        ("platform.json", {"name": "x", "environments": {"production": {}}}),
        ("job.json", {"tenant_id": "acme"}),
        ("connector.json", {"name": "raw", "type": "s3_csv", "bucket": 3}),
    ],
)
def test_the_schemas_refuse_what_validate_refuses(name: str, data: dict[str, Any]):
    assert not validator(name).is_valid(json.loads(json.dumps(data)))
