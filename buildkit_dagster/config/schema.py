"""JSON Schemas of the configuration files, generated from the models, for editors and other tools.

They are committed under `docs/schema/`, and the keys of a dbt project in the HCL module `dbt`; both are written by
`python -m buildkit_dagster.config.schema`, and a test fails when they are stale. What a schema cannot say (references,
schedules, Fargate's pairs) is said by `buildkit validate` only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.building import PolicyStatement, WarehouseAccess
from buildkit_dagster.config.connectors import SourceConnector, TargetConnector
from buildkit_dagster.config.draft import PROJECT_KEYS
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.models import EnvironmentConfig, PlatformFile
from buildkit_dagster.config.projects import DbtProject, VpcConfig
from buildkit_dagster.config.values import ENVIRONMENT_ALIASES, EnvironmentName, Model

SCHEMA_FOLDER = Path("docs", "schema")
MODULE_KEYS = Path("terraform", "modules", "dbt", "keys.json")
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


def module_keys() -> dict[str, Any]:
    """The keys of a dbt project in the one spelling the HCL module `dbt` reads: all of them, those it must have, and
    those below a key that the module hands on.

    Not `scheduler` and `schedules`: there, EventBridge alone starts builds, and whole ones.
    """
    project = _schema(DbtProject)
    listed = {"known": project["properties"].keys() - {"schedules", "scheduler"}, "required": project["required"]}
    below: Mapping[str, type[Model]] = {
        "access": WarehouseAccess,
        "policy_statements": PolicyStatement,
        "vpc_config": VpcConfig,
    }
    return {
        **{name: sorted({key.replace("-", "_") for key in keys}) for name, keys in listed.items()},
        "below": {key: sorted(model.model_fields) for key, model in below.items()},
    }


def schema_text(schema: Mapping[str, Any]) -> str:
    """The text a schema is committed as."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / name: schema_text(schema) for name, schema in schemas().items()}
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    return list(files)


def _schema(model: Any) -> dict[str, Any]:
    schema = _closed(TypeAdapter(model).json_schema(ref_template=_REF + "{model}"))
    definitions = {name: _both_spellings(part) for name, part in schema.pop("$defs", {}).items()}
    return {**_both_spellings(schema), **({"$defs": definitions} if definitions else {})}


def _closed(schema: Any) -> Any:
    """A mapping whose keys have a pattern has no other keys."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(part) for key, part in schema.items()}
    return {**found, "additionalProperties": False} if "patternProperties" in found else found


def _both_spellings(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`slack-notification` may also be written `slack_notification`, yet not beside it."""
    others = {name: _other_spelling(name) for name in schema.get("properties", {}) if _other_spelling(name) != name}
    if not others:
        return dict(schema)
    required = schema.get("required", [])
    rules: list[dict[str, Any]] = [
        {"oneOf": [{"required": [name]}, {"required": [other]}]}
        if name in required
        else {"not": {"required": [name, other]}}
        for name, other in others.items()
    ]
    found = {
        **schema,
        "properties": {**schema["properties"], **{other: schema["properties"][name] for name, other in others.items()}},
        "required": [name for name in required if name not in others],
        "allOf": rules,
    }
    return {key: value for key, value in found.items() if key != "required" or value}


def _other_spelling(name: str) -> str:
    return name.replace("-", "_") if "-" in name else name.replace("_", "-")


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
    rules = [rule for rule in schema.get("allOf", ()) if "oneOf" not in rule]
    found = {key: value for key, value in schema.items() if key not in ("required", "allOf")}
    return {**found, "allOf": rules} if rules else found


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
        "minProperties": 1,
        "maxProperties": 1,
        "$defs": definitions,
    }
    return _titled("config/codebuild-config.yml", schema)


def _titled(title: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **schema, "title": title}


if __name__ == "__main__":
    write_schemas(SCHEMA_FOLDER)
    MODULE_KEYS.write_text(schema_text(module_keys()), encoding="utf-8")
