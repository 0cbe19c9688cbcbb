"""What went wrong inside dlt, and whether it passes by itself.

Turning it into errors of ours is `warehouse.py`'s.
"""

from __future__ import annotations

import requests

from buildkit_dagster.errors import BuildkitError, SourceFailed, SourceUnavailable

#: Statuses an API answers with while it is busy or broken: RFC 9110 and RFC 6585.
_PASSING = (408, 425, 429, 500, 502, 503, 504)

#: How many characters of what an error says are told.
_SAID = 400


def cause_of(error: BaseException) -> BaseException:
    """The first cause, or the first error of ours on the way to it."""
    while error.__cause__ and not isinstance(error, BuildkitError):
        error = error.__cause__
    return error


def failure_of(error: BaseException) -> type[SourceFailed]:
    """The kind of failure a source's error is."""
    return SourceUnavailable if _passes_by_itself(error) else SourceFailed


def _passes_by_itself(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, no answer in time, a busy server."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in _PASSING
    names = {kind.__name__ for kind in type(error).__mro__}
    # Of requests, urllib3, SQLAlchemy's drivers.
    return bool(names & {"ConnectionError", "Timeout", "HTTPError", "OperationalError"})


def first_lines(error: BaseException) -> str:
    """The first three lines of what it says, as one."""
    return " ".join(str(error).split("\n")[:3])


def shortened(text: str) -> str:
    """`text` at a length that can be read: of an answer that it cannot use, dlt quotes all rows."""
    return text if len(text) <= _SAID else f"{text[:_SAID]}..."
