"""Who holds a state's lock, in words of ours: a small object beside the state that any machine can read.

Terraform's own lock names user and host only. This record names the Dagster run, or the command, and the process too.
It is written when a lock of ours is seen (`lock_watch.py`) and removed when its Terraform has ended; it counts only as
long as the lock with its id is there. What to do about a lock is decided in `locks.py`, told in `held.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from buildkit_dagster.terraform.rendered_root import S3Backend


@dataclass(frozen=True)
class Holder:
    """Who took a lock: `run` is a Dagster run's id, or what `naming.command_use` says; `since` is ISO 8601 in UTC."""

    lock_id: str
    run: str
    host: str
    user: str
    pid: int
    since: str


def _place(backend: S3Backend) -> dict[str, str]:
    return {"Bucket": backend.bucket, "Key": f"{backend.key}.holder"}


def write_holder(backend: S3Backend, s3: Any, holder: Holder) -> str:
    """Returns the mark by which this very record is removed."""
    body = json.dumps(asdict(holder)).encode()
    return str(s3.put_object(**_place(backend), Body=body, ContentType="application/json")["ETag"])


def remove_holder(backend: S3Backend, s3: Any, mark: str) -> None:
    """Remove the record with this mark; one that somebody wrote meanwhile has another and stays."""
    s3.delete_object(**_place(backend), IfMatch=mark)


def read_holder(backend: S3Backend, s3: Any, lock_id: str) -> Holder | None:
    """The record of this very lock; None where there is none, or it is about an earlier one."""
    try:
        body = s3.get_object(**_place(backend))["Body"].read()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    holder = Holder(**json.loads(body))
    return holder if holder.lock_id == lock_id else None
