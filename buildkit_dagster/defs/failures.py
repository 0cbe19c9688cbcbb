"""Our errors as Dagster shows them: one complete message, retried only where a retry can help.

Used around the body of every op. The errors themselves are in `errors.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure

from buildkit_dagster.errors import BuildkitError


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn a `BuildkitError` into a `Failure` without a traceback of ours."""
    try:
        yield
    except BuildkitError as error:
        raise Failure(description=str(error), allow_retries=error.retryable) from None
