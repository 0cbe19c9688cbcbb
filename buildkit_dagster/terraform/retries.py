"""How often and when a failure that passes by itself is tried again: the one place that says so.

Which failures these are is decided by their class (`errors.RetryableFailure`), from messages in `failures.py`. Ops that
apply or load ask Dagster for the next try with the same data (`defs/failures.py`); everything else uses `retried`, what
is asked of Terraform through `Engine.alone`.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from buildkit_dagster.errors import RetryableFailure

Result = TypeVar("Result")


@dataclass(frozen=True)
class Retries:
    """`times` tries after the first one; the waits grow from `seconds` on by `factor`, each up to a half longer or
    shorter, and none is longer than `most`."""

    times: int = 3
    seconds: float = 10.0
    factor: float = 2.0
    most: float = math.inf

    def wait(self, attempt: int) -> float:
        """Seconds between the failure of the `attempt`th try (from 1) and the next one."""
        return min(self.most, self.seconds * self.factor ** (attempt - 1) * random.uniform(0.5, 1.5))


def retried(call: Callable[[], Result], retries: Retries, tell: Callable[[str], None]) -> Result:
    """The result of `call`, tried again while it fails by what passes; the last failure is raised."""
    for attempt in range(1, retries.times + 1):
        try:
            return call()
        except RetryableFailure as failure:
            seconds = retries.wait(attempt)
            tell(f"{failure}\nThis may pass by itself; trying again in {seconds:.0f} s ({attempt} of {retries.times}).")
            time.sleep(seconds)
    return call()
