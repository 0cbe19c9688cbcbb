"""`python -m benchmarks`: measure, print the table, write it into the docs.

Ends with 1 only where something could not be measured; a figure that is not what was asked for is printed as such.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clock import Clock
from benchmarks.events import measure_events
from benchmarks.ground import CouldNotMeasure
from benchmarks.ingest import measure_ingest
from benchmarks.results import report, write_report
from benchmarks.rounds import (
    measure_definitions,
    measure_growth,
    measure_jobs,
    measure_own_code,
    measure_projects,
    measure_stack,
)
from buildkit_dagster.config.environment import NO_TELEMETRY
from buildkit_dagster.errors import BuildkitError

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
PARTS = ("events", "ingest", "stack", "own", "growth", "definitions", "projects", "jobs")
UNITS, ROUNDS, SIZES = 100, 3, (10, 300)
QUICK_UNITS, QUICK_ROUNDS, QUICK_SIZES = 10, 1, (20,)


def main() -> int:
    chosen = _arguments()
    os.environ.update(NO_TELEMETRY)
    folder = Path(tempfile.mkdtemp(prefix="buildkit-bench-"))
    began, before = time.monotonic(), _load()
    clock = Clock(tell=lambda line: print(f"  [{time.monotonic() - began:5.0f} s] {line}", flush=True))
    said = _quiet(folder / "log")
    try:
        _measure(clock, folder, chosen)
    except (CouldNotMeasure, BuildkitError) as error:
        print(f"Could not measure: {error}", flush=True)
        return 1
    finally:
        os.dup2(said, 2)
        shutil.rmtree(folder, ignore_errors=True)
    text = report(clock, chosen.units, chosen.sizes, (before, _load()))
    print(f"\n{text}\n\nMeasured in {(time.monotonic() - began) / 60:.0f} minutes.")
    if chosen.write:
        write_report(PAGE, text)
    return 0


def _measure(clock: Clock, folder: Path, chosen: argparse.Namespace) -> None:
    if "definitions" in chosen.only:
        measure_definitions(clock, folder / "definitions", chosen.rounds)
    if "events" in chosen.only:
        measure_events(clock, folder / "events", chosen.rounds)
    if "ingest" in chosen.only:
        measure_ingest(clock, folder / "ingest", chosen.rounds)
    if "projects" in chosen.only:
        measure_projects(clock, folder / "projects", chosen.rounds)
    if "jobs" in chosen.only:
        measure_jobs(clock, folder / "jobs", chosen.rounds)
    if "own" in chosen.only:
        measure_own_code(clock, folder / "own", chosen.units)
    if "growth" in chosen.only:
        for size in chosen.sizes:
            measure_growth(clock, folder / f"growth{size}", size)
    if "stack" in chosen.only:
        measure_stack(clock, folder / "stack", chosen.units, chosen.rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_UNITS} units and one round, to see that it works")
    parser.add_argument("--units", type=int, help=f"units of a stack ({UNITS})")
    parser.add_argument("--rounds", type=int, help=f"rounds ({ROUNDS})")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure (everything)")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    chosen = parser.parse_args()
    chosen.units = chosen.units or (QUICK_UNITS if chosen.quick else UNITS)
    chosen.rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    chosen.sizes = QUICK_SIZES if chosen.quick else SIZES
    return chosen


def _load() -> str:
    return ", ".join(f"{average:.1f}" for average in os.getloadavg())


def _quiet(log: Path) -> int:
    """Dagster's log goes to a file, as in a run worker; returns where it went before."""
    said = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    return said


if __name__ == "__main__":
    sys.exit(main())
