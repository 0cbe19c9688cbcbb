"""The JSON form of a rendered root, as Terraform reads it.

Everything is serialised; HCL text is never made from strings. Data that happens to contain `${` or `%{` is escaped, so
only the reference types of `rendered_root.py` become expressions. Writing the folder Terraform runs in is `workdir.py`,
reading a root back (edges, hashes) is `reading.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from buildkit_dagster.terraform.providers import (
    AWS_PROVIDER,
    AWS_PROVIDER_VERSION,
    GOOGLE_PROVIDER,
    GOOGLE_PROVIDER_VERSION,
    MINIMUM_TERRAFORM,
)
from buildkit_dagster.terraform.rendered_root import (
    AwsProvider,
    GoogleProvider,
    Json,
    ModuleCall,
    PlannedRef,
    Ref,
    RenderedRoot,
    S3Backend,
    Text,
    UnitRef,
    Unknown,
)

#: A carriage return in a template.
_RETURN = '${"\\r"}'

#: The name of a resource whose id stands for everything that is not known yet.
UNKNOWN_RESOURCE = "buildkit_unknown"


def body_of(root: RenderedRoot, outputs: Mapping[str, tuple[str, ...]], modules: Path) -> dict[str, Json]:
    """The root in Terraform's JSON syntax; `outputs` names each module's outputs that are not sensitive."""
    body: dict[str, Json] = {
        "terraform": _settings(root),
        "module": {call.name: _call(call, modules) for call in root.calls},
        "output": {call.name: _output(call, outputs[call.module]) for call in root.calls},
    }
    if isinstance(root.provider, AwsProvider):
        body["provider"] = {"aws": _provider(root.provider)}
    elif root.provider is not None:
        body["provider"] = {"google": _google(root.provider)}
    if refs := root.refs():
        body["variable"] = {ref.variable: {"type": "any", "nullable": False} for ref in refs}
    if root.planned:
        body.update(planned_blocks(root.planned))
    return body


def planned_blocks(planned: Mapping[str, Json]) -> dict[str, Json]:
    """The locals that planned values are in, and the resource that nobody ever makes, whose id is therefore unknown."""
    return {
        "locals": {name: expression(value) for name, value in planned.items()},
        "resource": {"terraform_data": {UNKNOWN_RESOURCE: {}}},
    }


def backend_settings(backend: S3Backend) -> dict[str, Json]:
    """The arguments of `backend "s3"`."""
    settings: dict[str, Json] = {
        "bucket": backend.bucket,
        "key": backend.key,
        "region": backend.region,
        "encrypt": True,
        "use_lockfile": True,
    }
    if backend.dynamodb_table:
        settings["dynamodb_table"] = backend.dynamodb_table
    if backend.role:
        settings["assume_role"] = {"role_arn": backend.role}
    if backend.kms_key:
        settings["kms_key_id"] = backend.kms_key
    if backend.path_style:
        settings["use_path_style"] = True
    return settings


def expression(value: Json) -> Json:
    """A value as Terraform's JSON syntax wants it: references become templates, everything else is a literal."""
    if isinstance(value, str):
        return escape(value)
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, dict):
        return {escape(str(key)): expression(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [expression(inner) for inner in value]
    if isinstance(value, Ref):
        return f"${{var.{value.variable}}}"
    if isinstance(value, PlannedRef):
        return f"${{local.{value.local}}}"
    if isinstance(value, Unknown):
        unknown = f"terraform_data.{UNKNOWN_RESOURCE}.id"
        return f"${{{unknown}}}" if value.text else f"${{jsondecode({unknown})}}"
    if isinstance(value, UnitRef):
        return f"${{module.{value.unit}.{value.output}}}"
    if isinstance(value, Text):
        return _template(value.parts)
    return expression(dict(value)) if isinstance(value, Mapping) else value


def escape(text: str) -> str:
    """Text that Terraform reads back as itself."""
    if "${" not in text and "%{" not in text:
        return text
    return _without_returns(re.sub(r"([$%])\{", r"\1\1{", text))


def _without_returns(text: str) -> str:
    """Behind a bare carriage return Terraform takes nothing for a template any more, escapes included."""
    return text.replace("\r", _RETURN)


def _template(parts: tuple[str | Ref | UnitRef | PlannedRef, ...]) -> str:
    """Literal parts are escaped as one text where they touch; a `$` before a reference would escape that."""
    written = ""
    for is_literal, run in groupby(parts, key=lambda part: isinstance(part, str)):
        if is_literal:
            literal = _without_returns(escape("".join(str(part) for part in run)))
            kept = literal.rstrip("$")
            written += literal if kept == literal else f'{kept}${{"{literal[len(kept) :]}"}}'
        else:
            written += "".join(str(expression(part)) for part in run)
    return written


def _settings(root: RenderedRoot) -> dict[str, Json]:
    settings: dict[str, Json] = {"required_version": f">= {MINIMUM_TERRAFORM}"}
    if isinstance(root.provider, AwsProvider):
        settings["required_providers"] = {"aws": {"source": AWS_PROVIDER, "version": AWS_PROVIDER_VERSION}}
    elif root.provider is not None:
        settings["required_providers"] = {"google": {"source": GOOGLE_PROVIDER, "version": GOOGLE_PROVIDER_VERSION}}
    if root.backend is not None:
        settings["backend"] = {"s3": backend_settings(root.backend)}
    return settings


def _provider(provider: AwsProvider) -> dict[str, Json]:
    settings: dict[str, Json] = {"region": provider.region, "allowed_account_ids": [provider.account]}
    if provider.default_tags:
        settings["default_tags"] = {"tags": expression(dict(provider.default_tags))}
    if provider.assume_role:
        settings["assume_role"] = {"role_arn": provider.assume_role}
    if provider.path_style:
        settings["s3_use_path_style"] = True
    return settings


def _google(provider: GoogleProvider) -> dict[str, Json]:
    """Labels are those of the configuration alone: the provider would add one that says it was Terraform."""
    settings: dict[str, Json] = {
        "project": provider.project,
        "region": provider.region,
        "add_terraform_attribution_label": False,
    }
    if provider.default_labels:
        settings["default_labels"] = expression(dict(provider.default_labels))
    if provider.impersonate:
        settings["impersonate_service_account"] = provider.impersonate
    return settings


def _call(call: ModuleCall, modules: Path) -> dict[str, Json]:
    folder = modules / call.module
    block = {"source": str(folder) if folder.is_absolute() else f"./{folder}", **expression(dict(call.inputs))}
    if call.depends_on:
        block["depends_on"] = [f"module.{unit}" for unit in call.depends_on]
    return block


def _output(call: ModuleCall, names: tuple[str, ...]) -> dict[str, Json]:
    return {"value": {name: expression(UnitRef(call.name, name)) for name in names}}
