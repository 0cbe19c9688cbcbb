"""The table in docs/reliability.md is that of the rows there are."""

from pathlib import Path

from tests.chaos import test_faults, test_signals

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
PROMISED = 40


def written() -> list[list[str]]:
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:-1]]


def test_the_table_has_every_row_and_no_other() -> None:
    rows = [(row.broken, row.when) for row in (*test_signals.ROWS, *test_faults.ROWS)]
    assert [(cells[0], cells[1]) for cells in written()] == rows
    assert len(rows) >= PROMISED


def test_the_table_holds_nothing_but_zeros_and_truths() -> None:
    assert {tuple(cells[2:5]) for cells in written()} == {("0", "0", "0")}
    assert {cells[5].partition(": ")[2] for cells in written()} == {"true"}
