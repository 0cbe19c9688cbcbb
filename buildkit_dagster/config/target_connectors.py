"""Where jobs write to: the environment's warehouse, or a place of their own.

dlt writes to `dataset`, which is a schema, a database or a folder there. Where rows come from is in
`source_connectors.py`; what dlt is told of a target is `runtimes/targets.py`'s. Secrets are names, never values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from buildkit_dagster.config.values import Host, Identifier, Model, SecretName, Slug, TagKey, Text

_S3_URL = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?]*)?$")]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Prefix = Annotated[str, Field(pattern=r"^[^/].*$")]


def _folder(prefix: str | None, dataset: str) -> str:
    return "/".join(filter(None, ((prefix or "").strip("/"), dataset))) + "/"


class WarehouseTarget(Model):
    """The environment's warehouse."""

    name: Text
    type: Literal["warehouse"]
    dataset: Identifier
    tags: Mapping[TagKey, str] = {}


class DuckdbTarget(Model):
    """A DuckDB file in the platform folder; for jobs with `runtime: local`."""

    name: Text
    type: Literal["duckdb"]
    dataset: Identifier
    path: Text
    tags: Mapping[TagKey, str] = {}


class PostgresTarget(Model):
    """A PostgreSQL server. Modes of TLS: PostgreSQL documentation, "SSL Support", "SSL Mode Descriptions"."""

    name: Text
    type: Literal["postgres"]
    dataset: Identifier
    host: Host
    port: _Port = 5432
    database: Text
    username: Text
    password: SecretName
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "require"
    tags: Mapping[TagKey, str] = {}


class FilesTarget(Model):
    """Files in a bucket of the lake, at `prefix`/`dataset`/<table>/."""

    name: Text
    type: Literal["files"]
    dataset: Identifier
    bucket: Slug
    prefix: _Prefix | None = None
    format: Literal["parquet", "jsonl", "csv"] = "parquet"
    tags: Mapping[TagKey, str] = {}

    @property
    def folder(self) -> str:
        """What all its keys begin with."""
        return _folder(self.prefix, self.dataset)


class IcebergTarget(Model):
    """Iceberg tables in a bucket of the lake, at `prefix`/`dataset`/<table>/; no catalog is written."""

    name: Text
    type: Literal["iceberg"]
    dataset: Identifier
    bucket: Slug
    prefix: _Prefix | None = None
    tags: Mapping[TagKey, str] = {}

    @property
    def folder(self) -> str:
        """What all its keys begin with."""
        return _folder(self.prefix, self.dataset)


class AthenaTarget(Model):
    """Athena over tables at `s3_data_dir`, in its own data catalog."""

    name: Text
    type: Literal["athena"]
    dataset: Identifier
    s3_staging_dir: _S3_URL
    s3_data_dir: _S3_URL
    work_group: Text = "primary"
    database: Text = "awsdatacatalog"
    tags: Mapping[TagKey, str] = {}


class RedshiftTarget(Model):
    """A cluster or workgroup of Redshift; `s3_staging_dir` is where files wait that Redshift copies."""

    name: Text
    type: Literal["redshift"]
    dataset: Identifier
    host: Host
    port: _Port = 5439
    database: Text
    user: Text
    password: SecretName
    tags: Mapping[TagKey, str] = {}


class SnowflakeTarget(Model):
    """A database of Snowflake, by password or by a private key, which is what Snowflake asks of programs."""

    name: Text
    type: Literal["snowflake"]
    dataset: Identifier
    account: Text
    database: Text
    warehouse: Text
    role: Text | None = None
    user: Text
    password: SecretName | None = None
    private_key: SecretName | None = None
    tags: Mapping[TagKey, str] = {}

    @model_validator(mode="after")
    def _one_secret(self) -> SnowflakeTarget:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("give `private_key` or `password`, one of them, with the name of a secret")
        return self


class BigqueryTarget(Model):
    """A project of BigQuery; without a secret with a service account's private key, the runtime's own identity."""

    name: Text
    type: Literal["bigquery"]
    dataset: Identifier
    project: Text
    location: Text = "US"
    client_email: Text | None = None
    private_key: SecretName | None = None
    tags: Mapping[TagKey, str] = {}
