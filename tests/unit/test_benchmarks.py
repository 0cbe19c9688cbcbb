"""What the benchmarks compare is of one size: a contender that does less would make any ratio."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.definitions import JOBS, UNITS, write_fleet
from buildkit_dagster.process import run

REPOSITORY = Path(__file__).parents[2]


def graph_of(contender: str, fleet: Path) -> dict[str, int]:
    line = [sys.executable, "-m", "benchmarks.definitions", contender, str(fleet)]
    answer = run(line, cwd=REPOSITORY, env=dict(os.environ), timeout=120)
    assert answer.returncode == 0, answer.stderr
    graph: dict[str, int] = json.loads(answer.stdout.splitlines()[-1])["graph"]
    return graph


def test_the_graph_by_hand_is_as_large_as_the_platforms(tmp_path: Path) -> None:
    fleet = write_fleet(tmp_path)
    ours = graph_of("cold", fleet)
    assert (ours["units"], ours["jobs"] >= JOBS) == (UNITS, True)
    assert graph_of("written", fleet) == ours
