"""The manifest of a dbt project: made by dbt when something changed, read otherwise, with dbt's words on failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.errors import DbtPackagesNotInstalled, DbtParseFailed, ManifestMissing
from buildkit_dagster.runtimes.dbt import prepare_manifest, profile_secrets, profile_variables, read_manifest
from tests.dbt_shop import shop_platform

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:snowflake-AbCdEf"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return shop_platform(tmp_path)


@pytest.fixture
def project(platform: Platform) -> DbtProject:
    return platform.dbt_projects[0]


def prepare(platform: Platform, project: DbtProject) -> Path:
    return prepare_manifest(platform, project, dict(os.environ))


def test_the_manifest_is_made_once_and_again_when_a_model_changes(platform: Platform, project: DbtProject):
    with pytest.raises(ManifestMissing, match="buildkit prepare"):
        read_manifest(platform, project)

    made = prepare(platform, project).stat().st_mtime_ns
    assert prepare(platform, project).stat().st_mtime_ns == made
    assert "model.shop.orders" in read_manifest(platform, project)["nodes"]

    (platform.folder / "dbt" / "shop" / "models" / "late.sql").write_text("select 1 as x")
    prepare(platform, project)
    assert "model.shop.late" in read_manifest(platform, project)["nodes"]


def test_a_project_dbt_cannot_read_fails_with_what_dbt_said(platform: Platform, project: DbtProject):
    (platform.folder / "dbt" / "shop" / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(DbtParseFailed, match="depends on a node named 'nowhere'"):
        prepare(platform, project)


def test_packages_without_a_hub_are_a_clear_error(platform: Platform, project: DbtProject):
    folder = platform.folder / "dbt" / "shop"
    (folder / "packages.yml").write_text("packages: [{local: ../not-there}]\n")
    with pytest.raises(DbtPackagesNotInstalled, match=r"packages\.yml.*dbt_packages/"):
        prepare(platform, project)


def test_a_project_of_another_repository_needs_a_manifest_from_there(platform: Platform, project: DbtProject):
    remote = project.model_copy(update={"path": None})
    with pytest.raises(ManifestMissing):
        prepare(platform, remote)


def test_the_profile_reads_settings_as_variables_and_secrets_as_references(platform: Platform, project: DbtProject):
    warehouse = platform.config.warehouse.model_copy(
        update={"type": "snowflake", "path": None, "settings": {"account": "ab1"}, "secrets": {"private_key": SECRET}}
    )
    config = platform.config.model_copy(update={"warehouse": warehouse})
    elsewhere = platform.model_copy(update={"config": config})
    snowflake = project.model_copy(update={"engine": "snowflake"})

    assert profile_variables(elsewhere, snowflake) == {
        "BUILDKIT_DBT_TARGET": "snowflake",
        "BUILDKIT_SNOWFLAKE_ACCOUNT": "ab1",
    }
    assert profile_secrets(elsewhere, snowflake) == {"DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": SECRET}
    assert profile_variables(elsewhere, project) == {"BUILDKIT_DBT_TARGET": "duckdb"}
    assert profile_variables(platform, project)["BUILDKIT_DUCKDB_PATH"] == str(platform.folder / "warehouse.duckdb")
