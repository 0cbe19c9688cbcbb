"""State locks: who holds one, whether it is ours and its holder dead, and its release.

Only a lock proven ours and dead is ever released. Terraform's own locking stays the guard; nothing here takes a lock.
Where the lock object lives is known here; which run wrote which journal is in `journal.py`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from buildkit_dagster.terraform.journal import Journal
from buildkit_dagster.terraform.rendered_root import S3Backend

#: Terraform stamps a lock with its own clock, a moment after the process starts.
_CLOCK_SLACK = timedelta(seconds=2)


@dataclass(frozen=True)
class Lock:
    """One state lock as Terraform wrote it; `etag` (for a table's item: its text) makes its release conditional."""

    id: str
    operation: str
    who: str
    created: str
    etag: str
    #: When the store received it, by the store's clock; None for a table's item.
    taken: datetime | None = None

    def __str__(self) -> str:
        return f"{self.who} since {self.created} ({self.operation}, lock {self.id})"


class Verdict(enum.Enum):
    """What to do about a lock."""

    FREE = "nobody holds it"
    WAIT = "our Terraform still runs: wait for it"
    RELEASE = "ours, and its Terraform is dead: release it"
    FOREIGN = "somebody else's: leave it"


def judge(lock: Lock | None, journals: Sequence[Journal]) -> Verdict:
    """Decide from the lock and the journals of the same stack that never settled."""
    if lock is None:
        return Verdict.FREE
    ours = [journal for journal in journals if _proves(journal, lock)]
    if any(journal.alive for journal in ours):
        return Verdict.WAIT
    return Verdict.RELEASE if ours else Verdict.FOREIGN


def _proves(journal: Journal, lock: Lock) -> bool:
    """The recorded id proves it. So does a change begun by our Terraform, which it makes under the lock only: a lock
    of this user and host that was made after it started, and not after that change, was its own."""
    if journal.lock_id is not None:
        return journal.lock_id == lock.id
    if journal.who != lock.who or not journal.began_to_apply():
        return False
    started = datetime.fromisoformat(journal.started)
    written = datetime.fromtimestamp(journal.events.stat().st_mtime, tz=started.tzinfo)
    if journal.since is None or lock.taken is None:
        return started - _CLOCK_SLACK <= moment(lock.created) <= written
    # By the store's clock alone: this machine's may have been set meanwhile.
    since = datetime.fromisoformat(journal.since)
    return since <= lock.taken <= since + (written - started) + _CLOCK_SLACK


def is_newer(lock: Lock, journal: Journal) -> bool:
    """Whether a lock was taken after this journal's Terraform started; by the store's clock where it told the time."""
    if journal.since is None or lock.taken is None:
        return moment(lock.created) >= moment(journal.started)
    return lock.taken >= moment(journal.since)


def moment(text: str) -> datetime:
    """A time as Terraform or we write it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def s3_clock(s3: Any, bucket: str, state_key: str) -> tuple[str | None, str | None]:
    """What time it is for the store (None where it does not say), and the id of the lock that is there already."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=f"{state_key}.tflock")
        before = json.loads(answer["Body"].read())["ID"]
    except s3.exceptions.ClientError as error:
        answer, before = error.response, None
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return (parsedate_to_datetime(date).isoformat() if date else None), before


def read_s3_lock(s3: Any, bucket: str, state_key: str) -> Lock | None:
    """The lock object beside a state in S3, None where there is none (or no bucket yet)."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=f"{state_key}.tflock")
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    return _lock(answer["Body"].read(), answer["ETag"], answer["LastModified"])


def _lock(text: str | bytes, etag: str, written: datetime | None = None) -> Lock:
    """A lock from Terraform's JSON; whatever else stands there is somebody's lock as well, of nobody we know."""
    try:
        info = json.loads(text)
        moment(info["Created"])
        told = [str(info[name]) for name in ("ID", "Operation", "Who", "Created")]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        told = ["unknown"] * 4
    return Lock(told[0], told[1], told[2], told[3], etag, written)


def read_locks(backend: S3Backend, s3: Any, dynamodb: Any) -> list[Lock]:
    """The locks that are there: the object, and the item where a table is named."""
    found = (read_s3_lock(s3, backend.bucket, backend.key), read_table_lock(backend, dynamodb))
    return [lock for lock in found if lock is not None]


def release_s3_lock(s3: Any, bucket: str, state_key: str, lock: Lock) -> None:
    """Delete this very lock; one that somebody took meanwhile has another ETag and stays."""
    s3.delete_object(Bucket=bucket, Key=f"{state_key}.tflock", IfMatch=lock.etag)


def read_table_lock(backend: S3Backend, dynamodb: Any) -> Lock | None:
    """The lock item in the DynamoDB table where one is named: Terraform takes it besides the object, or alone."""
    if backend.dynamodb_table is None:
        return None
    try:
        item = dynamodb.get_item(**_item(backend), ConsistentRead=True).get("Item", {})
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    if "Info" not in item:
        return None
    return _lock(item["Info"]["S"], item["Info"]["S"])


def release_table_lock(backend: S3Backend, dynamodb: Any, lock: Lock) -> None:
    """Delete this very item; one that somebody took meanwhile has another text and stays."""
    dynamodb.delete_item(
        **_item(backend),
        ConditionExpression="Info = :info",
        ExpressionAttributeValues={":info": {"S": lock.etag}},
    )


def _item(backend: S3Backend) -> dict[str, Any]:
    return {"TableName": backend.dynamodb_table, "Key": {"LockID": {"S": f"{backend.bucket}/{backend.key}"}}}
