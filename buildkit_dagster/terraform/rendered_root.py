"""A root that the platform writes, as data: module calls, references between them, backend and provider.

Data stays data: only the reference types of this file ever become expressions of Terraform. The JSON form is
`render.py`'s, HCL text `hcl_text.py`'s. Which modules a stack calls is decided in `stacks/`; what is read back from a
root, the user's too, is the `Root` of `root.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildkit_dagster.data import data_path

Json = Any


@dataclass(frozen=True)
class Ref:
    """An output of a unit of another stack: a root variable here, and an edge between the two assets."""

    stack: str
    unit: str
    output: str

    @property
    def variable(self) -> str:
        """The root variable that carries the value; Terraform takes hyphens in names, so like names stay apart."""
        return f"{self.stack}__{self.unit}__{self.output}"


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

    `depends_on` names units of the same stack; `tags` and `owners` are the asset's, `tag_changes` says how tags differ
    from what the configuration writes, `asset_deps` are keys of assets outside Terraform that must exist first (an
    image).
    """

    name: str
    module: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    tag_changes: tuple[str, ...] = ()
    asset_deps: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class S3Backend:
    """State in S3 with S3's own locking. `path_style` is for the emulator, `role` is assumed for state access, and
    `kms_key` encrypts in place of what the bucket says."""

    bucket: str
    key: str
    region: str
    dynamodb_table: str | None = None
    role: str | None = None
    path_style: bool = False
    kms_key: str | None = None


@dataclass(frozen=True)
class AwsProvider:
    """The root's one AWS provider; any other account than `account` is refused by the provider itself."""

    region: str
    account: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    assume_role: str | None = None
    path_style: bool = False


@dataclass(frozen=True)
class GoogleProvider:
    """The root's one Google provider, which acts as `impersonate`, a service account, where there is one.

    `emulated` says that nothing stands for Google here: such a root is rendered and never run.
    """

    project: str
    region: str
    default_labels: Mapping[str, str] = field(default_factory=dict)
    impersonate: str | None = None
    emulated: bool = False


@dataclass(frozen=True)
class RenderedRoot:
    """A whole stack. Without a backend the state is a local file in the stack's work folder.

    `files` are written beside the root, by their names; what they hold is made then. `planned` are values of
    `PlannedRef`s, with `Unknown` in them; a root that has any is never applied.
    """

    stack: str
    calls: tuple[ModuleCall, ...]
    provider: AwsProvider | GoogleProvider | None
    backend: S3Backend | None
    module_source: Path | None = None
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict, repr=False)
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


#: Values that hold no reference to another stack.
_PLAIN = (str, int, float, type(None), UnitRef, PlannedRef, Unknown)


def refs_in(value: Json) -> list[Ref]:
    """References to other stacks anywhere in a value, in order of appearance."""
    found: list[Ref] = []
    _collect(value, found)
    return found


def _collect(value: Json, found: list[Ref]) -> None:
    if isinstance(value, _PLAIN):
        return
    if isinstance(value, Ref):
        found.append(value)
    elif isinstance(value, Text):
        found += [part for part in value.parts if isinstance(part, Ref)]
    elif isinstance(value, (Mapping, list, tuple)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _collect(inner, found)
