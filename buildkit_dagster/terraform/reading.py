"""Reading a root: its units, which unit needs which, and a hash of every unit's code.

One reading serves roots in HCL, in JSON and rendered ones. Nothing is run and no provider is needed. The files are
parsed in `hcl.py`, what lies beside them is hashed in `beside.py`, and what comes out is the `Root` of `root.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.beside import Beside, digest, digest_file, files_read, paths_in
from buildkit_dagster.terraform.hcl import (
    Blocks,
    document,
    is_true,
    labelled,
    merge,
    read_values,
    root_files,
    value_files_beside,
)
from buildkit_dagster.terraform.module_folder import module_files
from buildkit_dagster.terraform.references import references
from buildkit_dagster.terraform.root import ROOT_UNIT, Root, Unit
from buildkit_dagster.terraform.secret_names import is_secret_name

_LOCAL = ("./", "../", "/")
_RESOURCE = re.compile(r'^\s*resource\s+"(\w+)"', re.MULTILINE)
_ASKS = re.compile(r"required_providers|^\s*module\s", re.MULTILINE)


def read_root(
    folder: Path,
    name: str,
    values: Mapping[str, Any] | None = None,
    in_files: Mapping[str, Any] | None = None,
    workspace: str = "default",
) -> Root:
    """Read a folder of `.tf` and `.tf.json` files; `values` are the variables it is given, `in_files` those it gets
    from files (the ones Terraform reads by itself if not given)."""
    filed = read_values(value_files_beside(folder)) if in_files is None else in_files
    return open_reading(folder, name, values or {}, filed, workspace).root()


def open_reading(
    folder: Path, name: str, given: Mapping[str, Any], in_files: Mapping[str, Any], workspace: str
) -> Reading:
    """Parse the files of a root; raises InvalidRoot where one of them, or a given value, is wrong."""
    files = root_files(folder)
    if not files:
        raise InvalidRoot(folder, "not a Terraform root: it holds no .tf or .tf.json file")
    documents = [document(file) for file in files]
    _refuse_undeclared(folder, given, documents)
    return Reading(merge(documents), name, folder, {**in_files, **given}, workspace)


def analyse(
    documents: Iterable[Mapping[str, Any]],
    name: str,
    folder: Path,
    values: Mapping[str, Any],
    workspace: str = "default",
) -> Root:
    """Find units and edges in documents of one root; module sources are relative to `folder`."""
    return Reading(merge(documents), name, folder, values, workspace).root()


def _refuse_undeclared(folder: Path, values: Mapping[str, Any], documents: Iterable[Mapping[str, Any]]) -> None:
    """Terraform only warns of a value nobody reads, which is mostly a mistyped name."""
    declared = sorted(name for (name,) in merge(documents)["variable"])
    unknown = sorted(set(values) - set(declared))
    if unknown:
        allowed = ", ".join(declared) or "none"
        raise InvalidRoot(folder, f"declares no variable {', '.join(unknown)}; the variables it declares: {allowed}")


class Reading:
    """The blocks of a root and the graph between them: a traversal leads to units, through locals and data sources."""

    def __init__(
        self,
        blocks: Blocks,
        name: str,
        folder: Path,
        values: Mapping[str, Any],
        workspace: str,
    ) -> None:
        self.name, self.folder, self.values, self.blocks = name, folder, values, blocks
        # A module may read the workspace's name, which none of its inputs shows.
        self.workspace = [] if workspace == "default" else [workspace]
        self.locals = blocks["locals"].get((), {})
        self.modules: dict[str, Any] = {labels[0]: body for labels, body in blocks["module"].items()}
        # Many calls share a module, and every body is asked for several times.
        self._text = cache(lambda file: file.read_text(errors="replace"))
        self._listed = cache(lambda source: tuple(module_files(self.folder / source)))
        self._hashed = cache(digest_file)
        self._reached: dict[int, set[tuple[str, ...]]] = {}
        self._types: dict[str, tuple[str, ...]] = {}

    @property
    def beside(self) -> Beside:
        sources = {str(body.get("source", "")) for body in self.modules.values()}
        local = sorted(source for source in sources if source.startswith(_LOCAL))
        return Beside(tuple(local), tuple(sorted(paths_in(self.blocks))))

    def root(self) -> Root:
        needs = {name: self._units_of(body) - {name} for name, body in self._bodies.items()}
        for unit, more in self._through_providers(needs):
            if not _is_cycle({**needs, unit: needs[unit] | more}):
                needs[unit] = needs[unit] | more
        whole = _is_cycle(needs) or not needs
        units = (self._whole_unit(),) if whole else tuple(self._unit(name, needs) for name in _sorted(needs))
        return Root(
            units,
            whole,
            self._outputs(whole),
            self._addresses,
            self._backend(),
            self._needs_aws(),
            self._requirements(),
            self._secret_variables,
        )

    @cached_property
    def _secret_variables(self) -> frozenset[str]:
        declared = {name: body for (name,), body in self.blocks["variable"].items()}
        return frozenset(
            name for name, body in declared.items() if is_true(body.get("sensitive")) or is_secret_name(name)
        )

    @cached_property
    def _addresses(self) -> tuple[str, ...]:
        return tuple(".".join(labels) for labels in self.blocks["resource"])

    @cached_property
    def _bodies(self) -> dict[str, Any]:
        """Unit → what its references and its hash are taken from."""
        own = {".".join(labels): body for labels, body in self.blocks["resource"].items()}
        if own and ROOT_UNIT in self.modules:
            raise InvalidRoot(
                self.folder, f"module {ROOT_UNIT!r} stands beside root resources, which form a unit of that name"
            )
        return {**self.modules, **({ROOT_UNIT: own} if own else {})}

    def _unit(self, name: str, needs: Mapping[str, set[str]]) -> Unit:
        body = self._bodies[name]
        needed = tuple(sorted(needs[name]))
        return Unit(name, needed, self._variables_of(body), self._code_of(name, body), self._types_of(name, body))

    def _whole_unit(self) -> Unit:
        code = digest([self._code_of(name, body) for name, body in self._bodies.items()])
        types = [kind for name, body in self._bodies.items() for kind in self._types_of(name, body)]
        return Unit(self.name, (), self._variables_of(self._bodies), code, tuple(types))

    def _units_of(self, body: Any) -> set[str]:
        """The units a block refers to, through locals and data sources."""
        reached = self._reach(body)
        modules = {
            parts[1] for parts in reached if parts[0] == "module" and len(parts) > 1 and parts[1] in self.modules
        }
        own = any(".".join(parts[:2]) in self._addresses for parts in reached)
        return modules | ({ROOT_UNIT} if own else set())

    def _variables_of(self, body: Any) -> tuple[str, ...]:
        return tuple(sorted({parts[1] for parts in self._reach(body) if parts[0] == "var" and len(parts) > 1}))

    def _reach(self, body: Any) -> set[tuple[str, ...]]:
        """What a block of this root refers to; the blocks live as long as their numbers here."""
        if id(body) not in self._reached:
            self._reached[id(body)] = self._found_in(body)
        return self._reached[id(body)]

    def _found_in(self, body: Any) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        waiting = list(references(body))
        while waiting:
            parts = waiting.pop()
            if parts not in found:
                found.add(parts)
                waiting.extend(references(self._behind(parts)))
        return found

    def _behind(self, parts: tuple[str, ...]) -> Any:
        if parts[0] == "local" and len(parts) > 1:
            return self.locals.get(parts[1])
        return self.blocks[parts[0]].get(parts[1:3]) if parts[0] in ("data", "ephemeral") else None

    def _through_providers(self, needs: Mapping[str, set[str]]) -> Iterator[tuple[str, set[str]]]:
        """Units that use a provider which is configured with outputs of other units."""
        for (provider, alias), configuration in self.blocks["provider"].items():
            behind = self._units_of(configuration)
            for unit in needs if behind else ():
                if unit not in behind and self._uses(unit, provider, alias):
                    yield unit, behind

    def _uses(self, unit: str, provider: str, alias: str = "") -> bool:
        """Whether a unit uses this configuration of a provider; the one without alias is used by default."""
        body = self._bodies[unit]
        wanted = f"{provider}.{alias}" if alias else provider
        if unit == ROOT_UNIT and self._addresses:
            own = [block for address, block in body.items() if address.startswith(f"{provider}_")]
            return any(_plain(block.get("provider", provider)) == wanted for block in own)
        passed = {name: _plain(value) for name, value in (body.get("providers") or {}).items()}
        if alias or provider in passed:
            return wanted in passed.values()
        pattern = re.compile(rf'(resource|data)"?[\s:{{]+"{provider}_')
        return any(pattern.search(self._text(file)) for file in self._files(body))

    def _outputs(self, whole: bool) -> dict[str, tuple[str, ...]]:
        found = {name: tuple(sorted(self._units_of(body))) for (name,), body in self.blocks["output"].items()}
        return dict.fromkeys(found, (self.name,)) if whole else found

    def _backend(self) -> dict[str, Mapping[str, Any]]:
        settings = self.blocks["terraform"].get((), {})
        backend = {"cloud": settings["cloud"]} if "cloud" in settings else settings.get("backend", {})
        return {labels[0]: body for labels, body in labelled(backend, 1)}

    def _needs_aws(self) -> bool:
        configured = {provider for provider, _ in self.blocks["provider"]}
        if "aws" in configured or any(address.startswith("aws_") for address in self._addresses):
            return True
        return any(self._uses(unit, "aws") for unit in self.modules)

    def _types_of(self, name: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        if name == ROOT_UNIT:
            return tuple(address.partition(".")[0] for address in body)
        source = str(body.get("source", ""))
        if source not in self._types:
            files = [file for file in self._files(body) if file.suffix == ".tf"]
            self._types[source] = tuple(kind for file in files for kind in _RESOURCE.findall(self._text(file)))
        return self._types[source]

    def _requirements(self) -> str:
        """Changes with settings, providers, backend and modules: what makes another init necessary."""
        called = {name: [body.get("source"), body.get("version")] for name, body in self.modules.items()}
        files = {
            file for body in self.modules.values() for file in self._files(body) if file.suffix in (".tf", ".json")
        }
        asking = [self._hashed(file) for file in sorted(files) if _ASKS.search(self._text(file))]
        return digest([self.blocks["terraform"].get((), {}), called, asking])

    def _code_of(self, name: str, body: Any) -> str:
        """Changes with the unit's block, the locals behind it, its module's files and the variables it is given."""
        reached = sorted(parts for parts in self._reach(body) if parts[0] == "local" and len(parts) > 1)
        local = {parts[1]: self.locals.get(parts[1]) for parts in reached}
        # The hash of a short secret can be guessed.
        open_names = [name for name in self._variables_of(body) if name not in self._secret_variables]
        given = {name: self.values[name] for name in open_names if name in self.values}
        files = [] if name == ROOT_UNIT else [self._hashed(file) for file in self._files(body)]
        # Where a local module lies on this machine says nothing about it; its files do.
        block = {key: value for key, value in body.items() if not (files and key == "source")}
        read = self._read_beside([block, *local.values(), *self._data_behind(body)])
        return digest([block, local, given, files, *([read] if read else []), *self.workspace])

    def _data_behind(self, body: Any) -> Iterator[Any]:
        for parts in self._reach(body):
            if parts[0] in ("data", "ephemeral"):
                yield self._behind(parts)

    def _read_beside(self, value: Any) -> list[list[str]]:
        """The files that expressions of the root read (`file`, `templatefile`, `fileset`, ...), where the first part of
        their path is written out: such a file, or everything in such a folder."""
        found = files_read(self.folder, paths_in(value))
        return [[str(file.relative_to(self.folder)), *digest_file(file)] for file in found]

    def _files(self, body: Mapping[str, Any]) -> tuple[Path, ...]:
        """The files of a local module and of local modules it calls; remote ones are known by their address only."""
        source = str(body.get("source", ""))
        return self._listed(source) if source.startswith(_LOCAL) else ()


def _plain(expression: Any) -> str:
    """A reference as it is written, in either syntax; the provider named null reads like the value."""
    return "null" if expression is None else str(expression).removeprefix("${").removesuffix("}")


def _sorted(needs: Mapping[str, set[str]]) -> list[str]:
    ordered = {name: sorted(needed) for name, needed in needs.items()}
    return list(TopologicalSorter(ordered).static_order())


def _is_cycle(needs: Mapping[str, set[str]]) -> bool:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        return True
    return False
