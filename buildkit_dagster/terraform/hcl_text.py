"""A rendered root in Terraform's native syntax: what `render.py` has in the JSON syntax, said the way people write it.

Only what `render.body_of` makes is known here. Writing is python-hcl2's; reading HCL is `hcl.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import hcl2
from hcl2.deserializer import DeserializerOptions

Json = Any

#: The blocks of a root in the order they are written, with the number of their labels.
_BLOCKS = {"terraform": 0, "provider": 1, "variable": 1, "locals": 0, "module": 1, "output": 1}
#: Blocks inside a block, with the number of their labels; any other mapping is the value of an argument.
_NESTED = {
    "terraform": {"required_providers": 0, "backend": 1},
    "provider": {"default_tags": 0, "assume_role": 0},
}
#: Arguments whose texts are no strings but types and addresses.
_BARE = {("variable", "type"), ("module", "depends_on")}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
#: The templates `render.py` writes; an escaped one begins with two signs and is literal text.
_TEMPLATE = re.compile(r'\$\$\{|%%\{|(\$\{(?:[\w.-]+|"[^"]*")\})')
_WHOLE = re.compile(r"\$\{([\w.-]+)\}\Z")


def hcl_text(body: Mapping[str, Json]) -> str:
    """The root as the text of a `.tf` file; `terraform fmt` still aligns it."""
    document = hcl2.Builder()
    for kind, labels in _BLOCKS.items():
        for names, inner in _labelled(body.get(kind, {}), labels):
            _block(document, kind, names, inner)
    options = DeserializerOptions(object_elements_trailing_comma=False)
    # Strings have their line breaks escaped, so empty lines are between blocks only.
    return re.sub(r"\n\s*\n", "\n\n", hcl2.dumps(document.build(), deserializer_options=options)).strip() + "\n"


def _labelled(value: Mapping[str, Json], labels: int) -> Iterator[tuple[list[str], Mapping[str, Json]]]:
    if labels == 0:
        if value:
            yield [], value
        return
    for name, inner in value.items():
        yield [name], inner


def _block(parent: hcl2.Builder, kind: str, names: list[str], body: Mapping[str, Json]) -> None:
    nested = _NESTED.get(kind, {})
    block = parent.block(kind, [_quoted(name) for name in names])
    block.attributes.update(
        {name: value if (kind, name) in _BARE else _value(value) for name, value in body.items() if name not in nested}
    )
    for name in nested:
        for labels, inner in _labelled(body.get(name, {}), nested[name]):
            _block(block, name, labels, inner)


def _value(value: Json) -> Json:
    """A value of the JSON syntax as python-hcl2 takes it: strings in their quotes, references without."""
    if isinstance(value, str):
        whole = _WHOLE.match(value)
        return f"${{{whole[1]}}}" if whole else _quoted(value)
    if isinstance(value, Mapping):
        return {name if _NAME.match(name) else _quoted(name): _value(inner) for name, inner in value.items()}
    return [_value(inner) for inner in value] if isinstance(value, list) else value


def _quoted(text: str) -> str:
    """A quoted template: literal parts escaped, expressions as they are."""
    written, end = "", 0
    for found in _TEMPLATE.finditer(text):
        if found[1]:
            written += _escaped(text[end : found.start()]) + found[1]
            end = found.end()
    return f'"{written}{_escaped(text[end:])}"'


def _escaped(text: str) -> str:
    r"""The escapes of HCL's strings are JSON's, but for `\b`, `\f` and `\/`, and surrogate pairs."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return re.sub(r"\\[bf]", lambda found: {"\\b": "\\u0008", "\\f": "\\u000c"}[found[0]], escaped)
