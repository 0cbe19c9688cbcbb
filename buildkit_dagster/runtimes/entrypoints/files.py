"""Objects of a bucket in S3 or Cloud Storage: listed, downloaded exactly as listed, and read as tables.

Formats are in `csv_files.py`, `json_rows.py` and `arrow_tables.py`; which objects are loaded is chosen in
`runtimes/loads.py`. Clients come from the environment, endpoint and credentials too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import boto3
import botocore.exceptions
import pyarrow as pa
from botocore.config import Config

from buildkit_dagster.errors import ObjectChanged
from buildkit_dagster.runtimes.entrypoints.arrow_tables import read_parquet
from buildkit_dagster.runtimes.entrypoints.columns import Declared, ReadRows
from buildkit_dagster.runtimes.entrypoints.csv_files import read_csv
from buildkit_dagster.runtimes.entrypoints.json_rows import read_jsonl
from buildkit_dagster.runtimes.entrypoints.reading import Reading
from buildkit_dagster.runtimes.ingest import Files
from buildkit_dagster.runtimes.loads import LoadPlan, StoredObject

log = logging.getLogger("ingest")

_READERS: Mapping[str, Callable[[str, bytes, Declared], ReadRows]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}


class Bucket(Protocol):
    """A bucket by its name; `url` is what people call it."""

    @property
    def url(self) -> str: ...

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose key begins with `prefix`."""

    def download(self, item: StoredObject) -> tuple[bytes, str]:
        """Content and version of exactly the object that was listed; raises `ObjectChanged`."""


@dataclass(frozen=True)
class S3Bucket:
    """A bucket in S3."""

    client: Any
    name: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        for item in (item for page in pages for item in page.get("Contents", ())):
            yield StoredObject(item["Key"], item["ETag"].strip('"'), item["Size"])

    def download(self, item: StoredObject) -> tuple[bytes, str]:
        try:
            response = self.client.get_object(Bucket=self.name, Key=item.key, IfMatch=item.etag)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "NoSuchKey", "412"):
                raise ObjectChanged(self.url, item.key) from None
            raise
        return response["Body"].read(), response.get("VersionId", "")


@dataclass(frozen=True)
class GcsBucket:
    """A bucket in Cloud Storage. What changes with an object's content is its generation."""

    client: Any
    name: str

    @property
    def url(self) -> str:
        return f"gs://{self.name}"

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        for blob in self.client.list_blobs(self.name, prefix=prefix):
            yield StoredObject(blob.name, str(blob.generation), blob.size or 0)

    def download(self, item: StoredObject) -> tuple[bytes, str]:
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self.client.bucket(self.name).blob(item.key)
        try:
            return blob.download_as_bytes(if_generation_match=int(item.etag)), item.etag
        except (PreconditionFailed, NotFound):
            raise ObjectChanged(self.url, item.key) from None


def bucket_of(files: Files, s3: Any) -> Bucket:
    """The bucket a request names; `s3` is the client for one in S3."""
    return S3Bucket(s3, files.bucket) if files.store == "s3" else GcsBucket(gcs_client(), files.bucket)


def present_objects(files: Files, bucket: Bucket) -> list[StoredObject]:
    """The objects of the table."""
    return [item for item in bucket.objects(files.pattern.prefix) if files.pattern.matches(item.key)]


def read_objects(
    files: Files, bucket: Bucket, plan: LoadPlan, declared: Declared, reading: Reading, checkpoint: Callable[[], None]
) -> Iterator[tuple[str | None, pa.Table]]:
    """The rows of each object to load with their partition, file by file; `checkpoint` is asked before each.

    Begins with no rows at all: a table without objects is made from its declaration.
    """
    yield "" if files.pattern.partition else None, declared.schema.empty_table()
    for partition, members in plan.load.items():
        for item in members:
            checkpoint()
            content, version = bucket.download(item)
            rows = _READERS[files.format](item.key, content, declared)
            reading.add(rows)
            reading.bytes += len(content)
            reading.objects.append(
                {"key": item.key, "version": version, "etag": item.etag, "rows": rows.table.num_rows}
            )
            log.info("read %s/%s: %d rows, %d bytes", bucket.url, item.key, rows.table.num_rows, len(content))
            yield partition, rows.table


def s3_client() -> Any:
    """Path-style where an endpoint is set, which is the emulator's way."""
    style: Literal["path", "auto"] = "path" if os.environ.get("AWS_ENDPOINT_URL") else "auto"
    config = Config(s3={"addressing_style": style}, retries={"mode": "standard", "max_attempts": 5})
    return boto3.client("s3", config=config)


def gcs_client() -> Any:
    """Google's own variable `STORAGE_EMULATOR_HOST` names another endpoint, which is asked without credentials."""
    # Google's libraries take a second, which no other load needs.
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return storage.Client(project="emulated", credentials=AnonymousCredentials())
    return storage.Client()
