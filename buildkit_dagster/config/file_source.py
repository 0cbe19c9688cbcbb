"""Which objects of a bucket are a job's: the `source` of an ingest job that reads files.

What else a job may read is in `job_sources.py`; matching keys against a source is `runtimes/object_keys.py`'s.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from buildkit_dagster.config.values import Model

#: A partition is a span of time that stands in the key, or one object (`key`).
Span = Literal["hour", "day", "month", "year"]
Partition = Literal[Span, "key"]

_UNITS = ("year", "month", "day", "hour")


def units_of(partition: str | None) -> tuple[str, ...]:
    """What of a time names one partition: `month` -> year and month. Nothing where no time does."""
    return _UNITS[: _UNITS.index(partition) + 1] if partition in get_args(Span) else ()


class FileSource(Model):
    """Which objects of the source bucket are this table's: a key prefix that ends in `/`, or one key.

    With `suffix`, only keys below the prefix that end so. With a `partition` of time, the key says which:
    `{partition}` stands for `2013`, `2013-01`, `2013-01-31` or `2013-01-31T23`; its parts may stand apart, as in
    `sales/year={year}/month={month}/`. With `partition: key`, each object below the prefix is a partition.
    """

    tag: ClassVar[str] = "(path)"
    path: Annotated[str, Field(pattern=r"^[^/].*$")]
    suffix: Annotated[str | None, Field(min_length=1)] = None
    partition: Partition | None = None

    @model_validator(mode="after")
    def _placeholders_fit(self) -> FileSource:
        found, wanted = re.findall(r"\{[^}]*\}?|\}", self.path), [f"{{{unit}}}" for unit in units_of(self.partition)]
        if wanted and found != ["{partition}"] and set(found) != set(wanted):
            raise ValueError(
                f"a source with `partition: {self.partition}` has `{{partition}}` in its path, once, as in "
                f"flights/{{partition}}.csv, or each of {' '.join(wanted)}"
            )
        if found and not wanted:
            raise ValueError(f"{found[0]} in a path needs `partition: month` or another span of time")
        return self

    @field_validator("path")
    @classmethod
    def _is_no_pattern(cls, path: str) -> str:
        if "*" in path:
            raise ValueError(f"{path!r} has a `*`, which stands for nothing here; write a prefix with `suffix: .csv`")
        return path

    @model_validator(mode="after")
    def _below_a_prefix(self) -> FileSource:
        if not self.path.endswith("/") and (self.suffix or self.partition == "key"):
            what = "`suffix`" if self.suffix else "`partition: key`"
            raise ValueError(f"{what} is about keys below a prefix: end the path in `/`")
        return self
