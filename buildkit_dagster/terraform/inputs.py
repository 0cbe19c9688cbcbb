"""What a plan is made from, read from a stack's folders and its state, as the parts of its digest.

Everything is read after `init`, when the modules (remote ones too) are on this machine. How parts become a digest is
`digest.py`; nothing here runs Terraform.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.digest import hash_of
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.rendered_root import Ref
from buildkit_dagster.terraform.stack import IMPORTS_FILE, TerraformStack
from buildkit_dagster.terraform.state import State
from buildkit_dagster.terraform.workdir import LOCK_FILE, Workdir

#: What Terraform, git and we ourselves write into a root.
_NOT_READ = frozenset({".terraform", ".buildkit", ".git", LOCK_FILE})
_NOT_READ_SUFFIXES = (".tfstate", ".backup", ".lock.info", ".tfplan")
_VALUES = (".tfvars", ".tfvars.json")


def input_parts(
    engine: Engine, values: Mapping[str, Any], state: State, units: Sequence[str], options: Sequence[str], nonce: str
) -> dict[str, str]:
    """Part → hash, of all that a plan is made from; `values` are the variables of the root, `units` those selected.

    Values may be short secrets, so their hashes are keyed with the plan's `nonce`, which is kept with its record only.
    """
    stack, workdir = engine.stack, engine.workdir
    modules = _module_folders(workdir)
    listed = {folder: _files(folder, ()) for folder in set(modules.values())}
    upstream = {name for name, value in stack.variables.items() if isinstance(value, Ref)}
    own = {name: value for name, value in values.items() if name not in upstream}
    return {
        "configuration": hash_of(_configuration(workdir, modules)),
        "variables": hash_of([own, _value_files(stack, modules)], nonce),
        "upstream outputs": hash_of({name: values[name] for name in sorted(upstream) if name in values}, nonce),
        "state": state_part(state),
        "modules": hash_of({name: listed[folder] for name, folder in modules.items()}),
        "providers": hash_of(_lock_file(workdir)),
        "tools": hash_of([engine.sources.binary.name, engine.sources.version, package_version()]),
        "selection": hash_of([sorted(units), list(options)]),
    }


def state_part(state: State) -> str:
    """Which state it is, and how often it was written."""
    return hash_of([state.lineage, state.serial])


def package_version() -> str:
    """Ours, which wrote the rendered roots."""
    try:
        return version("buildkit-dagster")
    except PackageNotFoundError:
        return "unknown"


def _configuration(workdir: Workdir, modules: Mapping[str, Path]) -> Any:
    """A rendered root is data, and the files written beside it; of one written by hand every file may be read by an
    expression of it."""
    stack = workdir.stack
    if stack.source is not None:
        beside = (workdir.folder / name for name in (IMPORTS_FILE, *stack.source.files))
        return [stack.body(), [[file.name, _hash(file)] for file in beside if file.exists()]]
    return [stack.workspace] + [entry for entry in _own_files(stack, modules) if not entry[0].endswith(_VALUES)]


def _value_files(stack: TerraformStack, modules: Mapping[str, Path]) -> list[Any]:
    """Files of values that Terraform reads by itself, and those it is given."""
    if stack.source is not None:
        return []
    found = [entry for entry in _own_files(stack, modules) if entry[0].endswith(_VALUES)]
    return [*found, [_hash(file) for file in stack.var_files]]


def _own_files(stack: TerraformStack, modules: Mapping[str, Path]) -> list[list[str]]:
    return _files(stack.path, [stack.work, *modules.values()])


def _module_folders(workdir: Workdir) -> dict[str, Path]:
    """Every module of the root with its folder, remote and nested ones too, as `init` wrote them down."""
    manifest = workdir.data / "modules" / "modules.json"
    if not manifest.exists():
        return {}
    modules = json.loads(manifest.read_text())["Modules"]
    return {module["Key"]: workdir.folder / module["Dir"] for module in modules if module["Key"]}


def _files(folder: Path, others: Iterable[Path]) -> list[list[str]]:
    """Name and hash of each file below a folder that is neither ours nor in one of the `others`."""
    apart = {other.resolve() for other in others} - {folder.resolve()}
    return [[file.relative_to(folder).as_posix(), _hash(file)] for file in sorted(_walk(folder, apart))]


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _walk(folder: Path, apart: set[Path]) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in _NOT_READ or entry.name.endswith(_NOT_READ_SUFFIXES):
            continue
        if entry.is_dir():
            if entry.resolve() not in apart:
                yield from _walk(entry, apart)
        elif entry.is_file():
            yield entry


def _lock_file(workdir: Workdir) -> str:
    """The providers' versions and hashes."""
    file = workdir.folder / LOCK_FILE
    return file.read_text() if file.exists() else ""
