"""An asset file of the old form, rewritten where it stands: lines move and are indented anew, nothing else changes.

What moves where is `nested_assets.py`. A file in which two keys share a line, or that says the same thing in both
forms, is left as it is. What has no place any more stays as comments.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from buildkit_dagster.config.nested_assets import GOVERNANCE, NESTED, Place, places
from buildkit_dagster.config.yaml import Document


def unnested(document: Document, text: str) -> str | None:
    """The text of a nested asset in today's form; None where it cannot be told apart line by line."""
    found = list(places(document))
    starts = [document.marks[place.old].line - 1 for place in found]
    headers = [document.marks[path].line - 1 for path in ((NESTED,), (NESTED, GOVERNANCE)) if path in document.marks]
    lines = text.splitlines()
    if not _one_key_a_line(document, found, lines) or _said_twice(found):
        return None
    ends = sorted({*starts, *headers, *_others(document), len(lines)})
    blocks = [lines[start : next(end for end in ends if end > start)] for start in starts]
    first = min(headers)
    after = next((line for line in _others(document) if line > first), len(lines))
    ending = "\r\n" if "\r\n" in text else "\n"
    return "".join(f"{line}{ending}" for line in (*lines[:first], *_written(found, blocks), *lines[after:]))


def _one_key_a_line(document: Document, found: Sequence[Place], lines: Sequence[str]) -> bool:
    marks = [document.marks[place.old] for place in found]
    alone = all(not lines[mark.line - 1][: mark.column - 1].strip() for mark in marks)
    return alone and len({mark.line for mark in marks}) == len(marks)


def _said_twice(found: Sequence[Place]) -> bool:
    """A key that stays and one that `governance` moves into it would be the same key twice."""
    kept = {place.new[0] for place in found if place.new and len(place.new) == 1}
    return any(place.new[0] in kept for place in found if place.new and len(place.new) == 2)


def _others(document: Document) -> list[int]:
    """The lines of the keys beside `asset`."""
    return [document.marks[(key,)].line - 1 for key in document.data if key != NESTED]


def _written(found: Sequence[Place], blocks: Sequence[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    parents: dict[str, list[str]] = {}
    for place, block in zip(found, blocks, strict=True):
        own = textwrap.dedent("\n".join(block)).split("\n")
        if place.new is None:
            lines += [line and f"# {line}" for line in own]
        elif len(place.new) == 1:
            lines += own
        else:
            parents.setdefault(str(place.new[0]), []).extend(line and f"  {line}" for line in own)
    for parent, below in parents.items():
        lines += [f"{parent}:", *below]
    return lines
