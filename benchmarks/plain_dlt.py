"""What somebody would write with dlt alone to load the flights: `python -m benchmarks.plain_dlt BUCKET FILE`.

The same files from the same bucket, read by Arrow with the same types, into the same table; each month's rows replaced.
It looks at nothing else: not at what is loaded already, not at columns, and it reports to nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dlt
import pyarrow as pa
import yaml
from botocore.config import Config
from pyarrow import csv

ASSET = Path(__file__).parents[1] / "config" / "assets" / "nyc" / "v1.0" / "flights.yaml"
_TYPES = {"bigint": pa.int64(), "text": pa.string(), "timestamp": pa.timestamp("us", tz="UTC")}


def main(bucket: str, file: str) -> None:
    columns = yaml.safe_load(ASSET.read_text())["schema"]
    types = {column["name"]: _TYPES[column["type"]] for column in columns}
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))

    @dlt.resource(
        name="flights",
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        merge_key="_partition",
    )
    def flights() -> Iterator[Any]:
        for item in s3.list_objects_v2(Bucket=bucket, Prefix="flights/")["Contents"]:
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            options = csv.ConvertOptions(column_types=types, null_values=["", "NA"], strings_can_be_null=True)
            table = csv.read_csv(pa.BufferReader(body), convert_options=options)
            month = item["Key"].removeprefix("flights/").removesuffix(".csv")
            yield table.append_column("_partition", pa.array([month] * table.num_rows))

    pipeline = dlt.pipeline("plain", destination=dlt.destinations.duckdb(file), dataset_name="nyc")
    pipeline.run(flights())


if __name__ == "__main__":
    main(*sys.argv[1:])
