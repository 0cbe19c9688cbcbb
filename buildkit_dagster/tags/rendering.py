"""Tags as AWS and labels as Google take them: always valid, keys never made equal, and what was changed is told.

Sources: AWS General Reference, "Tag naming limits and requirements"; IAM User Guide, "Rules for tagging in IAM" (keys
that differ in case only are equal there); Resource Manager documentation, "Requirements for labels". Google allows
letters of other alphabets, but single services do not (Spanner, Parallelstore: `[a-z][a-z0-9_-]*`): labels are ASCII.
That there are not too many is `config/tagging.py`'s.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

#: A tag's value before it is rendered; None and empty values are no tag.
Value = str | int | bool | Sequence[str] | None

_HASH_LENGTH = 8


@dataclass(frozen=True)
class Change:
    """How a tag was changed so that a cloud takes it, and why; `after` is empty where it was left out."""

    tag: str
    before: str
    after: str
    reason: str

    def __str__(self) -> str:
        written = f"{self.before!r} is written {self.after!r}" if self.after else f"{self.before!r} is left out"
        return f"{self.tag}: {written}: {self.reason}"


@dataclass(frozen=True)
class Rendered:
    """Tags that a cloud takes, by key, sorted; what was changed; and each original key's own."""

    tags: Mapping[str, str]
    changes: tuple[Change, ...]
    keys: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Form:
    """What one cloud takes. `plain`: lower-case ASCII only, and keys begin with a letter."""

    cloud: str
    key_length: int
    value_length: int
    most: int
    separator: str
    illegal: re.Pattern[str]
    plain: bool = False


#: `\w` is letters, numbers and the underscore of any script. A comma is not legal in the values of IAM.
AWS = Form("AWS", 128, 256, 50, " ", re.compile(r"[^\w .:/=+\-@]"))
#: The separator is that of the guide: `sales-crm`. Underscores stay, so that `labels.finops_cost_center` is found.
GCP = Form("Google", 63, 63, 64, "-", re.compile(r"[^a-z0-9_-]"), plain=True)


def aws_tags(tags: Mapping[str, Value]) -> Rendered:
    """Tags as AWS accepts them; keys of AWS's own `aws:` namespace are left out."""
    return _rendered(tags, AWS)


def gcp_labels(tags: Mapping[str, Value]) -> Rendered:
    """The same as labels of Google Cloud."""
    return _rendered(tags, GCP)


def shortened(text: str, limit: int, whole: str) -> str:
    """Text that is too long ends in a hash of the whole."""
    return text if len(text) <= limit else _with_hash(text, limit, whole)


def _rendered(tags: Mapping[str, Value], form: Form) -> Rendered:
    keys: dict[str, str] = {}
    values: dict[str, str] = {}
    changes: list[Change] = []
    taken: dict[str, str] = {}
    # Keys that are right as they are keep themselves, whatever the others would become.
    for tag in sorted(tags, key=lambda tag: (_key(tag, form)[0] != tag, tag)):
        if (value := tags[tag]) in (None, "", (), []):
            continue
        key, why_key = _key(tag, form)
        text, why_value = _value(value, form)
        if not key or not text:
            changes.append(Change(tag, text_of(value), "", why_key if not key else "nothing of it is left"))
            continue
        while (other := taken.get(key.casefold())) is not None:
            key, why_key = _with_hash(key, form.key_length, f"{key} {tag}"), f"told apart from {other!r}"
        taken[key.casefold()] = tag
        keys[tag], values[key] = key, text
        changes += [
            Change(tag, before, after, why)
            for before, after, why in ((tag, key, why_key), (text_of(value), text, why_value))
            if before != after
        ]
    told = tuple(sorted(changes, key=lambda each: each.tag))
    return Rendered({key: values[key] for key in sorted(values)}, told, keys)


def _key(tag: str, form: Form) -> tuple[str, str]:
    key, why = _clean(tag, form, form.key_length)
    if key.lower().startswith("aws:"):
        return "", "keys that begin with aws: are AWS's own"
    if form.plain and key and not key[0].isalpha():
        return shortened(f"x_{key}", form.key_length, tag), "a key begins with a letter"
    return key, why or "nothing of the key is left"


def _value(value: Value, form: Form) -> tuple[str, str]:
    if not isinstance(value, str) and isinstance(value, Sequence):
        # An item that holds the separator would look like two.
        items = [item.strip().replace(form.separator, "_") for item in value]
        text, why = _clean(form.separator.join(items), form, form.value_length)
        joined = f"a list is joined by {form.separator!r}" if len(items) > 1 or items[0] != value[0] else ""
        return text, "; ".join(filter(None, (joined, why)))
    return _clean(text_of(value), form, form.value_length)


@lru_cache(maxsize=8192)
def _clean(text: str, form: Form, limit: int) -> tuple[str, str]:
    """The text as the form wants it, and the reasons for what was changed. A thousand jobs share nearly all texts."""
    plain = _plain(text.strip()) if form.plain else text.strip()
    cleaned = form.illegal.sub("_", plain)
    lost = form.plain and bool(re.search(r"[^\x00-\x7f]", plain))
    short = _with_hash(cleaned, limit, text) if lost else shortened(cleaned, limit, text)
    return short, "; ".join(_reasons(text, plain, cleaned, form, cut=len(cleaned) > limit, lost=lost, limit=limit))


def _reasons(text: str, plain: str, cleaned: str, form: Form, *, cut: bool, lost: bool, limit: int) -> Iterator[str]:
    if text.strip() != text:
        yield "no blanks at the ends"
    if plain != text.strip():
        yield "labels are lower case and ASCII"
    if cleaned != plain:
        signs = "".join(dict.fromkeys(form.illegal.findall(plain)))
        yield f"{signs!r} is not allowed"
    if lost:
        yield "a hash stands for what other alphabets said"
    if cut:
        yield f"cut at {limit} characters, with a hash of the whole"


def _plain(text: str) -> str:
    """Lower case, letters without their marks; those of other alphabets stay what they are."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()


def text_of(value: Value, separator: str = ",") -> str:
    """The value as people write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence):
        return separator.join(value)
    return "" if value is None else str(value)


def _with_hash(text: str, limit: int, whole: str) -> str:
    digest = hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{text[: limit - _HASH_LENGTH - 1].rstrip()}-{digest}"
