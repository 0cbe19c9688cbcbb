"""Where a load goes, as dlt is told of it: a target connector -> a destination and its settings; pure.

Connectors are in `config/target_connectors.py`, secrets in `secrets.py`, making the destination is the entrypoint's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.target_connectors import DuckdbTarget, FilesTarget, IcebergTarget, WarehouseTarget
from buildkit_dagster.runtimes.secrets import SECRET_KEYS

#: Settings of targets, which are dbt's words, as dlt's variables; what dlt has no use for is not here.
_VARIABLES = {
    "athena": {
        "s3_staging_dir": "DESTINATION__ATHENA__QUERY_RESULT_BUCKET",
        "s3_data_dir": "DESTINATION__FILESYSTEM__BUCKET_URL",
        "work_group": "DESTINATION__ATHENA__ATHENA_WORK_GROUP",
        "database": "DESTINATION__ATHENA__AWS_DATA_CATALOG",
    },
    "postgres": {
        "host": "DESTINATION__POSTGRES__CREDENTIALS__HOST",
        "port": "DESTINATION__POSTGRES__CREDENTIALS__PORT",
        "username": "DESTINATION__POSTGRES__CREDENTIALS__USERNAME",
        "database": "DESTINATION__POSTGRES__CREDENTIALS__DATABASE",
        "query": "DESTINATION__POSTGRES__CREDENTIALS__QUERY",
    },
    "redshift": {
        "host": "DESTINATION__REDSHIFT__CREDENTIALS__HOST",
        "port": "DESTINATION__REDSHIFT__CREDENTIALS__PORT",
        "user": "DESTINATION__REDSHIFT__CREDENTIALS__USERNAME",
        "database": "DESTINATION__REDSHIFT__CREDENTIALS__DATABASE",
    },
    "snowflake": {
        "account": "DESTINATION__SNOWFLAKE__CREDENTIALS__HOST",
        "user": "DESTINATION__SNOWFLAKE__CREDENTIALS__USERNAME",
        "role": "DESTINATION__SNOWFLAKE__CREDENTIALS__ROLE",
        "warehouse": "DESTINATION__SNOWFLAKE__CREDENTIALS__WAREHOUSE",
        "database": "DESTINATION__SNOWFLAKE__CREDENTIALS__DATABASE",
    },
    "bigquery": {
        "project": "DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID",
        "client_email": "DESTINATION__BIGQUERY__CREDENTIALS__CLIENT_EMAIL",
        "location": "DESTINATION__BIGQUERY__LOCATION",
    },
}

#: What of a connector says nothing of where its data go.
_NOT_SETTINGS = {"name", "type", "dataset", "tags", *SECRET_KEYS}


@dataclass(frozen=True)
class Target:
    """Where to load. `path` is a DuckDB file, or the URL of a folder for files and Iceberg tables. `settings` are
    text; credentials come from the process's own environment."""

    type: str
    path: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def target_of(platform: Platform, connector: Any) -> Target:
    """The place a target connector names, in this environment."""
    if isinstance(connector, WarehouseTarget):
        warehouse = platform.config.warehouse
        path = str(platform.warehouse_path.absolute()) if platform.warehouse_path else None
        return Target(warehouse.type, path, dict(warehouse.settings))
    if isinstance(connector, DuckdbTarget):
        return Target("duckdb", str((platform.folder / connector.path).absolute()))
    if isinstance(connector, (FilesTarget, IcebergTarget)):
        url = f"s3://{platform.names.bucket(connector.bucket)}/{connector.prefix or ''}".rstrip("/")
        return Target(connector.type, url, {"format": getattr(connector, "format", "parquet")})
    values = connector.model_dump(exclude=_NOT_SETTINGS, exclude_none=True)
    if connector.type == "postgres":
        values["query"] = f'{{"sslmode": "{values.pop("sslmode")}"}}'
    return Target(connector.type, None, {name: str(value) for name, value in values.items()})


def dlt_variables(target: Target) -> dict[str, str]:
    """A target's settings under the names dlt reads from the environment."""
    known = _VARIABLES.get(target.type, {})
    return {known[name]: value for name, value in target.settings.items() if name in known}
