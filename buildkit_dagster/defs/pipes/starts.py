"""Starting a job's work again where the vendor had no room for it; work that began is never done again here.

What a refusal means is said by the runtimes' errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from dagster import AssetExecutionContext

from buildkit_dagster.errors import NotStarted

_ATTEMPTS = 4
_Result = TypeVar("_Result")


def until_started(context: AssetExecutionContext, attempt: Callable[[], _Result], pause: float) -> _Result:
    """What `attempt` returns; one that was refused for a passing reason is made again, four times in all, after `pause`
    seconds, doubled each time."""
    for number in range(1, _ATTEMPTS + 1):
        try:
            return attempt()
        except NotStarted as error:
            if not error.retryable or number == _ATTEMPTS:
                raise
            context.log.warning(f"{error}; trying again in {pause:g} s")
        time.sleep(pause)
        pause *= 2
    raise AssertionError("the loop returns or raises")
