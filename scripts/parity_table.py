"""Writes docs/parity.md from what the tests marked `parity` did: `parity_table.py DOC ROWS RESULTS`.

ROWS is tests/parity.yaml; the rows of each system begin with its letter. The results are pytest's JUnit files, in which
tests/conftest.py notes each test's rows. A row is covered when a test marked with it ran and none of them failed.
`make parity` calls it; it ends with 1 where a row is neither covered nor declared not applicable, and prints which.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

SYSTEMS = {"A": "DbtBuildKit", "B": "Dativo's guide"}
BEGIN, END = "<!-- parity table: written by `make parity` -->", "<!-- end of the parity table -->"
_BAD = ("failure", "error", "skipped")


@dataclass
class Coverage:
    """The tests of one row, by how they ended."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        if self.failed:
            return f"failed: {', '.join(self.failed)}"
        return "covered" if self.passed else "not covered"


def coverage_in(results: Sequence[Path]) -> Mapping[str, Coverage]:
    """Row -> the tests that say they cover it."""
    rows: dict[str, Coverage] = defaultdict(Coverage)
    for result in results:
        for case in ElementTree.parse(result).iter("testcase"):
            bad = any(case.find(tag) is not None for tag in _BAD)
            name = f"{str(case.get('classname')).rpartition('.')[2]}::{case.get('name')}"
            for note in case.iter("property"):
                if note.get("name") == "parity":
                    row = rows[note.get("value", "")]
                    (row.failed if bad else row.passed).append(name)
    return rows


def lines_of(
    rows: Mapping[str, str], reasons: Mapping[str, str], found: Mapping[str, Coverage]
) -> list[tuple[str, ...]]:
    """Row, what it is, its state and how many tests show it."""
    lines = []
    for row, what in rows.items():
        covered = found.get(row, Coverage())
        state = f"not applicable: {reasons[row]}" if row in reasons else covered.state
        lines.append((row, what, state, str(len(covered.passed) or "")))
    return lines


def tables(title: str, lines: Sequence[tuple[str, ...]]) -> str:
    """A table for each system."""
    return "\n".join(
        table(f"{name}: {title}", [line for line in lines if line[0].startswith(letter)])
        for letter, name in SYSTEMS.items()
    )


def table(title: str, lines: Sequence[tuple[str, ...]]) -> str:
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {title}\n\n| row | what | state | tests |\n| --- | --- | --- | ---: |\n{body}\n"


def main(document: Path, rows_file: Path, results: Sequence[Path]) -> int:
    listed = yaml.safe_load(rows_file.read_text())
    found, reasons = coverage_in(results), listed["not_applicable"]
    promises, failures = (lines_of(listed[part], reasons, found) for part in ("promises", "failures"))
    text = f"{tables('promises', promises)}\n{tables('failures ours must not have', failures)}"
    before, _, rest = document.read_text().partition(BEGIN)
    document.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")
    sys.stdout.write(text)
    open_rows = [line for line in (*promises, *failures) if not line[2].startswith(("covered", "not applicable"))]
    total = len(promises) + len(failures)
    sys.stdout.write(f"\n{total - len(open_rows)} of {total} rows are covered or not applicable.\n")
    for row, what, state, _ in open_rows:
        sys.stdout.write(f"  {row}: {what}: {state}\n")
    return 1 if open_rows else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]]))
