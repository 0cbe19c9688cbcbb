"""Whether a bucket can hold Terraform's lock: of two writers that race for one new object, exactly one may win.

Terraform's lock in S3 is a conditional put (`If-None-Match: *`). A store that calls itself S3 and ignores the condition
gives the lock to everybody, and two applies destroy each other's state. So it is asked once per bucket, before its
first use; the answer is remembered in the work folder. What happens before a run is decided in `recovery.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import BackendUnsafe
from buildkit_dagster.terraform.rendered_root import S3Backend

_PASSED = "one of two racing writers won"


def check_backend(backend: S3Backend, s3: Any, work: Path, tell: Callable[[str], None]) -> None:
    """Probe the bucket unless this work folder knows it; raises BackendUnsafe.

    A bucket that does not exist yet, or in which the role may write nothing but the state, is not probed.
    """
    place = f"{s3.meta.endpoint_url}/{backend.bucket}"
    mark = work / "probed" / hashlib.sha256(place.encode()).hexdigest()[:16]
    if mark.exists():
        return
    key = f"{backend.key}.probe-{uuid.uuid4().hex}"
    try:
        winners = _race(s3, backend.bucket, key)
        late = _put(s3, backend.bucket, key, b"late") if winners == 1 else False
    except s3.exceptions.ClientError as error:
        _tell_unprobed(error, place, tell)
        return
    finally:
        with contextlib.suppress(Exception):
            s3.delete_object(Bucket=backend.bucket, Key=key)
    if winners != 1 or late:
        raise BackendUnsafe(place, winners + late)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{place}: {_PASSED}\n")


def _race(s3: Any, bucket: str, key: str) -> int:
    """How many of two writers were told that they had made the object."""
    start, outcomes = threading.Barrier(2), dict[int, bool | Exception]()

    def write(number: int) -> None:
        start.wait()
        try:
            outcomes[number] = _put(s3, bucket, key, f"writer {number}".encode())
        except Exception as error:  # noqa: BLE001 - a thread hands its failure to whoever waits for it
            outcomes[number] = error

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for outcome in outcomes.values():
        if isinstance(outcome, Exception):
            raise outcome
    return sum(outcome is True for outcome in outcomes.values())


def _put(s3: Any, bucket: str, key: str, body: bytes) -> bool:
    """Make the object if it is not there; False when it is (412), or is being made (409)."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
            return False
        raise
    return True


def _tell_unprobed(error: Any, place: str, tell: Callable[[str], None]) -> None:
    """No answer to remember: a missing bucket is not there yet, a refusal is the role's, the rest is the store's."""
    code = error.response["Error"]["Code"]
    if code in ("NoSuchBucket", "404"):
        return
    if code not in ("AccessDenied", "403"):
        raise error
    tell(f"{place} could not be probed for conditional writes, which Terraform's lock rests on: {error}")
