"""State locks: who holds one, whether it is ours and its holder dead, and its release.

Only a lock proven ours and dead is ever released. Terraform's own locking stays the guard; nothing here takes a lock.
Where the lock object lives is known here; which run wrote which journal is in `journal.py`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from buildkit_dagster.terraform.journal import Journal

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
    started = datetime.fromisoformat(journal.started) - _CLOCK_SLACK
    written = datetime.fromtimestamp(journal.events.stat().st_mtime, tz=started.tzinfo)
    return started <= datetime.fromisoformat(lock.created.replace("Z", "+00:00")) <= written


def read_s3_lock(s3: Any, bucket: str, state_key: str) -> Lock | None:
    """The lock object beside a state in S3, None where there is none (or no bucket yet)."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=f"{state_key}.tflock")
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    info = json.loads(answer["Body"].read())
    return Lock(info["ID"], info["Operation"], info["Who"], info["Created"], answer["ETag"])


def release_s3_lock(s3: Any, bucket: str, state_key: str, lock: Lock) -> None:
    """Delete this very lock; one that somebody took meanwhile has another ETag and stays."""
    s3.delete_object(Bucket=bucket, Key=f"{state_key}.tflock", IfMatch=lock.etag)


def read_table_lock(dynamodb: Any, table: str, bucket: str, state_key: str) -> Lock | None:
    """The lock item of a state in a DynamoDB table, which Terraform takes besides the object where one is named."""
    key = {"LockID": {"S": f"{bucket}/{state_key}"}}
    try:
        item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    if "Info" not in item:
        return None
    info = json.loads(item["Info"]["S"])
    return Lock(info["ID"], info["Operation"], info["Who"], info["Created"], item["Info"]["S"])


def release_table_lock(dynamodb: Any, table: str, bucket: str, state_key: str, lock: Lock) -> None:
    """Delete this very item; one that somebody took meanwhile has another text and stays."""
    dynamodb.delete_item(
        TableName=table,
        Key={"LockID": {"S": f"{bucket}/{state_key}"}},
        ConditionExpression="Info = :info",
        ExpressionAttributeValues={":info": {"S": lock.etag}},
    )
