"""Where jobs read from and write to: config/connectors; `type` chooses the model.

The models of sources are in `source_connectors.py`, those of targets in `target_connectors.py`. What of a source one
job reads is in `job_sources.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field

from buildkit_dagster.config.source_connectors import DltFunction, GcsFiles, RestApi, S3Files, SqlDatabase
from buildkit_dagster.config.target_connectors import (
    AthenaTarget,
    BigqueryTarget,
    DuckdbTarget,
    FilesTarget,
    IcebergTarget,
    PostgresTarget,
    RedshiftTarget,
    SnowflakeTarget,
    WarehouseTarget,
)

SourceConnector = Annotated[S3Files | GcsFiles | RestApi | SqlDatabase | DltFunction, Field(discriminator="type")]

TargetConnector = Annotated[
    WarehouseTarget
    | DuckdbTarget
    | PostgresTarget
    | FilesTarget
    | IcebergTarget
    | AthenaTarget
    | RedshiftTarget
    | SnowflakeTarget
    | BigqueryTarget,
    Field(discriminator="type"),
]

#: The models of all connectors; a source and a target differ in `type` too.
SOURCES: tuple[type[Any], ...] = get_args(get_args(SourceConnector)[0])
TARGETS: tuple[type[Any], ...] = get_args(get_args(TargetConnector)[0])

#: The model of each `type` a connector may have.
CONNECTORS: Mapping[str, type[Any]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in (*SOURCES, *TARGETS)
}


#: What is a type of connector elsewhere, and how the same is written here.
_ELSEWHERE: Mapping[str, str] = {
    "hubspot": "`type: rest_api` with `base_url: https://api.hubapi.com/crm/v3/objects` and `auth`",
    "stripe": "`type: rest_api` with `base_url: https://api.stripe.com/v1` and `auth`",
    "mysql": "`type: sql` with `drivername: mysql+pymysql`",
    "google_sheets": "`type: dlt` with the `function` of a dlt source",
    "csv": "`type: s3` or `type: gcs`, with `format: csv`",
    "parquet": "`type: s3` or `type: gcs`, with `format: parquet`",
}


def _known(written: Any) -> Any:
    if isinstance(written, str) and written in _ELSEWHERE:
        raise ValueError(f"{written!r} is no type of connector here; write {_ELSEWHERE[written]}")
    return written


class AnyConnector(BaseModel):
    """Says what `type` may be of a connector that has none of them; nothing else of it is looked at."""

    type: Annotated[Literal[tuple(CONNECTORS)], BeforeValidator(_known)]  # type: ignore[valid-type]
