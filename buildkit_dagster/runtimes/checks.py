"""The checks of a table's rows that its asset's file asks for: which there are, and what a figure means; pure.

The figures come from the target (`entrypoints/quality.py`), Dagster knows of the checks by `defs/ingest_checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from buildkit_dagster.config.quality import Freshness, Volume
from buildkit_dagster.runtimes.ingest import Checks

Severity = Literal["WARN", "ERROR"]
NULLS, DUPLICATES, FRESHNESS, VOLUME = "nulls", "duplicates", "freshness", "volume"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `severity` is what it is when it fails, `metadata` plain values."""

    name: str
    passed: bool
    severity: Severity = "ERROR"
    metadata: Mapping[str, Any] = field(default_factory=dict)


def check_descriptions(checks: Checks) -> dict[str, str]:
    """Every check there is of a table, and what it says."""
    found = {}
    if checks.required:
        found[NULLS] = f"No row lacks a value in {', '.join(checks.required)}."
    for name, columns in duplicates_in(checks).items():
        found[name] = f"No two rows have the same {', '.join(columns)}."
    if checks.freshness:
        found[FRESHNESS] = f"The newest load with rows is at most {checks.freshness.hours} hours old."
    if checks.volume:
        found[VOLUME] = f"The table has {_bounds(checks.volume)} rows."
    return found


def duplicates_in(checks: Checks) -> dict[str, tuple[str, ...]]:
    """Check -> the columns that tell its rows apart together."""
    key = {DUPLICATES: checks.key} if checks.key else {}
    return {**key, **{f"{DUPLICATES}_{column}": (column,) for column in checks.unique}}


def finding_of_nulls(nulls: Mapping[str, int]) -> Finding:
    """`nulls` are the required columns and how many rows lack a value."""
    return Finding(NULLS, not any(nulls.values()), metadata={"rows_without": {k: v for k, v in nulls.items() if v}})


def finding_of_duplicates(name: str, rows: int, distinct: int) -> Finding:
    """Rows that have all of the columns, and how many different ones there are."""
    return Finding(name, rows == distinct, metadata={"rows": rows, "duplicates": rows - distinct})


def finding_of_age(freshness: Freshness, seconds: float | None) -> Finding:
    """`seconds` since the newest load with rows; None when there is none."""
    fresh = seconds is not None and seconds <= freshness.hours * 3600
    age = {} if seconds is None else {"hours_old": round(max(seconds, 0) / 3600, 2)}
    return Finding(FRESHNESS, fresh, _severity(freshness.severity), {**age, "allowed_hours": freshness.hours})


def finding_of_volume(volume: Volume, rows: int) -> Finding:
    low, high = volume.min_rows or 0, volume.max_rows
    passed = rows >= low and (high is None or rows <= high)
    return Finding(VOLUME, passed, _severity(volume.severity), {"rows": rows, "allowed": _bounds(volume)})


def _bounds(volume: Volume) -> str:
    if volume.max_rows is None:
        return f"at least {volume.min_rows}"
    return f"at most {volume.max_rows}" if volume.min_rows is None else f"{volume.min_rows} to {volume.max_rows}"


def _severity(written: str) -> Severity:
    return "ERROR" if written == "error" else "WARN"
