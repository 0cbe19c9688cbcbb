"""Our errors as Dagster shows them: one complete message, tried again only where that can help.

Used around the body of every op. The errors themselves are in `errors/`, how often and when to try again in
`terraform/retries.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import AssetExecutionContext, Failure, RetryRequested

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.terraform.redaction import SEEN
from buildkit_dagster.terraform.retries import Retries

#: Metadata of a failure of ours: the name of its class.
ERROR_METADATA = "error"
#: Metadata of the observation that a dbt node which failed gets: Dagster has no event for an asset that was not made.
DBT_ERROR = "dbt_error"


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn a `BuildkitError`, and what a cloud client raises, into a `Failure` without a traceback of ours, and any
    error that holds a secret into one that does not."""
    try:
        with told_as_ours():
            yield
    except BuildkitError as error:
        raise Failure(
            description=SEEN.scrub(str(error)),
            metadata={ERROR_METADATA: type(error).__name__},
            allow_retries=error.retryable,
        ) from None
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        if not SEEN.finds(told):
            raise
        raise Failure(description=SEEN.scrub(told), allow_retries=False) from None


@contextmanager
def tried_again(context: AssetExecutionContext, retries: Retries) -> Iterator[None]:
    """Ask Dagster for another try after a `Failure` that passes by itself.

    Not a `RetryPolicy`: Dagster follows one after any exception, a cancellation among them. An op that has a policy
    of its own keeps it.
    """
    try:
        yield
    except Failure as failure:
        attempt = context.retry_number + 1
        if not failure.allow_retries or attempt > retries.times or context.op_def.retry_policy is not None:
            raise
        seconds = retries.wait(attempt)
        context.log.warning(f"This may pass by itself; trying again in {seconds:.0f} s ({attempt} of {retries.times}).")
        raise RetryRequested(max_retries=retries.times, seconds_to_wait=seconds) from failure
