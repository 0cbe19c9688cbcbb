"""What reading a source showed, gathered while dlt pulls its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from buildkit_dagster.runtimes.entrypoints.columns import ReadRows


@dataclass
class Reading:
    """Counts, and how the rows differ from what is declared; `misfits` are columns and how many values were no such."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0
    undeclared: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    misfits: Counter[str] = field(default_factory=Counter)

    def add(self, read: ReadRows) -> None:
        """One more file, or page."""
        self.rows += read.table.num_rows
        self.undeclared.update(read.undeclared)
        self.absent.update(read.absent)
        self.misfits.update(read.misfits)

    def differences(self) -> list[str]:
        """What was not loaded, a line for each."""
        unknown = "column `{}` is not declared in the table's entry in config/assets and was not loaded"
        missing = "column `{}` is declared and missing in what was read: it is null there"
        return [
            *(unknown.format(name) for name in sorted(self.undeclared)),
            *(missing.format(name) for name in sorted(self.absent)),
            *(
                f"column `{name}`: {count} values are of another type and were loaded as null"
                for name, count in sorted(self.misfits.items())
            ),
        ]
