"""The root of a stack as data: module calls, references between them, provider and backend, and their JSON form.

Everything is serialised; HCL text is never made from strings. Data that happens to contain `${` or `%{` is escaped, so
only the reference types of this file become expressions. Which modules a stack calls is decided in `stacks/`; writing
the folder Terraform runs in is `workdir.py`, reading a root back (edges, hashes) is `root.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from buildkit_dagster.data import data_path
from buildkit_dagster.naming import identifier
from buildkit_dagster.terraform.providers import AWS_PROVIDER, AWS_PROVIDER_VERSION, MINIMUM_TERRAFORM

Json = Any

#: A carriage return in a template.
_RETURN = '${"\\r"}'

#: The name of a resource whose id stands for everything that is not known yet.
UNKNOWN_RESOURCE = "buildkit_unknown"


@dataclass(frozen=True)
class Ref:
    """An output of a unit of another stack: a root variable here, and an edge between the two assets."""

    stack: str
    unit: str
    output: str

    @property
    def variable(self) -> str:
        """The root variable that carries the value."""
        return "__".join(identifier(part) for part in (self.stack, self.unit, self.output))


@dataclass(frozen=True)
class PlannedRef:
    """An output of another stack that is only planned: a local of a root that is for planning only."""

    local: str


@dataclass(frozen=True)
class Unknown:
    """A value that only an apply will tell. Terraform takes anything made of an attribute it does not know for one.

    A `text` fits wherever a string, number or boolean does, and leaves what stands beside it in a map or list known;
    the other one fits everywhere, and a map or list that holds it is unknown as a whole.
    """

    text: bool = True


@dataclass(frozen=True)
class UnitRef:
    """An output of another unit of the same stack."""

    unit: str
    output: str


@dataclass(frozen=True, init=False)
class Text:
    """A string put together from literal parts and references."""

    parts: tuple[str | Ref | UnitRef | PlannedRef, ...]

    def __init__(self, *parts: str | Ref | UnitRef | PlannedRef) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class ModuleCall:
    """One unit: a module of the package called `name` with `inputs` (JSON with references anywhere inside).

    `depends_on` names units of the same stack; `tags` and `owners` are the asset's, `asset_deps` the keys of assets
    outside Terraform that must exist first (an image).
    """

    name: str
    module: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    asset_deps: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class S3Backend:
    """State in S3 with S3's own locking. `path_style` is for the emulator, `role` is assumed for state access."""

    bucket: str
    key: str
    region: str
    dynamodb_table: str | None = None
    role: str | None = None
    path_style: bool = False


@dataclass(frozen=True)
class AwsProvider:
    """The root's one AWS provider; any other account than `account` is refused by the provider itself."""

    region: str
    account: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    assume_role: str | None = None
    path_style: bool = False


@dataclass(frozen=True)
class RenderedRoot:
    """A whole stack. Without a backend the state is a local file in the stack's work folder.

    `planned` are values of `PlannedRef`s, with `Unknown` in them; a root that has any is never applied.
    """

    stack: str
    calls: tuple[ModuleCall, ...]
    provider: AwsProvider | None
    backend: S3Backend | None
    module_source: Path | None = None
    planned: Mapping[str, Json] = field(default_factory=dict, repr=False)

    @property
    def modules(self) -> Path:
        """The folder that holds the called modules."""
        return self.module_source or data_path("modules")

    def refs(self) -> tuple[Ref, ...]:
        """Every reference to another stack, each once."""
        return tuple(dict.fromkeys(ref for call in self.calls for ref in call_refs(call)))


def call_refs(call: ModuleCall) -> tuple[Ref, ...]:
    """References of one call to other stacks, in order of appearance."""
    return tuple(dict.fromkeys(refs_in(call.inputs)))


def body_of(root: RenderedRoot, outputs: Mapping[str, tuple[str, ...]], modules: Path) -> dict[str, Json]:
    """The root in Terraform's JSON syntax; `outputs` names each module's outputs that are not sensitive."""
    body: dict[str, Json] = {
        "terraform": _settings(root),
        "module": {call.name: _call(call, modules) for call in root.calls},
        "output": {call.name: _output(call, outputs[call.module]) for call in root.calls},
    }
    if root.provider is not None:
        body["provider"] = {"aws": _provider(root.provider)}
    if root.refs():
        body["variable"] = {ref.variable: {"type": "any", "nullable": False} for ref in root.refs()}
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
    if backend.path_style:
        settings["use_path_style"] = True
    return settings


def expression(value: Json) -> Json:
    """A value as Terraform's JSON syntax wants it: references become templates, everything else is a literal."""
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
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {escape(str(key)): expression(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [expression(inner) for inner in value]
    return value


def escape(text: str) -> str:
    """Text that Terraform reads back as itself."""
    escaped = re.sub(r"([$%])\{", r"\1\1{", text)
    return escaped if escaped == text else _without_returns(escaped)


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
    if root.provider is not None:
        settings["required_providers"] = {"aws": {"source": AWS_PROVIDER, "version": AWS_PROVIDER_VERSION}}
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


def _call(call: ModuleCall, modules: Path) -> dict[str, Json]:
    folder = modules / call.module
    block = {"source": str(folder) if folder.is_absolute() else f"./{folder}", **expression(dict(call.inputs))}
    if call.depends_on:
        block["depends_on"] = [f"module.{unit}" for unit in call.depends_on]
    return block


def _output(call: ModuleCall, names: tuple[str, ...]) -> dict[str, Json]:
    return {"value": {name: expression(UnitRef(call.name, name)) for name in names}}


def refs_in(value: Json) -> Iterator[Ref]:
    """References to other stacks anywhere in a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Text):
        yield from (part for part in value.parts if isinstance(part, Ref))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from refs_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from refs_in(inner)
