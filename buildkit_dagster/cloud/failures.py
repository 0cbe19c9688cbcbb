"""What boto3 raises, as errors of ours: passing or permanent. Clients are made in `aws.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from buildkit_dagster.errors import CloudRefused, CloudUnavailable, TerraformError

#: Codes of AWS's services for what passes by itself; every answer from 500 on does.
_PASSING = ("Throttling", "SlowDown", "TooManyRequests", "RequestLimitExceeded", "RequestTimeout", "OperationAborted")


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Turn what a client raises into CloudUnavailable or CloudRefused."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise cloud_error(error) from None


def cloud_error(error: ClientError | BotoCoreError) -> TerraformError:
    """The error of ours that says the same."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        passes = status >= 500 or any(sign in code for sign in _PASSING)
    else:
        passes = isinstance(error, (ConnectionError, HTTPClientError))
    return CloudUnavailable(str(error)) if passes else CloudRefused(str(error))
