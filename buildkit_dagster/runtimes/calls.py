"""Calls of something that is asked once, may hear it twice and cannot be stopped: what both sides note in S3 of each.

Both the run and the function write their marks below the call's own prefix, each mark by one of them and once. Who puts
`claim` first decides whether the call is done at all, so a second delivery, and one that comes too late, does nothing.
A lifecycle rule clears the marks away. Who asks is `aws_lambda.py`, who hears it is `entrypoints/lambda_handler.py`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import botocore.exceptions

#: Written by the function: that it has begun, with its log and its end at the latest; then how it ended.
CLAIM, OUTCOME = "claim", "outcome"
#: Written by the run: that it wants the call to stop.
CANCEL = "cancel"

_OPEN = "open/"
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


@dataclass(frozen=True)
class Call:
    """One call for one Dagster run; `folder` is the key prefix of all calls of one function, and ends in `/`."""

    bucket: str
    folder: str
    run: str
    name: str

    @classmethod
    def new(cls, bucket: str, folder: str, run: str) -> Call:
        return cls(bucket, folder, run, f"{run}.{uuid.uuid4().hex[:8]}")

    def to_event(self) -> dict[str, str]:
        """As JSON data."""
        return asdict(self)


class Marks:
    """The marks of one call, through a boto3 client of S3."""

    def __init__(self, s3: Any, call: Call) -> None:
        self._s3 = s3
        self._call = call
        self._prefix = f"{call.folder}{call.name}/"

    def open(self) -> None:
        """Note, before asking, that the call may be under way from now on."""
        self._put(self._open_key, {"run": self._call.run})

    def close(self) -> None:
        """Note that nothing comes of the call any more."""
        self._s3.delete_object(Bucket=self._call.bucket, Key=self._open_key)

    def claim(self, claim: Mapping[str, Any]) -> bool:
        """Be the first to claim the call; False when somebody was faster."""
        mine = {**claim, "token": uuid.uuid4().hex}
        try:
            self._put(self._prefix + CLAIM, mine, IfNoneMatch="*")
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise
            # The client may have repeated a request that had been heard.
            return self.read(CLAIM).get("token") == mine["token"]
        return True

    def withdraw(self) -> bool:
        """Claim it for nobody, so that it is never begun; False when it has begun."""
        return self.claim({"withdrawn": True})

    def write(self, mark: str, content: Mapping[str, Any]) -> None:
        self._put(self._prefix + mark, content)

    def present(self) -> set[str]:
        """The marks there are: one request, which asks for no right to see more than the prefix."""
        listed = self._s3.list_objects_v2(Bucket=self._call.bucket, Prefix=self._prefix)
        return {item["Key"].removeprefix(self._prefix) for item in listed.get("Contents", ())}

    def read(self, mark: str) -> dict[str, Any]:
        """The content of a mark that is present."""
        content = self._s3.get_object(Bucket=self._call.bucket, Key=self._prefix + mark)["Body"].read()
        return dict(json.loads(content))

    @property
    def _open_key(self) -> str:
        return f"{self._call.folder}{_OPEN}{self._call.name}"

    def _put(self, key: str, content: Mapping[str, Any], **condition: str) -> None:
        self._s3.put_object(Bucket=self._call.bucket, Key=key, Body=json.dumps(content).encode(), **condition)


def open_calls(s3: Any, bucket: str, folder: str) -> list[Call]:
    """Calls of a function that nobody has seen the end of."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder + _OPEN)
    names = [item["Key"].removeprefix(folder + _OPEN) for page in pages for item in page.get("Contents", ())]
    return [Call(bucket, folder, name.rpartition(".")[0], name) for name in names]
