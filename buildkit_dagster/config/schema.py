"""JSON Schemas of the configuration files, generated from the models, for editors and other tools.

They are committed under `docs/schema/` and written by `python -m buildkit_dagster.config.schema`; a test fails when
they are stale. What a schema cannot say (references, schedules, Fargate's pairs) is said by `buildkit validate` only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from buildkit_dagster.config.draft import PROJECT_KEYS
from buildkit_dagster.config.models import (
    DbtProject,
    EnvironmentConfig,
    JobFile,
    PlatformFile,
    SourceConnector,
    TableAsset,
    TargetConnector,
)
from buildkit_dagster.config.values import ENVIRONMENT_ALIASES, EnvironmentName

SCHEMA_FOLDER = Path("docs", "schema")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/"


def schemas() -> dict[str, dict[str, Any]]:
    """One schema per kind of file, by the name of the file it is committed as."""
    return {
        "platform.json": _platform(),
        "codebuild-config.json": _projects(),
        "job.json": _titled("config/jobs/<tenant>/<job>.yaml", _schema(JobFile)),
        "asset.json": _titled("config/assets/**/*.yaml", _schema(TableAsset)),
        "connector.json": _titled("config/connectors/*.yaml", _schema(SourceConnector | TargetConnector)),
    }


def schema_text(schema: Mapping[str, Any]) -> str:
    """The text a schema is committed as."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> None:
    """Write all schemas into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(schema_text(schema), encoding="utf-8")


def _schema(model: Any) -> dict[str, Any]:
    return TypeAdapter(model).json_schema(ref_template=_REF + "{model}")


def _platform() -> dict[str, Any]:
    """What `defaults` says an environment need not, so nothing is required below either."""
    schema = _schema(PlatformFile)
    environment = _schema(EnvironmentConfig)
    definitions = {name: _optional(part) for name, part in environment.pop("$defs").items()}
    definitions["EnvironmentConfig"] = _optional(environment)
    reference = {"$ref": _REF + "EnvironmentConfig"}
    names = (*get_args(EnvironmentName), *ENVIRONMENT_ALIASES)
    schema["properties"]["defaults"] = reference
    schema["properties"]["environments"] = {
        "type": "object",
        "properties": dict.fromkeys(names, reference),
        "additionalProperties": False,
        "minProperties": 1,
    }
    return _titled("config/platform.yaml", {**schema, "$defs": definitions})


def _optional(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "required"}


def _projects() -> dict[str, Any]:
    """A list of projects or one alone, under either of the published keys."""
    project = _schema(DbtProject)
    definitions = {**project.pop("$defs"), "DbtProject": project}
    reference = {"$ref": _REF + "DbtProject"}
    entries = {"anyOf": [{"type": "array", "items": reference}, reference]}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(PROJECT_KEYS, entries),
        "additionalProperties": False,
        "$defs": {name: _both_spellings(part) for name, part in definitions.items()},
    }
    return _titled("config/codebuild-config.yml", schema)


def _both_spellings(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`slack-notification` may also be written `slack_notification`."""
    properties = schema.get("properties", {})
    snake = {name.replace("-", "_"): part for name, part in properties.items() if "-" in name}
    return {**schema, "properties": {**properties, **snake}} if snake else dict(schema)


def _titled(title: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **schema, "title": title}


if __name__ == "__main__":
    write_schemas(SCHEMA_FOLDER)
