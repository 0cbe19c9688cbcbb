"""Tables that lie in a bucket as files or as Iceberg: looking at their rows, and taking back those of a load cut off.

No database answers there, so DuckDB reads them in this process. Loading is `warehouse.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from buildkit_dagster.runtimes.ingest import IngestRequest

_FORMATS = {"jsonl": "json"}


def count(pipeline: Any, request: IngestRequest) -> int:
    """Rows in the table; their values are not read."""
    with pipeline.destination_client() as client:
        if request.target.type == "iceberg":
            return int(_iceberg(client, request).scan().count())
        return int(_dataset(client, request).count_rows())


def query(pipeline: Any, request: IngestRequest, statement: str, columns: Sequence[str]) -> list[Any]:
    """What DuckDB answers over these columns of the rows that lie there."""
    with pipeline.destination_client() as client, duckdb.connect() as connection:
        if request.target.type == "iceberg":
            rows = _iceberg(client, request).scan(selected_fields=tuple(columns)).to_arrow()
        else:
            # Not the data set itself: DuckDB and a file system in Python wait for each other.
            rows = _dataset(client, request).to_table(columns=list(columns))
        connection.register("rows", rows)
        return connection.execute(statement.format(table="rows")).fetchall()


def take_back(pipeline: Any, request: IngestRequest) -> None:
    """Delete the files of loads that are not complete. A file is called after its load: `12.34.<id>.jsonl`."""
    with pipeline.destination_client() as client:
        done = _loads(client)
        for file in _files(client, request):
            if ".".join(client.pathlib.basename(file).split(".")[:2]) not in done:
                client.fs_client.rm(file)


def _iceberg(client: Any, request: IngestRequest) -> Any:
    return client.load_open_table("iceberg", request.table)


def _dataset(client: Any, request: IngestRequest) -> Any:
    import pyarrow.dataset as ds  # brings pandas, half a second that no other load needs

    kind = request.target.settings["format"]
    return ds.dataset(_files(client, request), filesystem=client.fs_client, format=_FORMATS.get(kind, kind))


def _files(client: Any, request: IngestRequest) -> list[str]:
    return (
        []
        if not client.fs_client.exists(client.get_table_dir(request.table))
        else client.list_table_files(request.table)
    )


def _loads(client: Any) -> set[str]:
    """The complete loads: dlt writes a file `<schema>__<load>` for each, and before it its state, which counts."""
    found: set[str] = set()
    for table, place in (("_dlt_loads", -1), ("_dlt_pipeline_state", -2)):
        if client.fs_client.exists(client.get_table_dir(table)):
            names = [Path(file).stem.rsplit("__", 2) for file in client.list_table_files(table)]
            found |= {parts[place] for parts in names if len(parts) >= -place}
    return found
