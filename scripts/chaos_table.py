"""Writes the chaos table of docs/reliability.md from what the tests in tests/chaos noted: `chaos_table.py DOC RESULTS`.

The results are pytest's JUnit files. Nothing is written unless every row was played and passed. `make chaos` calls it;
what a row is and how it is judged is in tests/chaos.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

BEGIN, END = "<!-- chaos table: written by `make chaos` -->", "<!-- end of the chaos table -->"
HEADINGS = (
    "what was broken",
    "when",
    "resources lost",
    "created twice",
    "locks left after the next run",
    "run status",
)
NOTES = ("broken", "when", "lost", "twice", "locks", "status")


def rows_of(result: Path) -> Iterator[tuple[str, ...]]:
    """The rows one pytest process played; ends the program where one failed."""
    for case in ElementTree.parse(result).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            sys.exit(f"{case.get('name')} failed: the table stays as it is")
        notes = {note.get("name"): note.get("value", "") for note in case.iter("property")}
        if "broken" in notes:
            yield tuple(notes[name] for name in NOTES)


def table(rows: list[tuple[str, ...]]) -> str:
    """Markdown, with a line of sums."""
    lost, twice, locks = (sum(int(row[column]) for row in rows) for column in (2, 3, 4))
    lines = [HEADINGS, ("---", "---", "---:", "---:", "---:", "---"), *rows]
    lines.append((f"**{len(rows)} rows**", "", f"**{lost}**", f"**{twice}**", f"**{locks}**", ""))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(document: Path, results: list[Path]) -> None:
    made = table([row for result in results for row in rows_of(result)])
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
