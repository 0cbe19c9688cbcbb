"""A stack: one Terraform root with its state, its work folder and the stacks it takes outputs from.

This is the value everything else is given. Reading the root is `reading.py`, the state `state.py`, running Terraform
`engine.py`; the asset side is in `defs/terraform/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.backends import DEFAULT_WORKSPACE, Backend, LocalBackend, backend_of
from buildkit_dagster.terraform.hcl import read_values, value_files_beside
from buildkit_dagster.terraform.module_folder import module_outputs
from buildkit_dagster.terraform.noted import read_again
from buildkit_dagster.terraform.reading import analyse
from buildkit_dagster.terraform.render import body_of
from buildkit_dagster.terraform.rendered_root import GoogleProvider, ModuleCall, Ref, RenderedRoot, call_refs, refs_in
from buildkit_dagster.terraform.root import Root

#: What drift of a unit means: told as a warning, stops the jobs that rest on the unit, is not looked for.
Drift = Literal["warn", "block", "off"]
_MODES = get_args(Drift)

#: What the file of `import` blocks is called in a root.
IMPORTS_FILE = "imports.tf.json"


@dataclass(frozen=True, eq=False)
class TerraformStack:
    """One Terraform root.

    `path` is the folder Terraform runs in, `name` the stack's (by default the folder's). `variables` are given to the
    root; a `Ref` in them is an output of one of the `upstream` stacks and an edge between assets. They win over the
    `var_files`, whose paths are relative to the root and of which the later win.

    `workspace` is the Terraform workspace, made when it is not there. `backend_config` completes a partial backend
    block: settings, or a file of them. `terraform_binary` is a name on PATH or a path. `work` holds what may be deleted
    (`.buildkit/<name>` in the root by default). `imports` is the file of the user's `import` blocks, by default beside
    the root. `drift` says what drift means, for all units or by unit.
    """

    path: Path
    name: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    upstream: tuple[TerraformStack, ...] = field(default=(), repr=False)
    var_files: tuple[Path, ...] = field(default=(), repr=False)
    workspace: str = DEFAULT_WORKSPACE
    backend_config: Mapping[str, Any] | Path = field(default_factory=dict, repr=False)
    terraform_binary: str = field(default="terraform", repr=False)
    work: Path = field(default=Path(), repr=False)
    source: RenderedRoot | None = field(default=None, repr=False)
    lock_file: Path | None = field(default=None, repr=False)
    imports: Path = field(default=Path(), repr=False)
    drift: Drift | Mapping[str, Drift] = field(default="warn", repr=False)

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        upstream: Sequence[TerraformStack] = (),
        var_files: Sequence[str | Path] = (),
        workspace: str | None = None,
        backend_config: Mapping[str, Any] | str | Path | None = None,
        terraform_binary: str = "terraform",
        work: str | Path | None = None,
        source: RenderedRoot | None = None,
        lock_file: Path | None = None,
        imports: Path | None = None,
        drift: Drift | Mapping[str, Drift] = "warn",
    ) -> None:
        folder = Path(path).absolute()
        own, space = name or folder.name, workspace or DEFAULT_WORKSPACE
        _check_name(folder, own)
        _check_workspace(folder, space)
        values = {
            "path": folder,
            "name": own,
            "variables": dict(variables or {}),
            "upstream": tuple(upstream),
            "var_files": tuple(folder / file for file in var_files),
            "workspace": space,
            "backend_config": _backend_config(folder, backend_config),
            "terraform_binary": terraform_binary,
            "work": Path(work).absolute() if work else folder / ".buildkit" / _slot(own, space),
            "source": source,
            "lock_file": lock_file,
            "imports": imports or folder / IMPORTS_FILE,
            "drift": drift,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @classmethod
    def rendered(
        cls,
        root: RenderedRoot,
        work: Path,
        upstream: Sequence[TerraformStack] = (),
        drift: Drift | Mapping[str, Drift] = "warn",
    ) -> TerraformStack:
        """A stack whose root is data; it is written to `<work>/<stack>/` when it is run, never before.

        `work` is the platform's, `<platform folder>/.buildkit/<env>`; the platform folder keeps the lock file, and the
        `import` blocks by environment, since every environment has names of its own.
        """
        platform = work.absolute().parent.parent
        return cls(
            work / root.stack,
            name=root.stack,
            variables={ref.variable: ref for ref in root.refs()},
            upstream=upstream,
            work=work / root.stack,
            source=root,
            lock_file=platform / _lock_file(root),
            imports=platform / "imports" / work.name / f"{root.stack}.tf.json",
            drift=drift,
        )

    @cached_property
    def root(self) -> Root:
        """Units and edges; read once, a root written by hand from the note of an earlier process where one fits."""
        if self.source is None:
            given = {name: str(value) for name, value in self.variables.items()}
            return read_again(self.work, self.path, self.name, given, self.value_files, self.workspace)
        return analyse([self.body(self.source.modules)], self.name, self.path, {})

    def body(self, modules: Path = Path("modules")) -> dict[str, Any]:
        """The rendered root in Terraform's JSON syntax, with its modules in the folder `modules`."""
        if self.source is None:
            raise InvalidRoot(self.path, "this root is written by hand; only rendered ones have a body")
        called = {call.module for call in self.source.calls}
        outputs = {name: module_outputs(self.source.modules / name) for name in called}
        return body_of(self.source, outputs, modules)

    @property
    def value_files(self) -> tuple[Path, ...]:
        """The files of variables that Terraform reads by itself, then `var_files`; the later win."""
        if self.source is not None:
            return ()
        missing = [file for file in self.var_files if not file.is_file()]
        if missing:
            raise InvalidRoot(self.path, f"there is no var file {missing[0]}; var_files are relative to the root")
        return (*value_files_beside(self.path), *self.var_files)

    @cached_property
    def values_in_files(self) -> Mapping[str, Any]:
        """The variables in `value_files`."""
        return read_values(self.value_files)

    @cached_property
    def backend(self) -> Backend:
        """Where the state is."""
        if self.source is not None:
            return self.source.backend or LocalBackend(self.path / "terraform.tfstate")
        more = self.backend_config
        given = read_values([more]) if isinstance(more, Path) else more
        return backend_of(self.root.backend, given, self.path, self.workspace)

    @property
    def not_emulated(self) -> bool:
        """Whether nothing stands for the stack's cloud in its environment: it can be looked at, and never run."""
        provider = self.source.provider if self.source else None
        return isinstance(provider, GoogleProvider) and provider.emulated

    @property
    def slot(self) -> str:
        """The stack's name, with the workspace where it is not the default one: what is kept once for each state."""
        return _slot(self.name, self.workspace)

    def call(self, unit: str) -> ModuleCall | None:
        """The call a unit was rendered from; None for a root written by hand."""
        calls = self.source.calls if self.source else ()
        return next((call for call in calls if call.name == unit), None)

    def drift_mode(self, unit: str) -> Drift:
        """What drift of the unit means; raises InvalidRoot where `drift` names units or modes there are not."""
        return self._drift_modes.get(unit, "warn")

    @cached_property
    def _drift_modes(self) -> Mapping[str, Drift]:
        units = self.root.names
        modes = self.drift if isinstance(self.drift, Mapping) else dict.fromkeys(units, self.drift)
        wrong = [f"{name}: {mode}" for name, mode in modes.items() if name not in units or mode not in _MODES]
        if wrong:
            allowed = f"{', '.join(_MODES)} for units {', '.join(units)}"
            raise InvalidRoot(self.path, f"TerraformStack(drift=...) says {', '.join(wrong)}; allowed: {allowed}")
        return modes

    def refs(self, unit: str) -> tuple[Ref, ...]:
        """References of one unit to outputs of other stacks."""
        call = self.call(unit)
        if call is not None:
            return call_refs(call)
        given = [self.variables.get(name) for name in self.root.unit(unit).variables]
        return tuple(dict.fromkeys(refs_in(given)))

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


def _check_workspace(folder: Path, workspace: str) -> None:
    """It becomes a part of paths and keys."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", workspace):
        raise InvalidRoot(folder, f"{workspace!r} cannot be a workspace; allowed: letters, digits, _ and -")


def _lock_file(root: RenderedRoot) -> str:
    """A lock file is complete or refused, so roots of another provider have another one."""
    return ".terraform.lock.google.hcl" if isinstance(root.provider, GoogleProvider) else ".terraform.lock.hcl"


def _slot(name: str, workspace: str) -> str:
    return name if workspace == DEFAULT_WORKSPACE else f"{name}.{workspace}"


def _backend_config(folder: Path, given: Mapping[str, Any] | str | Path | None) -> Mapping[str, Any] | Path:
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    file = folder / given
    if not file.is_file():
        raise InvalidRoot(folder, f"there is no file {file}; the path in backend_config is relative to the root")
    return file
