"""What is in a root: its units, which unit needs which, its backend and outputs, and a hash of every unit's code.

One reading serves roots in HCL, in JSON and rendered ones: files become plain dicts in the shape of Terraform's JSON
syntax, and references are found in their `${...}` expressions. Nothing is run and no provider is needed. What the state
or a plan says belongs to `state.py` and `plan.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.secret_names import is_secret_name

#: The unit that all resources outside of modules form.
ROOT_UNIT = "root"

_OPTIONS = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
_LABELS = {
    "module": 1,
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "output": 1,
    "variable": 1,
    "provider": 1,
    "terraform": 0,
    "locals": 0,
}
#: Beside a module: what Terraform and we ourselves write, and what is not part of it.
_NOT_CODE = {".terraform", ".buildkit", "tests", "examples", ".git"}
_NOT_CODE_SUFFIXES = {".md", ".tfstate", ".backup"}
_REFERENCE = re.compile(r"(?<![\w.])(?<!\w-)([^\W\d][\w-]*)((?:\.[^\W\d][\w-]*|\[[^\[\]]*\])+)")
_LETTER = re.compile(r"[^\W\x00-\x7f]")
_STAND_IN = re.compile(r"_u([0-9a-f]{2,6})_")
#: A path in an expression: what follows `${path.module}`, or the first argument of a function that reads files.
_READ = re.compile(r'\$\{path\.(?:module|root)\}/([^"$%\s]+)|(?:file|templatefile|file[a-z0-9]+)\(\s*"([^"$%]+)')
_RESOURCE = re.compile(r'^\s*resource\s+"(\w+)"', re.MULTILINE)
#: Blocks that Terraform refuses in a module that is called.
_ROOT_ONLY = ("import",)
_ASKS = re.compile(r"required_providers|^\s*module\s", re.MULTILINE)
_OUTPUT = re.compile(r'^output "([\w-]+)" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_ANY_OUTPUT = re.compile(r"^[^#\n]*\boutput\b[^=\n]*\{", re.MULTILINE)
_SENSITIVE = re.compile(r"\bsensitive\s*=\s*(.*?)\s*$", re.MULTILINE)
_SOURCE = re.compile(r'^\s*"?source"?\s*[=:]\s*"(\.{1,2}/[^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class Unit:
    """One infrastructure asset: `needs` are units of the same root, `variables` the root variables it reads.

    `code` is a hash of all that is written about it, `types` are the resource types its files declare.
    """

    name: str
    needs: tuple[str, ...]
    variables: tuple[str, ...]
    code: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Root:
    """A root's units in dependency order; `whole` when its loops leave no choice but one asset for all of it.

    `outputs` says from which units a root output is made, `resources` are the addresses outside of modules,
    `requirements` is a hash of what `init` looks at, `secret_variables` are those declared sensitive or called so.
    """

    units: tuple[Unit, ...]
    whole: bool
    outputs: Mapping[str, tuple[str, ...]]
    resources: tuple[str, ...]
    backend: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs_aws: bool = False
    requirements: str = ""
    secret_variables: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(unit.name for unit in self.units)

    def unit(self, name: str) -> Unit:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    def unit_of(self, address: str) -> str:
        """The unit a resource address belongs to; it need not be in the configuration any more."""
        if self.whole:
            return self.units[0].name
        found = re.match(r"module\.([^\W\d][\w-]*)", address)
        return found[1] if found else ROOT_UNIT

    def targets(self, units: Iterable[str]) -> list[str]:
        """The addresses for `-target` that stand for these units."""
        own = {ROOT_UNIT: self.resources} if self.resources else {}  # without any, a module may have that name
        return [address for unit in units for address in own.get(unit, (f"module.{unit}",))]

    def upstream(self, unit: str) -> set[str]:
        """All units this one needs, directly or not."""
        found: set[str] = set()
        waiting = [unit]
        while waiting:
            for needed in self.unit(waiting.pop()).needs:
                if needed not in found:
                    found.add(needed)
                    waiting.append(needed)
        return found


def read_root(
    folder: Path,
    name: str,
    values: Mapping[str, Any] | None = None,
    in_files: Mapping[str, Any] | None = None,
    workspace: str = "default",
) -> Root:
    """Read a folder of `.tf` and `.tf.json` files; `values` are the variables it is given, `in_files` those it gets
    from files (the ones Terraform reads by itself if not given)."""
    files = sorted((path for path in folder.glob("*.tf*") if path.name.endswith((".tf", ".tf.json"))), key=_turn)
    if not files:
        raise InvalidRoot(folder, "not a Terraform root: it holds no .tf or .tf.json file")
    documents = [_document(file) for file in files]
    _refuse_undeclared(folder, values or {}, documents)
    filed = values_beside(folder) if in_files is None else in_files
    return analyse(documents, name, folder, {**filed, **(values or {})}, workspace)


def analyse(
    documents: Iterable[Mapping[str, Any]],
    name: str,
    folder: Path,
    values: Mapping[str, Any],
    workspace: str = "default",
) -> Root:
    """Find units and edges in documents of one root; module sources are relative to `folder`."""
    return _Reading(_merge(documents), name, folder, values, workspace).root()


def _refuse_undeclared(folder: Path, values: Mapping[str, Any], documents: Iterable[Mapping[str, Any]]) -> None:
    """Terraform only warns of a value nobody reads, which is mostly a mistyped name."""
    declared = sorted(name for (name,) in _merge(documents)["variable"])
    unknown = sorted(set(values) - set(declared))
    if unknown:
        allowed = ", ".join(declared) or "none"
        raise InvalidRoot(folder, f"declares no variable {', '.join(unknown)}; the variables it declares: {allowed}")


def values_beside(folder: Path) -> dict[str, Any]:
    """The values Terraform reads by itself from files in the root, the stronger ones last."""
    files = [folder / "terraform.tfvars", folder / "terraform.tfvars.json"]
    files += sorted(path for path in folder.glob("*.auto.tfvars*") if path.name.endswith((".tfvars", ".tfvars.json")))
    return read_values(file for file in files if file.is_file())


def read_values(files: Iterable[Path]) -> dict[str, Any]:
    """The values in `.tfvars` files (or backend settings, which are written the same way), the later win."""
    return {name: value for file in files for name, value in _document(file).items()}


@dataclass(frozen=True)
class Interface:
    """What another root would have to say to call this one as a module: its variables, its outputs with whether they
    are sensitive, the providers it configures, and kinds of blocks that only a root may have."""

    variables: tuple[str, ...]
    outputs: Mapping[str, bool]
    providers: frozenset[str]
    root_only: tuple[str, ...]


def interface_of(folder: Path) -> Interface:
    """Read a root as a module."""
    documents = [_document(file) for file in sorted(folder.glob("*.tf*")) if file.name.endswith((".tf", ".tf.json"))]
    blocks = _merge(documents)
    return Interface(
        variables=tuple(name for (name,) in blocks["variable"]),
        outputs={name: _is_true(body.get("sensitive")) for (name,), body in blocks["output"].items()},
        providers=frozenset(provider for provider, _ in blocks["provider"]),
        root_only=tuple(sorted({kind for document in documents for kind in document if kind in _ROOT_ONLY})),
    )


def module_outputs(folder: Path) -> tuple[str, ...]:
    """The outputs of a module that are not sensitive."""
    found: dict[str, bool] = {}
    for file in sorted(folder.glob("*.tf")):
        text = file.read_text()
        if "output" in text:
            plain = _plain_outputs(text)
            found |= _parsed_outputs(file) if plain is None else plain
    return tuple(name for name, sensitive in found.items() if not sensitive)


def _parsed_outputs(file: Path) -> dict[str, bool]:
    outputs = _merge([_document(file)])["output"]
    return {name: _is_true(body.get("sensitive")) for (name,), body in outputs.items()}


def _plain_outputs(text: str) -> dict[str, bool] | None:
    """Output → whether it is sensitive, from a file as `terraform fmt` leaves it; None where it is less plain.

    The parser takes a third of a second to start, and a platform of rendered roots needs it for nothing else.
    """
    blocks = _OUTPUT.findall(text)
    marks = {name: _SENSITIVE.findall(body) for name, body in blocks}
    is_plain = len(blocks) == len(_ANY_OUTPUT.findall(text)) and "<<" not in text and "/*" not in text
    if not is_plain or any(mark not in ([], ["true"], ["false"]) for mark in marks.values()):
        return None
    return {name: mark == ["true"] for name, mark in marks.items()}


def references(value: Any) -> Iterator[tuple[str, ...]]:
    """Every traversal (`module.a.id` as its parts, without indexes) in the expressions of a block."""
    if isinstance(value, str):
        yield from _traversals(_code_in_template(value)[0])
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            # The JSON syntax writes these as bare references.
            bare = key in ("depends_on", "replace_triggered_by")
            yield from references([_bare(item) for item in inner] if bare and isinstance(inner, list) else inner)
            yield from references(key)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


class _Reading:
    """The blocks of a root and the graph between them: a traversal leads to units, through locals and data sources."""

    def __init__(
        self,
        blocks: Mapping[str, Mapping[tuple[str, ...], Any]],
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
        self._hashed = cache(_digest_file)
        self._reached: dict[int, set[tuple[str, ...]]] = {}

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
            name for name, body in declared.items() if _is_true(body.get("sensitive")) or is_secret_name(name)
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
        code = _digest([self._code_of(name, body) for name, body in self._bodies.items()])
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
        return {labels[0]: body for labels, body in _labelled(backend, 1)}

    def _needs_aws(self) -> bool:
        configured = {provider for provider, _ in self.blocks["provider"]}
        if "aws" in configured or any(address.startswith("aws_") for address in self._addresses):
            return True
        return any(self._uses(unit, "aws") for unit in self.modules)

    def _types_of(self, name: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        if name == ROOT_UNIT:
            return tuple(address.partition(".")[0] for address in body)
        files = [file for file in self._files(body) if file.suffix == ".tf"]
        return tuple(kind for file in files for kind in _RESOURCE.findall(self._text(file)))

    def _requirements(self) -> str:
        """Changes with settings, providers, backend and modules: what makes another init necessary."""
        called = {name: [body.get("source"), body.get("version")] for name, body in self.modules.items()}
        files = {
            file for body in self.modules.values() for file in self._files(body) if file.suffix in (".tf", ".json")
        }
        asking = [self._hashed(file) for file in sorted(files) if _ASKS.search(self._text(file))]
        return _digest([self.blocks["terraform"].get((), {}), called, asking])

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
        return _digest([block, local, given, files, *([read] if read else []), *self.workspace])

    def _data_behind(self, body: Any) -> Iterator[Any]:
        for parts in self._reach(body):
            if parts[0] in ("data", "ephemeral"):
                yield self._behind(parts)

    def _read_beside(self, value: Any) -> list[list[str]]:
        """The files that expressions of the root read (`file`, `templatefile`, `fileset`, ...), where the first part of
        their path is written out: such a file, or everything in such a folder."""
        found = {
            file
            for text in _texts(value)
            for path in _READ.findall(text)
            for file in _files_at(self.folder, "".join(path))
        }
        return [[str(file.relative_to(self.folder)), *_digest_file(file)] for file in sorted(found)]

    def _files(self, body: Mapping[str, Any]) -> tuple[Path, ...]:
        """The files of a local module and of local modules it calls; remote ones are known by their address only."""
        source = str(body.get("source", ""))
        return self._listed(source) if source.startswith(("./", "../", "/")) else ()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _files_at(root: Path, path: str) -> Iterator[Path]:
    """The files a path in an expression can mean; `path` ends where its unwritten part begins."""
    place = root / path.lstrip("/")
    if place.is_file():
        yield place
    elif path.strip("/"):
        folder = place if place.is_dir() else place.parent
        inside = folder.is_dir() and folder.resolve().is_relative_to(root.resolve()) and not folder.samefile(root)
        for file in sorted(folder.rglob("*")) if inside else ():
            if file.is_file() and not _NOT_CODE & set(file.relative_to(root).parts):
                yield file


def module_files(folder: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files of a folder and of local modules called in it."""
    folder = folder.resolve()
    if folder in seen:
        return
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if not file.is_file() or _NOT_CODE & set(inside.parts) or file.suffix in _NOT_CODE_SUFFIXES:
            continue
        yield file
        if file.suffix == ".tf":
            for source in _SOURCE.findall(file.read_text(errors="replace")):
                called = (file.parent / source).resolve()
                if not called.is_relative_to(folder):
                    yield from module_files(called, seen | {folder})


