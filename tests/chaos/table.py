"""One row of the chaos table: played, judged, and noted for the table.

A row is data and a play; the judgement is the same for all of them and written once, here. `scripts/chaos_table.py`
makes the table of `docs/reliability.md` from what is noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dagster import DagsterRunStatus

from tests.chaos.scene import EVERYTHING, RESOURCES, Measures, Outcome, Scene

SUCCESS, FAILURE = DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE
#: A run the UI was told to end; and one whose worker nobody could ask any more (Dagster's run monitoring ends it).
CANCELED, STARTED = DagsterRunStatus.CANCELED, DagsterRunStatus.STARTED


@dataclass(frozen=True)
class Row:
    """`play` breaks a run and waits for its end; `ends` are the statuses that are true then, `says` a pattern of its
    error."""

    broken: str
    when: str
    play: Callable[[Scene], Outcome]
    ends: frozenset[DagsterRunStatus]
    says: str = ""

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", f"{self.broken} {self.when}".lower()).strip("-")


def judge(row: Row, scene: Scene, note: Callable[[str, object], None]) -> None:
    """Play it, run the stack again, count, note, and insist on nothing but zeros."""
    broken = row.play(scene)
    after = scene.after()
    measures = scene.measure()
    _note(row, broken, measures, note)
    assert measures == Measures((), (), (), ()), f"{measures}\n{scene.log()}"
    assert broken.status in row.ends, f"{broken.status}: {broken.error}\n{scene.log()}"
    assert re.search(row.says, broken.error), f"not a word of {row.says!r} in: {broken.error}"
    assert after.status is SUCCESS, f"{after.error}\n{scene.log()}"
    assert (after.stored, after.units) == (EVERYTHING, set(RESOURCES))
    assert scene.remains() == []


def _note(row: Row, broken: Outcome, measures: Measures, note: Callable[[str, object], None]) -> None:
    true = not measures.untrue and broken.status in row.ends
    note("broken", row.broken)
    note("when", row.when)
    note("lost", len(measures.lost))
    note("twice", len(measures.twice))
    note("locks", len(measures.locks))
    note("status", f"{broken.status.value}: {'true' if true else 'NOT TRUE'}")
