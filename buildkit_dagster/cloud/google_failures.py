"""What Google's clients raise, as errors of ours: passing or permanent. Clients are made in `gcp.py`.

The REST client, Cloud Storage's and plain requests each have exceptions of their own for the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httplib2
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from googleapiclient.errors import HttpError

from buildkit_dagster.errors import GoogleRefused, GoogleUnavailable

#: https://cloud.google.com/apis/design/errors, "Retrying errors": too much asked for, and what is Google's own.
_PASSING = (408, 429)


@contextmanager
def told_as_ours(action: str) -> Iterator[None]:
    """Turn what a client raises into `GoogleUnavailable` or `GoogleRefused`; `action` says what was asked for."""
    try:
        yield
    except HttpError as error:
        raise refusal(action, int(error.resp.status), _body(error.content) or str(error.reason)) from None
    except GoogleAPICallError as error:
        raise refusal(action, int(error.code or 0), str(error.message)) from None
    except (requests.RequestException, httplib2.HttpLib2Error, TransportError, OSError) as error:
        raise GoogleUnavailable(action, 0, first_line(error)) from None
    except GoogleAuthError as error:
        raise GoogleRefused(action, 401, first_line(error)) from None


def refusal(action: str, code: int, reason: str) -> GoogleRefused | GoogleUnavailable:
    """The error that says the same as an answer with the HTTP status `code`."""
    passes = code in _PASSING or code >= 500
    return (GoogleUnavailable if passes else GoogleRefused)(action, code, reason)


def _body(content: bytes) -> str:
    """`PERMISSION_DENIED: Permission 'run.jobs.run' denied …` of Google's JSON; empty when it is none."""
    try:
        error = json.loads(content)["error"]
        return ": ".join(str(error[name]) for name in ("status", "message") if error.get(name))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def first_line(error: Exception) -> str:
    """What an error says, without the details that Google's libraries put behind it."""
    said = str(error.args[0]) if error.args else ""
    return (said or type(error).__name__).splitlines()[0].rstrip(".")
