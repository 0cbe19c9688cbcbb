"""Files and Iceberg tables on S3: really written in the emulator, and read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from buildkit_dagster.config.quality import Volume
from buildkit_dagster.errors import TargetCannot
from buildkit_dagster.runtimes.ingest import Checks
from buildkit_dagster.runtimes.targets import Target
from tests.runtimes.api import running_api
from tests.runtimes.bucket_rows import iceberg_rows, keys_of, parquet_rows
from tests.runtimes.ingest_requests import CREDENTIALS, QUIET, events_of, load

CHECKS = Checks(required=("id",), key=("id",), volume=Volume(min_rows=1))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, aws_env: dict[str, str]) -> None:
    for name, value in {**aws_env, **QUIET, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(boto: Callable[[str], Any]) -> str:
    name = f"curated-{uuid4().hex[:8]}"
    boto("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_files_are_added_and_those_of_a_load_that_was_cut_off_are_taken_back(
    boto: Callable[[str], Any], bucket: str, kind: str
) -> None:
    s3 = boto("s3")
    with running_api(growth=20) as api:
        request = events_of(api.url, Target("files", f"s3://{bucket}/tables", {"format": kind}), checks=CHECKS)
        first = load(request)
        [one] = keys_of(s3, bucket)
        body = s3.get_object(Bucket=bucket, Key=one)["Body"].read()
        # As a load that was killed leaves it: the same rows, called after a package that nothing tells of.
        s3.put_object(Bucket=bucket, Key=one.replace(one.split("/")[-1].split(".")[0], "1700000000"), Body=body)
        second = load(request)
    assert (first.rows, second.rows) == ((20, 20), (40, 20))
    assert all(passed for passed, _, _ in second.checks.values()), second.checks
    if kind == "parquet":
        assert sorted(parquet_rows(s3, bucket)["id"].to_pylist()) == list(range(40))


@pytest.mark.parity("B-46")
def test_an_iceberg_table_is_made_and_rows_of_the_same_key_are_replaced(
    boto: Callable[[str], Any], bucket: str, aws_env: dict[str, str]
) -> None:
    with running_api() as api:
        api.grow(20)
        request = events_of(api.url, Target("iceberg", f"s3://{bucket}/tables"), "id", checks=CHECKS)
        assert load(request).rows == (20, 20)
        api.updates = True
        api.grow(4)
        second = load(request)
        there = {row["id"]: row["version"] for row in api.rows}
    assert second.rows == (24, 5)
    found = iceberg_rows(boto("s3"), bucket, aws_env)
    assert dict(zip(found["id"].to_pylist(), found["version"].to_pylist(), strict=True)) == there
    assert [json.loads(note)["of"] for note in found["note"].to_pylist()] == found["id"].to_pylist()


def test_a_bucket_refuses_what_it_cannot_keep_exactly() -> None:
    request = events_of("http://127.0.0.1:1", Target("iceberg", "s3://b/t"))
    with pytest.raises(TargetCannot, match="take back rows of a load that was cut off; declare a `primary_key`"):
        load(request)
    reads = request.source.reads  # type: ignore[union-attr]
    late = replace(
        request.source,
        reads=reads.model_copy(update={"incremental": reads.incremental.model_copy(update={"lag": 60.0})}),
    )  # type: ignore[union-attr]
    with pytest.raises(TargetCannot, match="rows that `lag` reads again are replaced by their key"):
        load(replace(request, target=Target("files", "s3://b/t", {"format": "csv"}), source=late))
