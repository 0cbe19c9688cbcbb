"""Seconds of what contenders did, by name; and where the time of one run of ours went.

What is measured is in `rounds.py`, what is made of it in `results.py`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

#: A shell script in front of Terraform that notes when each command began and ended.
_SHIM = """\
#!/bin/sh
began=$(date +%s.%N)
"{terraform}" "$@"
code=$?
echo "$1 $began $(date +%s.%N)" >> "{log}"
exit $code
"""


@dataclass
class Clock:
    """The seconds of every measurement, by name, and what was counted meanwhile."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    tell: Callable[[str], None] = lambda _: None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def time(self, name: str, action: Callable[..., Any], *arguments: Any) -> None:
        began = time.perf_counter()
        action(*arguments)
        self.note(name, time.perf_counter() - began)

    def note(self, name: str, seconds: float) -> None:
        self.seconds[name].append(seconds)
        self.tell(f"{name}: {seconds:.2f} s")

    def median(self, name: str) -> float:
        return median(self.seconds[name])

    def total(self, name: str) -> float:
        return sum(self.seconds[name])


@dataclass
class Spans:
    """Seconds of one run: `ours` in our own code, `writes` in Dagster's storage, and when Terraform ran (`log`)."""

    log: Path
    ours: list[tuple[float, float]] = field(default_factory=list)
    writes: list[tuple[float, float]] = field(default_factory=list)
    cpu: float = 0.0
    writes_cpu: float = 0.0

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Our own code works here."""
        began, cpu, written = time.time(), time.thread_time(), self.writes_cpu
        try:
            yield
        finally:
            self.ours.append((began, time.time()))
            self.cpu += time.thread_time() - cpu - (self.writes_cpu - written)

    def watching(self, store: Callable[..., Any]) -> Callable[..., Any]:
        """`store` with its seconds noted."""

        def noted(*arguments: Any, **more: Any) -> Any:
            began, cpu = time.time(), time.thread_time()
            try:
                return store(*arguments, **more)
            finally:
                self.writes.append((began, time.time()))
                self.writes_cpu += time.thread_time() - cpu

        return noted

    @property
    def terraform(self) -> list[tuple[float, float]]:
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(float(began), float(ended)) for _, began, ended in lines]

    @property
    def own_seconds(self) -> float:
        """What our code costs: its processor time, and the time it keeps Terraform from running if that is more."""
        return max(self.cpu, length(without(without(self.ours, self.terraform), self.writes)))


def write_shim(folder: Path, terraform: Path) -> Path:
    """A `terraform` in `folder` that keeps a log beside it; returns the log."""
    folder.mkdir(parents=True)
    log = folder / "log"
    log.touch()
    (folder / "terraform").write_text(_SHIM.format(terraform=terraform, log=log))
    (folder / "terraform").chmod(0o755)
    return log


def length(spans: list[tuple[float, float]]) -> float:
    return sum(ended - began for began, ended in spans)


def without(spans: list[tuple[float, float]], others: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The parts of `spans` that lie in none of `others`."""
    for began, ended in others:
        spans = [
            part
            for first, last in spans
            for part in ((first, min(last, began)), (max(first, ended), last))
            if part[1] > part[0]
        ]
    return spans
