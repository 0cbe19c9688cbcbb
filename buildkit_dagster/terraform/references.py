"""References in Terraform's expressions: `${module.a.id}` is the traversal `module`, `a`, `id`.

Strings, templates and what hides in both are known here, the blocks they lead to in `reading.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: A template that is one reference without an index.
_ALONE = re.compile(r"\$\{([^\W\d][\w-]*(?:\.[^\W\d][\w-]*)+)\}")
_REFERENCE = re.compile(r"(?<![\w.])(?<!\w-)([^\W\d][\w-]*)((?:\.[^\W\d][\w-]*|\[[^\[\]]*\])+)")


def references(value: Any) -> Iterator[tuple[str, ...]]:
    """Every traversal (`module.a.id` as its parts, without indexes) in the expressions of a block."""
    # Nearly all strings are plain, and reading one sign by sign is slow.
    if isinstance(value, str):
        if alone := _ALONE.fullmatch(value):
            yield tuple(alone[1].split("."))
        elif "{" in value:
            yield from _traversals(_code_in_template(value)[0])
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            # The JSON syntax writes these as bare references.
            bare = key in ("depends_on", "replace_triggered_by")
            if not _is_plain(inner) or bare:
                yield from references([_bare(item) for item in inner] if bare and isinstance(inner, list) else inner)
            if not _is_plain(key):
                yield from references(key)
    elif isinstance(value, list):
        for inner in value:
            if not _is_plain(inner):
                yield from references(inner)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and "{" not in value


def _bare(text: Any) -> Any:
    return f"${{{text}}}" if isinstance(text, str) and "${" not in text else text


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
