"""From seconds to the table: ratios, whether each is what was asked for, and the facts of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.clock import Clock
from benchmarks.ground import RESOURCES_PER_UNIT
from buildkit_dagster.terraform.providers import describe_sources

BEGIN, END = "<!-- figures: made by `make bench` -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` has to be at least `wanted` where more is better, else at most."""

    what: str
    ours: str
    against: str
    ratio: float
    wanted: float
    more: bool = False
    percent: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        return self.ratio >= self.wanted if self.more else self.ratio <= self.wanted

    def cells(self) -> tuple[str, ...]:
        found = f"{self.ratio:.1%}" if self.percent else f"{self.ratio:.2f}x"
        wanted = f"{self.wanted:.0%}" if self.percent else f"{self.wanted:g}x"
        bound = f"at least {wanted}" if self.more else f"at most {wanted}"
        return self.what, self.ours, self.against, found, bound, "met" if self.met else "not met", self.note


def rows_of(clock: Clock, units: int) -> Iterator[Row]:
    """The comparisons whose seconds are there."""
    if "ours apply" in clock.seconds:
        yield from _against_root(clock, units)
        yield from _against_loop(clock, units)
    if "own code" in clock.seconds:
        own, terraform = clock.median("own code"), clock.median("own terraform")
        note = f"Dagster's event writes: {clock.median('own writes'):.2f} s"
        what = "our own code in that run, of Terraform's own time"
        yield Row(what, f"{own:.2f} s", f"{terraform:.2f} s", own / terraform, 0.08, percent=True, note=note)
    if "definitions ours" in clock.seconds:
        ours, bare = clock.median("definitions ours"), clock.median("definitions bare")
        note = f"our imports beside Dagster's: {clock.median('imports ours'):.2f} s"
        what = "definitions of 500 units and 100 jobs, against bare Dagster"
        yield Row(what, f"{ours:.2f} s", f"{bare:.2f} s", ours / bare, 2.0, note=note)


def _against_root(clock: Clock, units: int) -> Iterator[Row]:
    ours, hand = clock.median("ours apply"), clock.median("root init") + clock.median("root plan and apply")
    one = clock.median("root init") + clock.median("root apply")
    alone = clock.median("ours apply alone")
    note = f"one-command `apply`: {one:.1f} s ({ours / one:.2f}x)"
    note += f"; ours without Dagster: {alone:.1f} s ({alone / hand:.2f}x)"
    what = f"apply {units} units from nothing, against one root"
    yield Row(what, f"{ours:.1f} s", f"{hand:.1f} s", ours / hand, 1.25, note=note)
    changed, whole = clock.median("ours one changed"), clock.median("root one changed")
    what = f"change one unit of {units}, against one root"
    yield Row(what, f"{changed:.1f} s", f"{whole:.1f} s", changed / whole, 0.6)


def _against_loop(clock: Clock, units: int) -> Iterator[Row]:
    for name, what, wanted in (
        ("apply", f"apply {units} units from nothing", 13.0),
        ("unchanged", f"converge {units} units with nothing changed", 20.0),
        ("drift", f"drift of {units} units", 20.0),
    ):
        ours, loop = clock.median(f"ours {name}"), clock.total(f"loop {name}")
        alone = clock.median(f"ours {name} alone")
        note = f"ours without Dagster: {alone:.1f} s ({loop / alone:.1f}x)"
        title = f"{what}, against a state per unit"
        yield Row(title, f"{ours:.1f} s", f"{loop:.1f} s", loop / ours, wanted, more=True, note=note)


def report(clock: Clock, units: int, sizes: Sequence[int], load: tuple[str, str]) -> str:
    """Everything as Markdown."""
    head = ("what", "ours", "against", "ratio", "asked", "", "beside it")
    parts = [_facts(units, load), _table(head, [row.cells() for row in rows_of(clock, units)])]
    grown = list(_growth(clock, units, sizes))
    if grown:
        parts.append("How the cost grows, in seconds, ours / one root (`init` of the root not counted):")
        parts.append(_table(("units", "from nothing", "nothing changed", "drift"), grown))
    return "\n\n".join(parts)


def _growth(clock: Clock, units: int, sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    pairs = (("ours apply", "root plan and apply"), ("ours unchanged", "root unchanged"), ("ours drift", "root drift"))
    for size in sorted({units, *sizes}):
        suffix = "" if size == units else f" {size}"
        if f"ours drift{suffix}" in clock.seconds:
            found = [(clock.median(ours + suffix), clock.median(root + suffix)) for ours, root in pairs]
            yield str(size), *(f"{ours:.1f} / {root:.1f}" for ours, root in found)


def _facts(units: int, load: tuple[str, str]) -> str:
    sources = describe_sources(dict(os.environ))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {units} units of {RESOURCES_PER_UNIT} resources, {os.cpu_count()} cores "
        f"({platform.machine()}), Python {platform.python_version()}, Dagster {version('dagster')}, "
        f"Terraform {sources['terraform'].split()[0]}, AWS provider {sources['aws provider']}; "
        f"load average (1, 5, 15 minutes) {load[0]} before and {load[1]} after."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_report(file: Path, text: str) -> None:
    """Put the report between the markers of a page."""
    before, _, rest = file.read_text().partition(BEGIN)
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
