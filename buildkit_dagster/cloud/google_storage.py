"""A client of Cloud Storage that needs permissions on objects only; also used inside the container.

Dagster's Pipes asks for a bucket before each object of it, which is a request more and takes a permission that
reading and writing objects does not.
"""

from __future__ import annotations

from typing import Any

from google.cloud import storage


class ObjectClient(storage.Client):
    """Cloud Storage whose buckets are taken at their word."""

    def get_bucket(self, bucket_or_name: Any, *_: Any, **__: Any) -> storage.Bucket:
        return self.bucket(bucket_or_name)
