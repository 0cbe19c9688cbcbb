"""What of its source connector a job reads: `source` in a job's file, told apart by its keys.

Files are in `file_source.py`, connectors in `source_connectors.py`; which key belongs to which connector is checked by
`references.py`. Words are dlt's where dlt has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.file_source import FileSource
from buildkit_dagster.config.source_connectors import DltFunction, GcsFiles, Paginator, RestApi, S3Files, SqlDatabase
from buildkit_dagster.config.values import Model, Scalar, Text


class Incremental(Model):
    """What is new is told by a cursor: a column, or in JSON a path, whose value only grows.

    `lag` is how far behind the highest value seen a run looks again, in seconds where the cursor is a moment: rows that
    were committed late are met by it. It needs a primary key, by which what was seen is replaced.
    """

    cursor_path: Text
    initial_value: str | int | float | None = None
    lag: Annotated[float, Field(ge=0)] | None = None


class RestIncremental(Incremental):
    """A cursor of a REST API; the request's parameter `start_param` says from where on."""

    start_param: Text | None = None


class Endpoint(Model):
    """An endpoint of a REST API, below its `base_url`; `data_selector` is where in the answer the rows are."""

    tag: ClassVar[str] = "(endpoint)"
    endpoint: Text
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, Scalar] = {}
    json_body: Annotated[Mapping[str, Any] | None, Field(alias="json")] = None
    data_selector: Text | None = None
    paginator: Paginator | None = None
    incremental: RestIncremental | None = None


class Table(Model):
    """A table or view of a database."""

    tag: ClassVar[str] = "(table)"
    table: Text
    namespace: Annotated[Text | None, Field(alias="schema")] = None
    incremental: Incremental | None = None


class Resource(Model):
    """A resource of a dlt source; `arguments` are laid over the connector's."""

    tag: ClassVar[str] = "(resource)"
    resource: Text
    arguments: Mapping[str, Any] = {}
    incremental: Incremental | None = None


def _kind(written: Any) -> str:
    """Which of the models is meant, by the key each must have; in brackets, so that it is no key itself."""
    if isinstance(written, (FileSource, Endpoint, Table, Resource)):
        return written.tag
    keys = written if isinstance(written, Mapping) else ()
    return next((model.tag for model in (Endpoint, Table, Resource) if model.tag[1:-1] in keys), FileSource.tag)


def _one_table(written: Any) -> Any:
    """`objects` and `tables` of other systems name several; which key says it here depends on the connector."""
    if isinstance(written, Mapping) and (other := next((key for key in ("objects", "tables") if key in written), None)):
        raise ValueError(
            f"`{other}` is not known here: a job loads one table, so write a job for each, with the key its connector "
            "takes: `endpoint` (rest_api), `table` (sql), `resource` (dlt) or `path` (s3, gcs); what is new is told by "
            "`incremental: {cursor_path: ...}` beside it"
        )
    return written


JobSource = Annotated[
    Annotated[FileSource, Tag(FileSource.tag)]
    | Annotated[Endpoint, Tag(Endpoint.tag)]
    | Annotated[Table, Tag(Table.tag)]
    | Annotated[Resource, Tag(Resource.tag)],
    Discriminator(_kind),
    BeforeValidator(_one_table),
]

#: What a job may read of each connector.
READS: Mapping[type[Any], type[Any]] = {
    S3Files: FileSource,
    GcsFiles: FileSource,
    RestApi: Endpoint,
    SqlDatabase: Table,
    DltFunction: Resource,
}


def default_source(connector: Any, asset_path: str, asset: TableAsset) -> FileSource | Endpoint | Table | Resource:
    """What a job without `source` reads: files below a prefix called as the asset's file, else the asset's `object`."""
    reads = READS[type(connector)]
    if reads is FileSource:
        return FileSource(path=f"{PurePosixPath(asset_path).stem}/")
    key = next(iter(reads.model_fields))
    return reads(**{key: asset.object})
