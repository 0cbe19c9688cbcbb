"""A dbt project of three models that builds in seconds, and the platform it belongs to; for tests of every runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildkit_dagster.config.models import (
    Bucket,
    DbtProject,
    EnvironmentConfig,
    GithubRepository,
    Image,
    Platform,
    RequiredTags,
    Warehouse,
)

_FILES = {
    "dbt_project.yml": """\
name: shop
profile: shop
flags: {send_anonymous_usage_stats: false}
models: {shop: {+materialized: table}}
""",
    "profiles.yml": """\
shop:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('BUILDKIT_DUCKDB_PATH') }}", schema: shop, threads: 1}
""",
    "models/sources.yml": """\
sources:
  - name: till
    schema: till
    tables:
      - name: sales
        columns: [{name: amount, data_tests: [not_null]}]
""",
    "models/models.yml": """\
models:
  - name: orders
    columns: [{name: id, data_tests: [unique, not_null]}]
  - name: totals
    columns: [{name: total, data_tests: [not_null]}]
""",
    "models/orders.sql": "select id, amount from {{ source('till', 'sales') }}",
    "models/customers.sql": "select distinct id as customer from {{ ref('orders') }}",
    "models/totals.sql": "select sum(amount) as total from {{ ref('orders') }}",
    "tests/totals_are_positive.sql": "select * from {{ ref('totals') }} where total <= 0",
}


def write_shop(folder: Path) -> Path:
    """Write the project into `folder`."""
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def shop_platform(folder: Path, **changes: Any) -> Platform:
    """A platform whose only entry is the project; `changes` are fields of the project's entry."""
    write_shop(folder / "dbt" / "shop")
    project = DbtProject(
        name="shop",
        active=True,
        org="example-org",
        repo="shop",
        path="dbt/shop",
        engine="duckdb",
        commands=("dbt build",),
    ).model_copy(update=changes)
    return Platform(
        name="skyline",
        folder=folder,
        environment="dev",
        config=_environment(),
        dbt_projects=(project,),
        ingest_jobs=(),
    )


def _environment() -> EnvironmentConfig:
    tags = dict.fromkeys(("project", "department", "cost_center", "data_sensitivity", "purpose"), "test")
    return EnvironmentConfig(
        cloud="emulator",
        account="123456789012",
        region="us-east-1",
        segment="dev",
        tags=RequiredTags(owner="data@example.com", **tags),
        github=GithubRepository(organization="example-org", repository="skyline", apply_environment="dev"),
        warehouse=Warehouse(type="duckdb", path="warehouse.duckdb"),
        buckets={"raw": Bucket()},
        images={"platform": Image()},
    )
