"""The secrets a run has met, and text with every occurrence of them replaced.

A secret is found as it is and in the forms it takes on its way: escaped for JSON (also twice), HCL, Python, HTML or a
URL, in base64 at any offset, wrapped or indented, a line of it alone. Short and common values are not looked for, since
that would destroy text: they are masked where they stand (`secret_names.py`, `plan.py`, `state.py`). Where the secrets
come from is `secret_sources.py`.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from buildkit_dagster.config.environment import DUMMY_CREDENTIALS
from buildkit_dagster.terraform.secret_names import MARK, named_secrets, words

#: Shorter values are not looked for in text.
SHORTEST = 6
#: Values that are no secret to anybody, or too common to be replaced wherever they stand.
COMMON = words(
    "true false null none default password passwd secret secrets token admin administrator root username postgres "
    "postgresql mysql mariadb snowflake redshift example changeme change-me testing emulator localhost localstack "
    "production staging development public private enabled disabled terraform dagster string object"
) | frozenset(value.lower() for value in DUMMY_CREDENTIALS.values())
_COMMON_SHAPE = re.compile(
    r"[a-z]{2}(-[a-z]+)+-\d|\d{1,7}|\d{4}-\d{2}-\d{2}|#!\S+|-+(BEGIN|END)[\w ]+-+|set -[eux]+( -?o pipefail)?|\W+"
)
#: A part of a base64 text shorter than this could be anything.
_SHORTEST_BASE64 = 7
#: So often JSON in a text of JSON is looked through.
_NESTED = 3
#: So many signs of a pattern are laid out as a tree; the rest is compared once these have matched.
_DEPTH = 6


class Secrets:
    """What must not leave a run; empty at first. `public` texts are never taken for a secret."""

    def __init__(self, public: Iterable[str] = (), also: Secrets | None = None) -> None:
        self._public, self._also = frozenset(public), also
        self._texts: set[str] = set()
        self._compiled: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        return f"<{len(self._texts)} secrets>"

    def add(self, value: Any) -> None:
        """Take in every text of a JSON value: lines, the password of a URL, what JSON in a text holds."""
        new = {text for text in _texts(value) if self._is_worth_it(text)} - self._texts
        if new:
            self._texts |= new
            self._compiled = None
        if self._also is not None:
            self._also.add(sorted(new))

    def add_named(self, value: Any, also: frozenset[str] = frozenset()) -> None:
        """Take in what is secret by its name in a JSON value, and what stands under the names in `also`."""
        self.add(named_secrets(value, also=also))

    def scrub(self, text: str) -> str:
        """The text with `MARK` for every secret in it. The same text again when it holds none."""
        if not self._texts or len(text) < SHORTEST:
            return text
        pattern = self._compiled = self._compiled or _pattern({form for text in self._texts for form in forms(text)})
        return MARK.join(pattern.sub(MARK, part) for part in text.split(MARK))

    def finds(self, text: str) -> bool:
        """Whether the text holds a secret."""
        return self.scrub(text) != text

    def scrub_value(self, value: Any) -> Any:
        """A JSON value with the secrets in its texts and keys replaced; the same value again when it holds none."""
        if isinstance(value, str):
            return self.scrub(value)
        if not self._texts or not self.finds(json.dumps(value, default=str)):
            return value
        return self._scrubbed(value)

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, Mapping):
            return {self.scrub(str(key)): self._scrubbed(inner) for key, inner in value.items()}
        return [self._scrubbed(inner) for inner in value] if isinstance(value, (list, tuple)) else value

    def _is_worth_it(self, text: str) -> bool:
        if len(text) < SHORTEST or text in self._public or text in MARK:
            return False
        return text.lower() not in COMMON and _COMMON_SHAPE.fullmatch(text) is None


#: Every secret that any run of this process has met: for the last frames, which know no run.
SEEN = Secrets()


def forms(text: str) -> set[str]:
    """The ways a secret may be written; each is at least as long as what is looked for."""
    found = {text, *_escaped(text)}
    for encoded in {text.encode(), f"{text}\n".encode()}:
        found |= set(_in_base64(encoded))
    return {form for form in found if len(form) >= SHORTEST}


def _escaped(text: str) -> Iterator[str]:
    level = {text, _hcl(text)}
    for _ in range(_NESTED):
        ways = [(_json(form), _json(form, ascii_only=False), _json_of_go(form)) for form in level]
        level = {written for way in ways for written in way}
        yield from level
    yield from (_hcl(text), repr(text)[1:-1])
    yield from (html.escape(text), html.escape(text, quote=False), text.replace("|", "\\|"))
    for quoted in (quote(text), quote(text, safe=""), quote_plus(text)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)


def _json(text: str, *, ascii_only: bool = True) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _json_of_go(text: str) -> str:
    """Terraform's JSON has these escaped as well."""
    return re.sub(r"[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", _json(text, ascii_only=False))


def _hcl(text: str) -> str:
    return re.sub(r"([$%])\{", r"\1\1{", _json(text, ascii_only=False))


def _in_base64(data: bytes) -> Iterator[str]:
    """By itself, and the part that is the same wherever in a longer text it stands (three offsets)."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        yield from (whole, whole.rstrip("="))
        for offset in range(3):
            padded = encode(b"\0" * offset + data).decode().rstrip("=")
            inner = padded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
            if len(inner) >= _SHORTEST_BASE64:
                yield inner


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner)
    elif value is not None and not isinstance(value, bool):
        yield from _texts_in(str(value).strip())


def _texts_in(text: str) -> Iterator[str]:
    yield text
    yield from (line.strip() for line in text.splitlines())
    yield from passwords(text)
    if text[:1] in ("{", "["):
        try:
            yield from _texts(json.loads(text))
        except (ValueError, RecursionError):
            return


def passwords(text: str) -> Iterator[str]:
    """The password in a URL or in a list of settings (`host=... password=...`)."""
    if "://" in text:
        try:
            found = urlsplit(text).password
        except ValueError:
            found = None
        if found:
            yield from (found, unquote(found))
    for setting in re.findall(r"(?i)\b(?:password|pwd|accountkey|secret)\s*=\s*('[^']*'|[^\s;&]+)", text):
        yield setting.strip("'")


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    """One expression for all, the longest first: a tree, because Python tries the branches one by one."""
    return re.compile(_branches(sorted({_atoms(text) for text in texts}), 0))


def _atoms(text: str) -> tuple[str, ...]:
    """A text as pieces of an expression; white space matches any, since texts get wrapped and indented."""
    return tuple(r"\s+" if part.isspace() else re.escape(part) for part in re.findall(r"\s+|\S", text))


def _branches(items: Sequence[tuple[str, ...]], depth: int) -> str:
    if len(items) == 1 or depth == _DEPTH:
        return "(?:" + "|".join("".join(item) for item in sorted(items, key=len, reverse=True)) + ")"
    groups: dict[str, list[tuple[str, ...]]] = {}
    for item in items:
        if item:
            groups.setdefault(item[0], []).append(item[1:])
    ways = [atom + _branches(rest, depth + 1) for atom, rest in groups.items()]
    return "(?:" + "|".join([*ways, *([""] if () in items else [])]) + ")"
