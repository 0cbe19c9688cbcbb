"""YAML text -> plain data in which every key and value knows its file, line and column.

Reading, duplicate keys and merging of documents belong here. What the data means is in `models.py`; which files are
read is in `load.py`. Scalars follow YAML 1.2: `yes`, `on`, dates and `012` are text, not booleans, dates or octals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from buildkit_dagster.config.problems import KeyPath, Mark, Problem

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: More nodes than any platform has; aliases of aliases can make billions.
_MOST_NODES = 500_000
#: Deeper than any file of ours; the parser calls itself for each level, and its C part has no end of its own to that.
_DEEPEST = 50
#: In a shorter text there is no room for so many levels that the parser itself would be in danger.
_LONG_TEXT = 2_000
#: What is longer is no number to anybody, and stays text; Python refuses to read one of more than 4300 digits.
_MOST_DIGITS = 300


class _CoreLoader(_Loader):
    """Resolves only what YAML 1.2's core schema resolves."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9]\d*)$"), list("-0123456789"))
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)$"),
    list("-0123456789"),
)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])

_CONVERT: Mapping[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
}


@dataclass(frozen=True)
class Document:
    """Plain data of one file, or of several merged, with the mark of every key path in it.

    `problems` is what is wrong with the YAML; a `broken` file could not be read at all and has no data.
    """

    data: Any
    marks: Mapping[KeyPath, Mark]
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    broken: bool = False

    def mark(self, path: KeyPath) -> Mark:
        """Where `path` is written; for a missing key, its nearest parent with the rest of the path added."""
        for length in range(len(path), -1, -1):
            found = self.marks.get(path[:length])
            if found:
                return found.below(path[length:])
        raise KeyError(path)

    def at(self, *path: str | int) -> Document:
        """The part below `path`, which must exist."""
        data = self.data
        for part in path:
            data = data[part]
        size = len(path)
        return Document(data, {key[size:]: mark for key, mark in self.marks.items() if key[:size] == path})

    def items(self) -> list[Document]:
        """The items of a list."""
        marks: list[dict[KeyPath, Mark]] = [{} for _ in self.data]
        for key, mark in self.marks.items():
            if key and isinstance(key[0], int):
                marks[key[0]][key[1:]] = mark
        return [Document(data, found) for data, found in zip(self.data, marks, strict=True)]

    def with_default(self, key: str, value: Any) -> Document:
        """The same with `key` set where the mapping does not say it."""
        return Document({key: value, **self.data}, self.marks, self.problems)

    def placed_at(self, mark: Mark) -> Document:
        """The same, with `mark` as the place of the whole."""
        return Document(self.data, {**self.marks, (): mark}, self.problems)

    def problem(self, path: KeyPath, message: str) -> Problem:
        return self.mark(path).problem(message)


def read_document(file: Path) -> Document:
    """Read one file; what is wrong with the YAML itself is in `problems`, the rest of the file is still read."""
    try:
        return parse_document(file.read_text(encoding="utf-8"), file)
    except UnicodeDecodeError as error:
        return _unreadable(file, 1, f"not UTF-8 text: {error.reason} at byte {error.start}")
    except OSError as error:
        return _unreadable(
            file, 1, f"cannot be read: {error.strerror}; it must be a file that you may read, or be gone"
        )


