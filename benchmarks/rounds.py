"""What is measured, in which order: contenders take turns, so that noise hits all of them.

The state-per-unit loop takes minutes, so it is cut into as many parts as there are rounds and its seconds are added up;
everything else is done once in each round, and its median counts. Names of measurements are read by `results.py`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import jobs, projects
from benchmarks.clock import Clock, length
from benchmarks.contenders import ByHand, Ours, StatePerUnit
from benchmarks.definitions import write_fleet
from benchmarks.ground import CouldNotMeasure
from benchmarks.projects import write_projects
from buildkit_dagster import process
from buildkit_dagster.config.environment import NO_TELEMETRY, read_environment

_LOAD_SECONDS = 300.0
#: Linux has one; elsewhere, the folder for temporary files stands in for it.
_RAM_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None


def measure_stack(clock: Clock, folder: Path, units: int, rounds: int) -> None:
    """From nothing, with nothing changed, drift, and one unit changed: ours, one root and the loop take turns."""
    loop = StatePerUnit(folder / "loop", units)
    parts = [range(number, units, rounds) for number in range(rounds)]
    for number, part in enumerate(parts):
        ours, hand = Ours(folder / f"ours{number}", units), ByHand(folder / f"hand{number}", units)
        _from_nothing(clock, folder, units, ours, hand)
        clock.time("loop apply", loop.apply, part)
        if number < rounds - 1:
            ours.leave()
            hand.leave()
    for part in parts:
        clock.time("ours unchanged", ours.apply)
        clock.time("loop unchanged", loop.apply, part)
        clock.time("root unchanged", hand.plan)
        clock.time("ours unchanged alone", ours.apply_alone)
    for part in parts:
        clock.time("ours drift", ours.drift)
        clock.time("loop drift", loop.drift, part)
        clock.time("root drift", hand.drift)
        clock.time("ours drift alone", ours.drift_alone)
    for number in range(rounds):
        clock.time("ours one changed", ours.change_one, number)
        clock.time("root one changed", hand.change_one, number)
    for contender in (ours, hand, loop):
        contender.leave()


def _from_nothing(clock: Clock, folder: Path, units: int, ours: Ours, hand: ByHand) -> None:
    clock.time("ours apply", ours.apply)
    clock.time("root init", hand.init)
    clock.time("root plan and apply", hand.plan_and_apply)
    with tempfile.TemporaryDirectory(dir=_RAM_DISK) as storage:
        swift = Ours(folder / "swift", units, storage=Path(storage))
        clock.time("ours apply swift", swift.apply)
        swift.leave()
    alone = Ours(folder / "alone", units)
    clock.time("ours apply alone", alone.apply_alone)
    alone.leave()
    one = ByHand(folder / "one", units)
    one.init()
    clock.time("root apply", one.apply)
    one.leave()


def measure_own_code(clock: Clock, folder: Path, units: int) -> None:
    """Where the time of one run from nothing goes."""
    ours = Ours(folder / "own", units, spans=True)
    ours.apply()
    assert ours.spans is not None
    clock.note("own code", ours.spans.own_seconds)
    clock.note("own terraform", length(ours.spans.terraform))
    clock.note("own writes", length(ours.spans.writes))
    ours.leave()


def measure_growth(clock: Clock, folder: Path, units: int) -> None:
    """The same for another number of units, once."""
    ours, hand = Ours(folder / "ours", units), ByHand(folder / "hand", units)
    hand.init()
    clock.time(f"root plan and apply {units}", hand.plan_and_apply)
    clock.time(f"ours apply {units}", ours.apply)
    clock.time(f"root unchanged {units}", hand.plan)
    clock.time(f"ours unchanged {units}", ours.apply)
    clock.time(f"root drift {units}", hand.drift)
    clock.time(f"ours drift {units}", ours.drift)
    ours.leave()
    hand.leave()


def measure_definitions(clock: Clock, folder: Path, rounds: int) -> None:
    """Loading in processes of their own, one after the other."""
    write_fleet(folder)
    for _ in range(rounds):
        found = {contender: _load(contender, folder) for contender in ("cold", "warm", "written", "bare")}
        if found["warm"]["graph"] != found["written"]["graph"]:
            raise CouldNotMeasure(f"two graphs: {found['warm']['graph']}, by hand {found['written']['graph']}")
        for contender, figures in found.items():
            clock.note(f"definitions {contender}", figures["seconds"])
            clock.note(f"imports {contender}", figures["imports"])


def measure_projects(clock: Clock, folder: Path, rounds: int) -> None:
    """200 dbt projects in one file, each contender in a process of its own."""
    write_projects(folder)
    _alone(clock, "projects", projects.CONTENDERS, folder, rounds)


def measure_jobs(clock: Clock, folder: Path, rounds: int) -> None:
    """1,000 ingest jobs, each contender in a process of its own."""
    jobs.write_jobs(folder)
    _alone(clock, "jobs", jobs.CONTENDERS, folder, rounds)


def _alone(clock: Clock, module: str, contenders: Iterable[str], folder: Path, rounds: int) -> None:
    for _ in range(rounds):
        for contender in contenders:
            line = [sys.executable, "-m", f"benchmarks.{module}", contender, str(folder)]
            environment = {**read_environment().variables, **NO_TELEMETRY}
            answer = process.run(line, cwd=Path(__file__).parents[1], env=environment, timeout=_LOAD_SECONDS)
            if answer.returncode != 0:
                raise CouldNotMeasure(answer.stderr)
            clock.note(f"{module} {contender}", json.loads(answer.stdout)["seconds"])


def _load(contender: str, folder: Path) -> dict[str, Any]:
    line = [sys.executable, "-m", "benchmarks.definitions", contender, str(folder)]
    environment = {**read_environment().variables, **NO_TELEMETRY}
    answer = process.run(line, cwd=Path(__file__).parents[1], env=environment, timeout=_LOAD_SECONDS)
    if answer.returncode != 0:
        raise CouldNotMeasure(answer.stderr)
    figures = json.loads(answer.stdout)
    if figures["left"]:
        raise CouldNotMeasure(f"loading definitions started or connected: {figures['left']}")
    return dict(figures)
