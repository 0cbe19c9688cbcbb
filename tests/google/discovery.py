"""Google's own descriptions of its APIs, which come with its REST library: they hold the stand-in to the real shapes.

A request finds its method here, and both its body and the answer are validated against the description: unknown
fields, wrong types and wrong formats are errors. What a method does is in the services' files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import googleapiclient.discovery_cache
from jsonschema import Draft7Validator, FormatChecker

_DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
_FORMATS = {
    "google-datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z",
    "google-duration": r"\d+(\.\d{1,9})?s",
    "int64": r"-?\d+",
    "uint64": r"\d+",
    "byte": r"[A-Za-z0-9+/_-]*=*",
}
_CHECKER = FormatChecker(formats=())
for _name, _pattern in _FORMATS.items():
    _CHECKER.checks(_name)(lambda value, p=_pattern: not isinstance(value, str) or re.fullmatch(p, value) is not None)


class Wrong(Exception):
    """A request or an answer that is not as Google describes it."""


@dataclass(frozen=True)
class Call:
    """A request as its API describes it; `query` and `path` are decoded."""

    method: Mapping[str, Any]
    path: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def id(self) -> str:
        return str(self.method["id"])

    @property
    def name(self) -> str:
        """The resource's full name, where the path is made of one."""
        return self.path["name"]


class Api:
    """One API, as `run.v2` is."""

    def __init__(self, name: str) -> None:
        self._document = json.loads((_DOCUMENTS / f"{name}.json").read_text())

    def call(self, verb: str, path: str, query: Mapping[str, str]) -> Call | None:
        """The method that `path`, still quoted, belongs to; raises `Wrong` for a parameter it does not have."""
        for pattern, method in self._methods:
            found = pattern.fullmatch(path)
            if found and method["httpMethod"] == verb:
                self._check_query(method, query)
                return Call(method, {key: unquote(value) for key, value in found.groupdict().items()}, query)
        return None

    def check(self, schema: str, value: Any) -> None:
        """Raise `Wrong` unless `value` is what `schema` describes."""
        errors = Draft7Validator({**self._schemas, "$ref": f"#/definitions/{schema}"}, format_checker=_CHECKER)
        for error in errors.iter_errors(value):
            raise Wrong(f"{schema}{error.json_path[1:]}: {error.message[:300]}")

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        schemas = {name: _json_schema(schema) for name, schema in self._document["schemas"].items()}
        return {"definitions": schemas}

    @cached_property
    def _methods(self) -> list[tuple[re.Pattern[str], Mapping[str, Any]]]:
        base = "/" + self._document["servicePath"]
        found = []
        for method in _methods_of(self._document):
            found.append((_path_pattern(base + method["path"], method), method))
            media = method.get("mediaUpload", {}).get("protocols", {})
            found += [(_path_pattern(way["path"], method), method) for way in media.values()]
        return found

    def _check_query(self, method: Mapping[str, Any], query: Mapping[str, str]) -> None:
        known = {**self._document["parameters"], **method.get("parameters", {})}
        for name, value in query.items():
            if name not in known and name not in ("upload_id",):
                raise Wrong(f"{method['id']}: unknown name {name!r}: cannot find field")
            kind = known.get(name, {})
            if kind.get("type") == "integer" and not value.isdigit():
                raise Wrong(f"{method['id']}: invalid value for {name!r}: {value}")


def _methods_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from document.get("methods", {}).values()
    for resource in document.get("resources", {}).values():
        yield from _methods_of(resource)


def _path_pattern(path: str, method: Mapping[str, Any]) -> re.Pattern[str]:
    """`v2/{+name}:run` with the pattern of `name` put in; `b/{bucket}/o/{object}` with a segment each."""

    def group(found: re.Match[str]) -> str:
        name = found[2]
        given = method["parameters"][name].get("pattern", "").removeprefix("^").removesuffix("$")
        return f"(?P<{name}>{given.replace('[^/]', '[^/:]') if found[1] and given else '[^/]+'})"

    parts = re.split(r"(\{\+?\w+\})", path)
    return re.compile(
        "".join(re.sub(r"\{(\+?)(\w+)\}", group, p) if p.startswith("{") else re.escape(p) for p in parts)
    )


def _json_schema(schema: Any) -> Any:
    """Google's dialect as JSON Schema: what it describes nothing else may be."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref']}"}
    kept = {
        key: schema[key] for key in ("type", "format", "enum", "pattern") if isinstance(schema.get(key), str | list)
    }
    if kept.get("type") == "any":
        return {}
    if "items" in schema:
        kept["items"] = _json_schema(schema["items"])
    if "properties" in schema:
        kept["properties"] = {name: _json_schema(value) for name, value in schema["properties"].items()}
        kept["additionalProperties"] = False
    if "additionalProperties" in schema:
        kept["additionalProperties"] = _json_schema(schema["additionalProperties"])
    return kept