def _document(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        return json.loads(text) if file.suffix == ".json" else _parse(text)
    except Exception as error:  # noqa: BLE001 - lark raises many kinds for one fact: the file cannot be parsed
        raise _unreadable(file, error) from None


@lru_cache(maxsize=256)
def _parse(text: str) -> Mapping[str, Any]:
    """HCL as data that nobody changes: stacks share their modules, and parsing is slow.

    Terraform takes letters of every alphabet in names, the parser those of one: it gets stand-ins.
    """
    try:
        return hcl2.loads(text, serialization_options=_OPTIONS)
    except Exception:
        if text.isascii():
            raise
    stood_in = _LETTER.sub(lambda found: f"_u{ord(found[0]):x}_", text)
    return _back(hcl2.loads(stood_in, serialization_options=_OPTIONS))


def _back(value: Any) -> Any:
    if isinstance(value, str):
        return _STAND_IN.sub(lambda found: chr(int(found[1], 16)), value)
    if isinstance(value, Mapping):
        return {_back(name): _back(inner) for name, inner in value.items()}
    return [_back(inner) for inner in value] if isinstance(value, list) else value


def _unreadable(file: Path, error: Exception) -> InvalidRoot:
    """The place of a syntax error, without the text that stands there: it may be a secret."""
    line = getattr(error, "line", getattr(error, "lineno", 0))
    column = getattr(error, "column", getattr(error, "colno", 0))
    if line > 0:
        return InvalidRoot(f"{file}:{line}", f"a syntax error at column {column}; `terraform validate` explains it")
    return InvalidRoot(file, f"cannot be read as Terraform configuration ({type(error).__name__})")


def _turn(file: Path) -> tuple[bool, str]:
    """Terraform reads files by name, those that override others last."""
    stem = file.name.partition(".")[0]
    return stem == "override" or stem.endswith("_override"), file.name


def _merge(documents: Iterable[Mapping[str, Any]]) -> dict[str, dict[tuple[str, ...], Any]]:
    blocks: dict[str, dict[tuple[str, ...], Any]] = {kind: {} for kind in _LABELS}
    for document in documents:
        for kind, depth in _LABELS.items():
            for labels, body in _labelled(document.get(kind, {}), depth):
                # Several configurations of one provider differ in their alias only.
                labels = (*labels, str(body.get("alias", ""))) if kind == "provider" else labels
                blocks[kind][labels] = {**blocks[kind].get(labels, {}), **body}
    return blocks


def _labelled(value: Any, depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Labels and body of every block in either syntax; lists stand anywhere."""
    if isinstance(value, list):
        for item in value:
            yield from _labelled(item, depth)
    elif depth == 0:
        yield (), value
    else:
        for label, inner in value.items():
            for labels, body in _labelled(inner, depth - 1):
                yield (label, *labels), body


def _is_true(value: Any) -> bool:
    """In either syntax."""
    return value in (True, "true", "${true}")


def _bare(text: Any) -> Any:
    return f"${{{text}}}" if isinstance(text, str) and "${" not in text else text


def _plain(expression: Any) -> str:
    """A reference as it is written, in either syntax; the provider named null reads like the value."""
    return "null" if expression is None else str(expression).removeprefix("${").removesuffix("}")


def _code_in_template(text: str, position: int = 0, *, quoted: bool = False) -> tuple[str, int]:
    """The code in a template's `${...}` and `%{...}`, and where it ends: at its quote, or with the text."""
    found = []
    while position < len(text) and not (quoted and text[position] == '"'):
        if text.startswith(("$${", "%%{"), position):
            position += 3
        elif text.startswith(("${", "%{"), position):
            code, position = _code_to_brace(text, position + 2)
            found.append(code)
        else:
            position += 2 if quoted and text[position] == "\\" else 1
    return " ".join(found), position + 1


def _code_to_brace(text: str, position: int) -> tuple[str, int]:
    """Code up to its closing brace; string literals are emptied, and the code in them follows at the end."""
    code, literals, depth = "", [], 1
    while position < len(text):
        sign = text[position]
        position += 1
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth == 0:
            break
        code += sign
        if sign == '"':
            literal, position = _code_in_template(text, position, quoted=True)
            literals.append(literal)
            code += '"'
    return " ".join([code, *literals]), position


def _traversals(code: str) -> Iterator[tuple[str, ...]]:
    """References in code whose string literals are empty."""
    for head, tail in _REFERENCE.findall(code):
        yield (head, *re.findall(r"\.([^\W\d][\w-]*)", tail))
        for index in re.findall(r"\[([^\[\]]*)\]", tail):
            yield from _traversals(index)


def _sorted(needs: Mapping[str, set[str]]) -> list[str]:
    ordered = {name: sorted(needed) for name, needed in needs.items()}
    return list(TopologicalSorter(ordered).static_order())


def _is_cycle(needs: Mapping[str, set[str]]) -> bool:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        return True
    return False


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest_file(file: Path) -> list[str]:
    return [file.name, hashlib.sha256(file.read_bytes()).hexdigest()]
