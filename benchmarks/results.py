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
    if "definitions warm" in clock.seconds:
        yield _definitions(clock)
    if "ingest ours" in clock.seconds:
        yield _ingest(clock)
    if "events dagster_aws" in clock.seconds:
        yield from _events(clock)
    if "projects parse" in clock.seconds:
        parse, ours = clock.median("projects parse"), clock.median("projects validate")
        what = "validate 200 dbt projects in one file, against PyYAML's C parse of it"
        yield Row(what, f"{ours:.3f} s", f"{parse:.3f} s", ours / parse, 5.0)
        loaded, bare = clock.median("projects ours"), clock.median("projects bare")
        what = "definitions of 200 dbt projects, against as many bare specs in Dagster"
        yield Row(what, f"{loaded:.2f} s", f"{bare:.2f} s", loaded / bare, 2.0)
    if "jobs parse" in clock.seconds:
        yield from _jobs(clock)


def _events(clock: Clock) -> Iterator[Row]:
    theirs = clock.median("events dagster_aws")
    for name, how in (("queue", "told by a queue"), ("polled", "listed from where the last tick stopped")):
        ours = clock.median(f"events tick {name}")
        what = f"a tick with 100,000 objects in the bucket and 10 new, {how}, against `get_s3_keys` of `dagster_aws`"
        yield Row(what, f"{ours:.3f} s", f"{theirs:.1f} s", theirs / ours, 50.0, more=True, note="all 10 found by both")
    small, large = clock.median("events backlog 1000"), clock.median("events backlog 10000")
    counted = clock.counts["events backlog 10000"]
    note = f"{counted['ticks']} ticks of at most {counted['requests']} requests; each event in exactly one run"
    what = "ticks that work off a backlog of 10,000 events, against one of 1,000"
    yield Row(what, f"{large:.2f} s", f"{small:.2f} s", large / small, 10.0, note=note)


def _ingest(clock: Clock) -> Row:
    ours, plain, start = (clock.median(f"ingest {name}") for name in ("ours", "plain", "start"))
    note = f"one process each, start and imports included; ours with nothing new: {start:.1f} s"
    what = "the 336,776 flights from the bucket into DuckDB, against a plain dlt script"
    return Row(what, f"{ours:.1f} s", f"{plain:.1f} s", ours / plain, 1.15, note=note)


def _jobs(clock: Clock) -> Iterator[Row]:
    names = ("parse", "validate", "load", "written", "bare", "render", "json")
    parse, validate, load, hand, bare, render, written = (clock.median(f"jobs {name}") for name in names)
    what = "validate 1,000 ingest jobs, against PyYAML's C parse of the same files"
    yield Row(what, f"{validate:.3f} s", f"{parse:.3f} s", validate / parse, 5.0)
    what = "definitions of 1,000 ingest jobs, their files included, against the same graph in bare Dagster"
    note = f"specs without a word in them: {bare:.2f} s ({load / bare:.1f}x)"
    yield Row(what, f"{load:.2f} s", f"{hand:.2f} s", load / hand, 2.0, note=note)
    what = "render the stacks of 1,000 ingest jobs, against `json` writing the same bytes"
    yield Row(what, f"{render:.3f} s", f"{written:.3f} s", render / written, 5.0)


def _definitions(clock: Clock) -> Row:
    warm, cold, hand, bare = (clock.median(f"definitions {name}") for name in ("warm", "cold", "written", "bare"))
    note = (
        f"the first load of new roots: {cold:.2f} s ({cold / hand:.2f}x); specs without a word in them: {bare:.2f} s "
    )
    note += f"({warm / bare:.1f}x); our imports beside Dagster's: {clock.median('imports warm'):.2f} s"
    what = "definitions of 500 units and 100 jobs, against the same graph in bare Dagster"
    return Row(what, f"{warm:.2f} s", f"{hand:.2f} s", warm / hand, 2.0, note=note)


def _against_root(clock: Clock, units: int) -> Iterator[Row]:
    ours, hand = clock.median("ours apply"), clock.median("root init") + clock.median("root plan and apply")
    one = clock.median("root init") + clock.median("root apply")
    alone, swift = clock.median("ours apply alone"), clock.median("ours apply swift")
    note = f"one-command `apply`: {one:.1f} s ({ours / one:.2f}x)"
    note += f"; ours with Dagster's storage on a RAM disk: {swift:.1f} s ({swift / hand:.2f}x)"
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
