"""A stack: one Terraform root with its state, its work folder and the stacks it takes outputs from.

This is the value everything else is given. Reading the root is `root.py`, the state `state.py`, running Terraform
`engine.py`; the asset side is in `defs/terraform/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.render import ModuleCall, Ref, RenderedRoot, S3Backend, body_of, call_refs
from buildkit_dagster.terraform.root import Root, analyse, module_outputs, read_root


@dataclass(frozen=True)
class LocalBackend:
    """State in a file on this machine."""

    path: Path


@dataclass(frozen=True, eq=False)
class TerraformStack:
    """One Terraform root.

    `path` is the folder Terraform runs in, `name` the stack's (by default the folder's). `variables` are given to the
    root; a `Ref` among them is an output of one of the `upstream` stacks and an edge between assets. `work` holds what
    may be deleted (`.buildkit` in the root by default).
    """

    path: Path
    name: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    upstream: tuple[TerraformStack, ...] = field(default=(), repr=False)
    work: Path = field(default=Path(), repr=False)
    source: RenderedRoot | None = field(default=None, repr=False)
    lock_file: Path | None = field(default=None, repr=False)

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        upstream: Sequence[TerraformStack] = (),
        work: str | Path | None = None,
        source: RenderedRoot | None = None,
        lock_file: Path | None = None,
    ) -> None:
        folder = Path(path).absolute()
        _check_name(folder, name or folder.name)
        values = {
            "path": folder,
            "name": name or folder.name,
            "variables": dict(variables or {}),
            "upstream": tuple(upstream),
            "work": Path(work).absolute() if work else folder / ".buildkit",
            "source": source,
            "lock_file": lock_file,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @classmethod
    def rendered(cls, root: RenderedRoot, work: Path, upstream: Sequence[TerraformStack] = ()) -> TerraformStack:
        """A stack whose root is data; it is written to `<work>/<stack>/` when it is run, never before.

        `work` is the platform's, `<platform folder>/.buildkit/<env>`; the platform folder keeps the lock file.
        """
        return cls(
            work / root.stack,
            name=root.stack,
            variables={ref.variable: ref for ref in root.refs()},
            upstream=upstream,
            work=work / root.stack,
            source=root,
            lock_file=work.parent.parent / ".terraform.lock.hcl",
        )

    @cached_property
    def root(self) -> Root:
        """Units and edges; read once."""
        if self.source is None:
            return read_root(self.path, self.name, {name: str(value) for name, value in self.variables.items()})
        return analyse([self.body(self.source.modules)], self.name, self.path, {})

    def body(self, modules: Path = Path("modules")) -> dict[str, Any]:
        """The rendered root in Terraform's JSON syntax, with its modules in the folder `modules`."""
        if self.source is None:
            raise InvalidRoot(self.path, "this root is written by hand; only rendered ones have a body")
        called = {call.module for call in self.source.calls}
        outputs = {name: module_outputs(self.source.modules / name) for name in called}
        return body_of(self.source, outputs, modules)

    @cached_property
    def backend(self) -> S3Backend | LocalBackend:
        """Where the state is."""
        if self.source is not None:
            return self.source.backend or LocalBackend(self.path / "terraform.tfstate")
        return _backend_of(self.root, self.path)

    def call(self, unit: str) -> ModuleCall | None:
        """The call a unit was rendered from; None for a root written by hand."""
        calls = self.source.calls if self.source else ()
        return next((call for call in calls if call.name == unit), None)

    def refs(self, unit: str) -> tuple[Ref, ...]:
        """References of one unit to outputs of other stacks."""
        call = self.call(unit)
        if call is not None:
            return call_refs(call)
        given = [self.variables.get(name) for name in self.root.unit(unit).variables]
        return tuple(value for value in given if isinstance(value, Ref))

    def upstream_named(self, name: str) -> TerraformStack:
        """The upstream stack of this name."""
        for stack in self.upstream:
            if stack.name == name:
                return stack
        known = ", ".join(stack.name for stack in self.upstream) or "none"
        raise InvalidRoot(self.name, f"refers to stack {name!r}, which is not among its upstream stacks: {known}")


def _check_name(folder: Path, name: str) -> None:
    """It becomes a part of asset keys, and Dagster takes few signs there."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InvalidRoot(
            folder,
            f"{name!r} cannot be the name of a stack; give one of letters, digits, _ and - as TerraformStack(name=...)",
        )


def _backend_of(root: Root, folder: Path) -> S3Backend | LocalBackend:
    if not root.backend:
        return LocalBackend(folder / "terraform.tfstate")
    kind, settings = next(iter(root.backend.items()))
    if kind == "local":
        return LocalBackend(folder / str(settings.get("path", "terraform.tfstate")))
    missing = [key for key in ("bucket", "key", "region") if key not in settings]
    if kind != "s3" or missing:
        lacks = f"its backend lacks {', '.join(missing)}" if kind == "s3" else f"its backend is {kind!r}"
        raise InvalidRoot(folder, f"{lacks}; allowed: local, or s3 with bucket, key and region written in the root")
    return S3Backend(
        bucket=str(settings["bucket"]),
        key=str(settings["key"]),
        region=str(settings["region"]),
        dynamodb_table=settings.get("dynamodb_table"),
    )
