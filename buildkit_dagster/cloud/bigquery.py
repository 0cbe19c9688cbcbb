"""Queries of BigQuery with named parameters; clients are made in `gcp.py`, what is asked belongs to the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from google.cloud import bigquery

from buildkit_dagster.cloud.google_failures import told_as_ours


@dataclass(frozen=True)
class Queries:
    """What a client of BigQuery answers. Importing this module imports pandas: do it when a query is asked."""

    client: bigquery.Client

    def rows(self, action: str, query: str, parameters: Mapping[str, str | date | None]) -> list[Mapping[str, Any]]:
        """All rows; `action` says what was asked for, in GoogleRefused and GoogleUnavailable. None is a null string."""
        given = [
            bigquery.ScalarQueryParameter(name, "DATE" if isinstance(value, date) else "STRING", value)
            for name, value in parameters.items()
        ]
        with told_as_ours(action):
            found = self.client.query_and_wait(query, job_config=bigquery.QueryJobConfig(query_parameters=given))
            return [dict(row.items()) for row in found]
