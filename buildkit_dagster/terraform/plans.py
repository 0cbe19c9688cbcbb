"""The stored plans of a stack: their records, and Terraform's plan files beside them.

Both lie in the stack's store (`store.py`): `<digest>.json` and `<digest>.tfplan`. What a record says is in
`plan_record.py`; who may apply a plan is decided by `rules/gate.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from buildkit_dagster.errors import PlanDamaged, PlanNotFound
from buildkit_dagster.terraform.digest import digest_of
from buildkit_dagster.terraform.plan_record import PlanRecord, told
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.store import PREFIX, FolderStore, Store, store_of

_RECORD, _FILE = ".json", ".tfplan"
#: The shortest beginning of a digest that stands for all of it.
_SHORTEST = 8


class Plans:
    """The stored plans of one stack; `s3` is a boto3 client, unused for a state that is not in S3.

    A plan made before its stack's bucket exists lies in the work folder, and is found there later too.
    """

    def __init__(self, stack: TerraformStack, s3: Any) -> None:
        self.stack = stack
        folder = FolderStore(stack.work / PREFIX)
        self.has_bucket = _has_bucket(stack, s3)
        beside = store_of(stack, s3) if self.has_bucket else None
        self.stores: tuple[Store, ...] = (beside, folder) if beside else (folder,)

    @property
    def store(self) -> Store:
        """Where new ones are written."""
        return self.stores[0]

    def save(self, record: PlanRecord, file: bytes) -> None:
        """Store a plan; the record comes last, so that one that is there has its file."""
        self.store.put(record.digest + _FILE, file)
        self.store.put(record.digest + _RECORD, record.to_json().encode())

    def load(self, digest: str) -> PlanRecord:
        """The plan with this digest or with the only one that begins so; raises PlanNotFound, PlanDamaged."""
        found = self.find(digest)
        if found is None:
            raise PlanNotFound(digest, self.listed())
        return found

    def find(self, digest: str) -> PlanRecord | None:
        """Like `load`, None where there is none; raises PlanDamaged."""
        matching = {name for name in self._digests() if name == digest or _begins(name, digest)}
        return self._read(matching.pop()) if len(matching) == 1 else None

    def records(self) -> list[PlanRecord]:
        """All that can be read, the newest first."""
        return self._sorted()[0]

    def listed(self) -> list[str]:
        """Each stored plan in one line, those whose record is damaged last."""
        records, damaged = self._sorted()
        return [*map(told, records), *map(str, damaged)]

    def open(self, now: datetime) -> Iterator[PlanRecord]:
        """Those that were neither applied nor are expired, the newest first."""
        return (record for record in self.records() if not record.applied and not record.is_expired(now))

    def file(self, record: PlanRecord) -> bytes:
        """The plan file, checked against the record; raises PlanNotFound, PlanChanged."""
        body = self._get(record.digest + _FILE)
        if body is None:
            raise PlanNotFound(record.digest, self.listed())
        record.refuse_changed({"plan file": hashlib.sha256(body).hexdigest()})
        return body

    def note_applied(self, record: PlanRecord, run: str) -> None:
        """Keep the record, as one that was applied; its file has served and holds secrets, so it goes."""
        self.store.put(record.digest + _RECORD, replace(record, applied=run).to_json().encode())
        for store in self.stores:
            store.delete(record.digest + _FILE)

    def remove_expired(self, now: datetime) -> None:
        """Delete expired plan files wherever they lie; only a bucket that we made has a lifecycle rule that does it.

        Where these credentials may not look or delete, others may.
        """
        for store in self.stores:
            with _if_allowed():
                for name in store.names():
                    if name.endswith(_FILE) and self._is_expired(name.removesuffix(_FILE), now):
                        store.delete(name)

    def _is_expired(self, digest: str, now: datetime) -> bool:
        try:
            record = self._read(digest)
        except PlanDamaged:
            return False
        return record is not None and record.is_expired(now)

    def _digests(self) -> list[str]:
        names = {name for store in self.stores for name in store.names()}
        return sorted(name.removesuffix(_RECORD) for name in names if _is_record(name))

    def _sorted(self) -> tuple[list[PlanRecord], list[PlanDamaged]]:
        """Those whose records can be read, the newest first, and what is wrong with the others."""
        records: list[PlanRecord] = []
        damaged: list[PlanDamaged] = []
        for digest in self._digests():
            try:
                record = self._read(digest)
            except PlanDamaged as error:
                damaged.append(error)
            else:
                records += [record] if record else []  # it may be gone since it was listed
        return sorted(records, key=lambda record: record.created, reverse=True), damaged

    def _read(self, digest: str) -> PlanRecord | None:
        name = digest + _RECORD
        for store in self.stores:
            body = store.get(name)
            if body is not None:
                record = _parsed(digest, body)
                if record is None:
                    raise PlanDamaged(digest, self.stack.name, store.place(name))
                return record
        return None

    def _get(self, name: str) -> bytes | None:
        return next((body for store in self.stores if (body := store.get(name)) is not None), None)


def _parsed(digest: str, body: bytes) -> PlanRecord | None:
    """The record; None where it is no JSON, JSON of another shape, or that of another plan."""
    try:
        record = PlanRecord.from_json(body.decode())
        return record if digest_of(record.parts) == digest else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write_plan_file(file: Path, body: bytes) -> None:
    """Put a stored plan where Terraform reads it, readable by us alone."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(body)


def _is_record(name: str) -> bool:
    return name.endswith(_RECORD) and "." not in name.removesuffix(_RECORD)


def _begins(digest: str, beginning: str) -> bool:
    return len(beginning) >= _SHORTEST and digest.startswith(beginning)


@contextmanager
def _if_allowed() -> Iterator[None]:
    """Leave off where AWS says that these credentials may not."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise


def _has_bucket(stack: TerraformStack, s3: Any) -> bool:
    """Whether there is a bucket to store plans in; one request."""
    if not isinstance(stack.backend, S3Backend):
        return False
    try:
        s3.head_bucket(Bucket=stack.backend.bucket)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True
