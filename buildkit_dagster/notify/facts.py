"""What a run says about one subject, without anything of Dagster: what failed in it, and what went well.

Where facts come from is `defs/run_facts.py`; whether they are news is decided in `news.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum


class Severity(IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Failed:
    """One thing that is not well.

    `item` stays the same from run to run; `mark`, where there is one, tells two failures of an item apart (two plans
    that wait). `event` is what users subscribe to, `tables` are the names that `critical_tables` may know it by.
    """

    item: str
    event: str
    name: str
    severity: Severity
    detail: str = ""
    mark: str = ""
    tables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What a run says about one subject (a dbt project, a step of the platform).

    `passed` are items that are well; `complete` says that everything not in `failed` is, `succeeded` that it was done
    to its end, `built` how many tables it made.
    """

    subject: str
    failed: tuple[Failed, ...] = ()
    passed: frozenset[str] = frozenset()
    complete: bool = False
    succeeded: bool = False
    built: int = 0


@dataclass(frozen=True)
class RunFacts:
    """The run itself; times are aware, `link` leads to it where the web server's address is configured."""

    id: str
    job: str
    started: datetime
    ended: datetime
    link: str = ""


def weighed(failed: Iterable[Failed], critical: Iterable[str], not_critical: Iterable[str]) -> tuple[Failed, ...]:
    """Severities as the project's tables ask: listed as critical they rise to CRITICAL, as not critical they fall to
    WARNING at most. Names are compared without regard to case; critical wins."""
    high, low = ({name.lower() for name in names} for names in (critical, not_critical))
    return tuple(replace(each, severity=_severity(each, high, low)) for each in failed)


def _severity(failed: Failed, high: set[str], low: set[str]) -> Severity:
    names = {name.lower() for name in failed.tables}
    if names & high:
        return Severity.CRITICAL
    return min(failed.severity, Severity.WARNING) if names & low else failed.severity
