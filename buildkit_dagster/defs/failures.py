"""Our errors as Dagster shows them: one complete message, retried only where a retry can help.

Used around the body of every op. The errors themselves are in `errors.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure

from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.terraform.redaction import SEEN


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn a `BuildkitError` into a `Failure` without a traceback of ours, and any error that holds a secret into one
    that does not."""
    try:
        yield
    except BuildkitError as error:
        raise Failure(description=SEEN.scrub(str(error)), allow_retries=error.retryable) from None
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        if not SEEN.finds(told):
            raise
        raise Failure(description=SEEN.scrub(told)) from None
