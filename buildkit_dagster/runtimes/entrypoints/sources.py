"""dlt's own sources, as one job reads them: its REST API source, its SQL database source, any other by import path.

Each becomes a resource that yields pages of rows or Arrow tables, with dlt's incremental cursor on it. What becomes of
a page is `rows.py`'s. Secrets are in the environment, under the names dlt looks for.
"""

from __future__ import annotations

import datetime
import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import dlt
from dlt.extract import DltResource, DltSource

from buildkit_dagster.config.job_sources import Endpoint, Incremental, Resource, Table
from buildkit_dagster.config.source_connectors import DltFunction, RestApi, SqlDatabase
from buildkit_dagster.errors import SourceFailed, SourceNotFound
from buildkit_dagster.runtimes.entrypoints.failures import failure_of, first_lines
from buildkit_dagster.runtimes.ingest import ColumnSpec, Rows
from buildkit_dagster.runtimes.secrets import SECRET_KEYS

#: How many rows of a database are one Arrow table.
_CHUNK = 50_000

#: The driver dlt loads with too; SQLAlchemy's own choice for PostgreSQL is another.
_POSTGRES = "postgresql+psycopg2"
#: Where the secrets of a source are.
_REST, _SQL = "SOURCES__REST_API", "SOURCES__SQL_DATABASE__CREDENTIALS"


def resource_of(source: Rows, columns: tuple[ColumnSpec, ...]) -> DltResource:
    """The resource a job reads; raises `SourceNotFound` and `SourceFailed`."""
    made = _MAKERS[type(source.connector)](source.connector, source.reads, {c.name: c.type for c in columns})
    # Another name than the table's: rows are written by what reads this, never by itself.
    return made.with_name("pages")


def _rest_api(connector: RestApi, endpoint: Endpoint, _types: Mapping[str, str]) -> DltResource:
    from dlt.sources.rest_api import rest_api_resources

    paginator = endpoint.paginator or connector.paginator
    asked: dict[str, Any] = {
        "path": endpoint.endpoint,
        "method": endpoint.method,
        "params": dict(endpoint.params),
        "json": endpoint.json_body,
        "data_selector": endpoint.data_selector,
        "paginator": paginator and _paginator(paginator.model_dump()),
        "incremental": endpoint.incremental and _without_none(endpoint.incremental.model_dump()),
    }
    client = {"base_url": connector.base_url, "headers": dict(connector.headers), "auth": _auth(connector)}
    resource: Any = {"name": "pages", "endpoint": _without_none(asked)}
    config: Any = {"client": _without_none(client), "resources": [resource]}
    [found] = rest_api_resources(config)
    return found


def _paginator(values: Mapping[str, Any]) -> dict[str, Any]:
    """dlt's words for it. Where no total is named there is none: dlt would look for one called `total`."""
    named = {"total_path": values["total_path"]} if "total_path" in values else {}
    return {**_without_none(values), **named}


def _auth(connector: RestApi) -> dict[str, Any] | None:
    """dlt's words for it, with the secret from the environment."""
    if connector.auth is None:
        return None
    auth = {
        key: os.environ[f"{_REST}__{key}".upper()] if key in SECRET_KEYS else value
        for key, value in connector.auth.model_dump().items()
    }
    if "key_name" in auth:
        auth["name"] = auth.pop("key_name")
    return auth


def _sql_database(connector: SqlDatabase, table: Table, types: Mapping[str, str]) -> DltResource:
    from dlt.sources.credentials import ConnectionStringCredentials
    from dlt.sources.sql_database import sql_table
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    values = connector.model_dump(include={"drivername", "host", "port", "database", "username", "query"})
    values["drivername"] = _POSTGRES if connector.drivername == "postgresql" else connector.drivername
    credentials = ConnectionStringCredentials({**_without_none(values), "password": os.environ[f"{_SQL}__PASSWORD"]})
    try:
        found: DltResource = sql_table(
            credentials=credentials,
            table=table.table,
            schema=table.namespace,
            backend="pyarrow",
            chunk_size=_CHUNK,
            incremental=_cursor(table.incremental, types) if table.incremental else None,
        )
    except NoSuchTableError:
        raise SourceFailed(table.table, connector.name, "there is no such table or view") from None
    except SQLAlchemyError as error:
        raise failure_of(error)(table.table, connector.name, first_lines(error)) from error
    except ModuleNotFoundError as error:
        raise SourceFailed(table.table, connector.name, f"the image lacks its driver: {error}") from error
    return found


def _dlt_function(connector: DltFunction, reads: Resource, types: Mapping[str, str]) -> DltResource:
    module, _, name = connector.function.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SourceNotFound(connector.function, str(error)) from error
    made = function(**{**connector.arguments, **reads.arguments}) if callable(function) else function
    if isinstance(made, DltSource):
        if reads.resource not in made.resources:
            raise SourceNotFound(connector.function, f"it has no resource {reads.resource!r}", list(made.resources))
        made = made.resources[reads.resource]
    if not isinstance(made, DltResource):
        raise SourceNotFound(connector.function, f"it gives {type(made).__name__}, not a source or resource of dlt")
    if reads.incremental:
        made.apply_hints(incremental=_cursor(reads.incremental, types))
    return made


def _cursor(incremental: Incremental, types: Mapping[str, str]) -> Any:
    """dlt's cursor; a first value of a column of moments or days is one."""
    first = incremental.initial_value
    if isinstance(first, str) and types.get(incremental.cursor_path) == "timestamp":
        first = datetime.datetime.fromisoformat(first)  # type: ignore[assignment]
    elif isinstance(first, str) and types.get(incremental.cursor_path) == "date":
        first = datetime.date.fromisoformat(first)  # type: ignore[assignment]
    return dlt.sources.incremental(incremental.cursor_path, initial_value=first, lag=incremental.lag)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


_MAKERS: Mapping[type, Callable[..., DltResource]] = {
    RestApi: _rest_api,
    SqlDatabase: _sql_database,
    DltFunction: _dlt_function,
}