def parse_document(text: str, file: Path) -> Document:
    """Parse `text` as the content of `file`; an empty file is an empty mapping."""
    try:
        if len(text) > _LONG_TEXT and (line := _too_deep(text)):
            return _unreadable(file, line, f"nested deeper than {_DEEPEST} levels")
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return _unreadable(file, line, f"not valid YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        return _unreadable(file, 1, f"not valid YAML: {str(error).splitlines()[0]}")
    if node is None:
        return Document({}, {(): Mark(file, 1, 1, ())})
    reading = _Reading(file)
    data = reading.value(node, (), ())
    return Document(data, reading.marks, tuple(reading.problems))


def merge(base: Document, override: Document) -> Document:
    """`override` over `base`: mappings merge key by key, anything else replaces; marks follow their values.

    A mapping that both have keeps the mark in `base`: what is missing in it belongs there.
    """
    data, marks = _merged(base, override, ())
    return Document(data, marks, base.problems + override.problems)


def _merged(base: Document, override: Document, path: KeyPath) -> tuple[Any, dict[KeyPath, Mark]]:
    if not (isinstance(base.data, Mapping) and isinstance(override.data, Mapping)):
        return override.data, {path + key: mark for key, mark in override.marks.items()}
    data: dict[str, Any] = {}
    marks: dict[KeyPath, Mark] = {path: base.marks[()]}
    for key in dict.fromkeys((*base.data, *override.data)):
        if key not in override.data or key not in base.data:
            part = (base if key in base.data else override).at(key)
            data[key] = part.data
            marks |= {(*path, key, *rest): mark for rest, mark in part.marks.items()}
        else:
            data[key], below = _merged(base.at(key), override.at(key), (*path, key))
            marks |= below
    return data, marks


def _too_deep(text: str) -> int | None:
    """The line in which a text is nested too deeply; None where it is not."""
    depth = 0
    for event in yaml.parse(text, Loader=_CoreLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            return event.start_mark.line + 1 if event.start_mark else 1
    return None


def _unreadable(file: Path, line: int, message: str) -> Document:
    mark = Mark(file, line, 1, ())
    return Document({}, {(): mark}, (mark.problem(message),), broken=True)


class _Reading:
    """One walk over a YAML node graph, collecting marks and problems."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.marks: dict[KeyPath, Mark] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def value(self, node: yaml.Node, path: KeyPath, open_nodes: tuple[int, ...]) -> Any:
        self.nodes += 1
        self.marks.setdefault(path, self._mark(node, path))
        if id(node) in open_nodes or self.nodes > _MOST_NODES:
            self._problem(node, path, "an alias that contains itself, or aliases that unfold without end")
            return None
        if len(open_nodes) > _DEEPEST:
            self._problem(node, path[:3], f"nested deeper than {_DEEPEST} levels")
            return None
        inside = (*open_nodes, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index), inside) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, inside: tuple[int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own: set[str] = set()
        for key, key_node, value_node in self._pairs(node, path):
            if key in own:
                first = self.marks[(*path, key)].line
                self._problem(key_node, (*path, key), f"duplicate key, first given in line {first}; keep one of them")
                continue
            own.add(key)
            self.marks[(*path, key)] = self._mark(key_node, (*path, key))
            data[key] = self.value(value_node, (*path, key), inside)
        return self._with_merges(node, path, data, inside)

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                continue
            if isinstance(key_node, yaml.ScalarNode):
                yield key_node.value, key_node, value_node
            else:
                self._problem(key_node, path, "a list or mapping used as a key; keys are text")

    def _with_merges(
        self, node: yaml.MappingNode, path: KeyPath, data: dict[str, Any], inside: tuple[int, ...]
    ) -> dict[str, Any]:
        """Keys of `<<` fill in what the mapping itself does not say."""
        for key_node, value_node in node.value:
            if not _is_merge(key_node):
                continue
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for source in sources:
                if not isinstance(source, yaml.MappingNode) or id(source) in inside:
                    self._problem(value_node, path, "`<<` needs a mapping, or a list of mappings")
                    continue
                merged = _Reading(self.file)
                merged.nodes = self.nodes
                found = merged.value(source, path, inside)
                self.nodes = merged.nodes
                self.problems += merged.problems
                self._adopt({key: found[key] for key in found if key not in data}, data, merged, path)
        return data

    def _adopt(self, new: dict[str, Any], data: dict[str, Any], merged: _Reading, path: KeyPath) -> None:
        data |= new
        size = len(path)
        self.marks |= {key: mark for key, mark in merged.marks.items() if len(key) > size and key[size] in new}

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return node.value
        if kind in ("int", "float") and len(node.value) > _MOST_DIGITS:
            return node.value
        if kind in _CONVERT:
            return _CONVERT[kind](node.value)
        self._problem(
            node, path, f"the YAML tag {node.tag!r} is not allowed here; write plain text, numbers, true, false"
        )
        return node.value

    def _mark(self, node: yaml.Node, path: KeyPath) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1, path)

    def _problem(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.problems.append(self._mark(node, path).problem(message))


def _is_merge(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:merge")
