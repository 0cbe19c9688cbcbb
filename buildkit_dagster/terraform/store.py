"""Files kept next to a stack's state: saved plans, approvals and their records.

For a state in S3 they are objects below `plans/<stack>/` in the same bucket, encrypted as the state is: with the key
its backend names, else as the bucket says. Otherwise they are files in the work folder that only their owner reads, in
clear. What they mean is known to `plans.py` and `approvals.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.stack import TerraformStack

PREFIX = "plans"


class Store(Protocol):
    """Named blobs of one stack; names have no slash."""

    def put(self, name: str, body: bytes) -> None:
        """Write it whole, over what was there."""
        ...

    def put_new(self, name: str, body: bytes) -> bool:
        """Write it if the name is free; False when it is taken."""
        ...

    def get(self, name: str) -> bytes | None: ...

    def names(self) -> list[str]:
        """Sorted."""
        ...

    def delete(self, name: str) -> None: ...

    def place(self, name: str) -> str:
        """Where people find it."""
        ...


class BucketStore:
    """Objects beside a state in S3."""

    def __init__(self, backend: S3Backend, stack: str, s3: Any) -> None:
        self._bucket, self._prefix, self._s3 = backend.bucket, f"{PREFIX}/{stack}/", s3
        key = backend.kms_key
        self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def put(self, name: str, body: bytes) -> None:
        self._s3.put_object(**self._place(name), **self._encryption, Body=body)

    def put_new(self, name: str, body: bytes) -> bool:
        try:
            self._s3.put_object(**self._place(name), **self._encryption, Body=body, IfNoneMatch="*")
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                return False
            raise
        return True

    def get(self, name: str) -> bytes | None:
        try:
            return bytes(self._s3.get_object(**self._place(name))["Body"].read())
        except (self._s3.exceptions.NoSuchKey, self._s3.exceptions.NoSuchBucket):
            return None

    def names(self) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        try:
            return sorted(item["Key"].removeprefix(self._prefix) for page in pages for item in page.get("Contents", ()))
        except self._s3.exceptions.NoSuchBucket:
            return []

    def delete(self, name: str) -> None:
        self._s3.delete_object(**self._place(name))

    def place(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def _place(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}


class FolderStore:
    """Files (mode 0600) in the work folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, body: bytes) -> None:
        draft = self._draft(name, body)
        draft.replace(self._folder / name)

    def put_new(self, name: str, body: bytes) -> bool:
        draft = self._draft(name, body)
        try:
            (self._folder / name).hardlink_to(draft)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def get(self, name: str) -> bytes | None:
        file = self._folder / name
        return file.read_bytes() if file.exists() else None

    def names(self) -> list[str]:
        return sorted(file.name for file in self._folder.glob("[!.]*"))

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def place(self, name: str) -> str:
        return str(self._folder / name)

    def _draft(self, name: str, body: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(body)
        return draft


def store_of(stack: TerraformStack, s3: Any) -> Store:
    """The store beside the stack's state; `s3` is a boto3 client, unused for a state that is not in S3."""
    if isinstance(stack.backend, S3Backend):
        return BucketStore(stack.backend, stack.slot, s3)
    return FolderStore(stack.work / PREFIX)
