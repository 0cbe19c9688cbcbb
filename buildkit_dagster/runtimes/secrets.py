"""Which secrets an ingest job needs, and the variables dlt looks for them in; names of secrets only, never values.

Stacks hand them to tasks and services (`stacks/`), and where a vendor cannot, the entrypoint fetches them
(`entrypoints/secrets.py`).
"""

from __future__ import annotations

from typing import Any

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.source_connectors import DltFunction, RestApi, SqlDatabase
from buildkit_dagster.config.target_connectors import WarehouseTarget

#: The keys of connectors that name a secret.
SECRET_KEYS = ("password", "private_key", "token", "api_key", "client_secret")


def secrets_of(platform: Platform, job: IngestJob) -> dict[str, str]:
    """Variable -> name of a secret, for a job's source and its target."""
    return {**_of_source(job.source), **_of_target(platform, job.target)}


def _of_source(connector: Any) -> dict[str, str]:
    if isinstance(connector, RestApi):
        return _named("SOURCES__REST_API", connector.auth)
    if isinstance(connector, SqlDatabase):
        return _named("SOURCES__SQL_DATABASE__CREDENTIALS", connector)
    if isinstance(connector, DltFunction):
        return {f"SOURCES__{name}".upper(): secret for name, secret in connector.secrets.items()}
    return {}


def _of_target(platform: Platform, connector: Any) -> dict[str, str]:
    if isinstance(connector, WarehouseTarget):
        warehouse = platform.config.warehouse
        prefix = f"DESTINATION__{warehouse.type}__CREDENTIALS".upper()
        return {f"{prefix}__{name}".upper(): secret for name, secret in warehouse.secrets.items()}
    return _named(f"DESTINATION__{connector.type}__CREDENTIALS".upper(), connector)


def _named(prefix: str, holder: Any) -> dict[str, str]:
    """The secrets among the keys of a connector."""
    found = {key: getattr(holder, key, None) for key in SECRET_KEYS}
    return {f"{prefix}__{key}".upper(): secret for key, secret in found.items() if secret}
