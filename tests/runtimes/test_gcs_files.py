"""Files in Cloud Storage, by Google's own client against a server on loopback that answers as Google's does."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.errors import ObjectChanged
from buildkit_dagster.runtimes.entrypoints.files import GcsBucket, gcs_client
from buildkit_dagster.runtimes.ingest import ColumnSpec, Files, IngestRequest
from buildkit_dagster.runtimes.loads import StoredObject
from buildkit_dagster.runtimes.object_keys import KeyPattern
from buildkit_dagster.runtimes.targets import Target
from tests.google.server import google
from tests.runtimes.ingest_requests import QUIET, load


@pytest.mark.parity("B-46")
def test_files_of_cloud_storage_are_loaded_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    request = IngestRequest(
        pipeline="till_sales",
        dataset="till",
        table="sales",
        source=Files("gcs", "raw", KeyPattern("sales/"), "jsonl"),
        target=Target("duckdb", str(tmp_path / "warehouse.duckdb")),
        columns=(ColumnSpec("id", "bigint", required=True),),
    )
    with google({}) as stand_in:
        for name, value in stand_in.variables.items():
            monkeypatch.setenv(name, value)
        gcs_client().create_bucket("raw")
        stand_in.storage.put("raw", "sales/a.jsonl", b'{"id": 1}\n{"id": 2}\n')
        stand_in.storage.put("raw", "other/b.jsonl", b"not read")
        first = load(request)
        assert (first.rows, load(request).rows) == ((2, 2), (2, 0))
        [read] = first.metadata["objects"]["raw_value"]
        stand_in.storage.put("raw", "sales/a.jsonl", b'{"id": 3}\n')
        assert load(request).rows == (1, 1)
        with pytest.raises(ObjectChanged, match=r"gs://raw/sales/a\.jsonl changed while it was read"):
            GcsBucket(gcs_client(), "raw").download(StoredObject("sales/a.jsonl", read["etag"], 0))
        assert stand_in.problems == []
