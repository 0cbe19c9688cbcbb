"""A dbt project of three models that builds in seconds, and the platform it belongs to; for tests of every runtime."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildkit_dagster.config.models import (
    Bucket,
    EnvironmentConfig,
    GithubRepository,
    Image,
    Platform,
    RequiredTags,
    Warehouse,
)
from buildkit_dagster.config.projects import DbtProject

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
    return platform_of("shop", folder, **changes)


def platform_of(folder_name: str, folder: Path, **changes: Any) -> Platform:
    """A platform in `folder` whose only entry is the DuckDB project in `dbt/<folder_name>`, called like it."""
    project = DbtProject(
        name=folder_name,
        active=True,
        org="example-org",
        repo=folder_name,
        path=f"dbt/{folder_name}",
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


def make_build_project(platform: Platform, boto: Callable[[str], Any], **settings: Any) -> str:
    """The platform's first project in CodeBuild, as Terraform would make it, and the bucket its artifacts go to.

    Its source is a zip of the project's folder.
    """
    name = platform.names.codebuild_project(platform.dbt_projects[0].name)
    for bucket in (f"{name}-source", platform.names.bucket("artifacts")):
        boto("s3").create_bucket(Bucket=bucket)
    upload_source(platform, boto)
    boto("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": f"{name}-source/source.zip", "buildspec": "version: 0.2\nphases: {}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "example.com/platform:1",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole="arn:aws:iam::123456789012:role/shop",
        **settings,
    )
    return name


def upload_source(platform: Platform, boto: Callable[[str], Any]) -> None:
    """Let builds find the project's folder as it is now."""
    [project] = platform.dbt_projects
    packed, folder = io.BytesIO(), platform.folder / str(project.path)
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    bucket = f"{platform.names.codebuild_project(project.name)}-source"
    boto("s3").put_object(Bucket=bucket, Key="source.zip", Body=packed.getvalue())


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
