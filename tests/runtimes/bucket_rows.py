"""What lies in a bucket that a load has written, read back without the code that wrote it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pyiceberg.table import StaticTable


def keys_of(s3: Any, bucket: str, dataset: str = "api") -> list[str]:
    """The objects of the table `events`."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"tables/{dataset}/events/")
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def parquet_rows(s3: Any, bucket: str, dataset: str = "api") -> pa.Table:
    """The rows of all files of the table, whichever load they are of."""
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys_of(s3, bucket, dataset)]
    return pa.concat_tables(parquet.read_table(io.BytesIO(body)) for body in bodies)


def iceberg_rows(s3: Any, bucket: str, variables: Mapping[str, str], dataset: str = "api") -> pa.Table:
    """The rows of the table as it was committed last; `variables` say where the emulator is."""
    newest = max(key for key in keys_of(s3, bucket, dataset) if key.endswith(".metadata.json"))
    where = {"s3.endpoint": variables["AWS_ENDPOINT_URL"], "s3.region": variables["AWS_REGION"]}
    return StaticTable.from_metadata(f"s3://{bucket}/{newest}", where).scan().to_arrow()
