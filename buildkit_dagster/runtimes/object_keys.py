"""Which keys of a bucket are a job's, and the partition a key belongs to. Pure.

What is written in a job's `source` is checked in `config/file_source.py`; events of objects are in `object_events.py`,
what they ask for is decided in `objects.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from buildkit_dagster.config.file_source import FileSource, units_of

_EXPRESSIONS = {
    "year": r"\d{4}",
    "month": r"(?:0[1-9]|1[0-2])",
    "day": r"(?:0[1-9]|[12]\d|3[01])",
    "hour": r"(?:[01]\d|2[0-3])",
}
#: What stands before each part of a time in a partition's name.
_BEFORE = {"year": "", "month": "-", "day": "-", "hour": "T"}

#: What Dagster takes in no partition key: three dots, which are its ranges, and control characters
#: (`dagster/_core/definitions/partitions/utils/base.py`). The sign that we write them with is written so too.
_UNFIT = re.compile(r"%|\.(?=\.\.)|[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class KeyPattern:
    """Keys below a `path` that ends in a slash, or just the key `path`; below a path, only those with the suffix."""

    path: str
    partition: str | None = None
    suffix: str | None = None

    @classmethod
    def of(cls, source: FileSource) -> KeyPattern:
        return cls(source.path, source.partition, source.suffix)

    @property
    def prefix(self) -> str:
        """What every matching key begins with, for listing."""
        return self.path.partition("{")[0] if units_of(self.partition) else self.path

    def matches(self, key: str) -> bool:
        fits = not key.endswith("/") and key.endswith(self.suffix or "")
        return fits and self._expression.match(key) is not None

    def partition_of(self, key: str) -> str | None:
        """The partition a matching key belongs to, None in an unpartitioned table."""
        if self.partition == "key":
            return _UNFIT.sub(lambda found: f"%{ord(found[0]):02X}", key.removeprefix(self.path))
        found = self._expression.match(key) if self.partition else None
        return "".join(_BEFORE[unit] + found[unit] for unit in units_of(self.partition)) if found else None

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        end = "" if self.path.endswith("/") else r"\Z"
        units = units_of(self.partition)
        if not units:
            return re.compile(re.escape(self.path) + end)
        whole = "".join(f"{_BEFORE[unit]}{{{unit}}}" for unit in units)
        pieces = re.split(r"\{(\w+)\}", self.path.replace("{partition}", whole))
        # A part of a time that stands in the path twice is the same both times.
        expressions = [
            f"(?P={piece})" if piece in pieces[1:place:2] else f"(?P<{piece}>{_EXPRESSIONS[piece]})"
            for place, piece in enumerate(pieces)
            if place % 2
        ]
        literals = [re.escape(piece) for piece in pieces[::2]]
        return re.compile("".join(a + b for a, b in zip(literals, [*expressions, end], strict=True)))
