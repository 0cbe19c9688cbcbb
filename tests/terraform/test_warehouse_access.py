"""What each engine may do in AWS: enough for every call its adapter makes, on what is configured, and no more.

The calls were read from the sources of dbt-athena 1.11.1 (`impl.py`, `connections.py`, `session.py`), pyathena 3.34.0,
redshift-connector 2.1.17 (`iam_helper.py`), dbt-glue 1.12.4 (`gluedbapi/`, `impl.py`, `util.py`), and for what Athena
does in the caller's name, from its user guide ("Access to databases and tables", "Access to S3 locations").
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.data import data_path
from buildkit_dagster.process import run
from buildkit_dagster.stacks.permissions import workload_boundary
from buildkit_dagster.stacks.warehouse import warehouse_of_ingest, warehouse_of_project
from buildkit_dagster.terraform.command import child_environment
from buildkit_dagster.terraform.providers import find_sources, write_cli_configuration
from tests.policies import allows
from tests.scenario import edited, write_platform

ACCOUNT, REGION = "111122223333", "eu-west-1"
ENGINES = ("athena", "bigquery", "databricks", "duckdb", "glue", "postgres", "redshift", "snowflake")

PROJECTS = """\
codebuild:
  - &shop
    name: shop
    active: true
    org: example-org
    repo: harbour-dbt
    path: dbt_projects/shop
    engine: athena
    commands: [dbt build]
    access: {spark_work_group: spark, read_locations: ["s3://partners/feeds/"]}
  - {<<: *shop, name: redshift, engine: redshift, access: {cluster: one, database: marts, user: dbt}}
  - name: serverless
    <<: *shop
    engine: redshift
    access: {serverless_workgroup_arn: "arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/0b7c"}
  - name: glue
    <<: *shop
    engine: glue
    access:
      databases: [marts]
      locations: ["s3://glue-tables/marts/"]
      session_role_arn: "arn:aws:iam::111122223333:role/glue-session"
  - {<<: *shop, name: duckdb, engine: duckdb, access: {locations: ["s3://files/lake/"]}}
  - {<<: *shop, name: snowflake, engine: snowflake, access: {}}
  - {<<: *shop, name: bigquery, engine: bigquery, access: {}}
  - {<<: *shop, name: postgres, engine: postgres, access: {}}
  - {<<: *shop, name: databricks, engine: databricks, access: {}}
  - {<<: *shop, name: broad, iam: broad, access: {}}
  - {<<: *shop, name: custom, iam: custom}
"""
ATHENA = (
    "warehouse: {type: athena, settings: {schema: harbour, work_group: harbour, "
    "s3_data_dir: 's3://harbour-data/tables/', s3_staging_dir: 's3://harbour-data/results/'}}"
)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def glue_calls(database: str, table: str = "orders") -> list[tuple[str, str, Mapping[str, str]]]:
    """The catalog, in Athena's name and by boto3."""
    on_table = (
        *("GetTable", "GetTables", "GetTableVersions", "GetPartitions", "GetPartition", "BatchGetPartition"),
        *("CreateTable", "UpdateTable", "DeleteTable", "BatchDeleteTable", "DeleteTableVersion"),
        *("BatchCreatePartition", "CreatePartition", "BatchDeletePartition", "DeletePartition", "UpdatePartition"),
    )
    on_database = ("GetDatabase", "CreateDatabase", "DeleteDatabase")
    return [
        ("glue:GetDatabases", arn("glue", "catalog"), {}),
        ("glue:GetDatabase", arn("glue", "database/default"), {}),
        *((f"glue:{action}", arn("glue", f"database/{database}"), {}) for action in (*on_database, *on_table)),
        *((f"glue:{action}", arn("glue", f"table/{database}/{table}"), {}) for action in on_table),
        *((f"glue:{action}", arn("glue", "catalog"), {}) for action in (*on_database, *on_table)),
    ]


def s3_calls(bucket: str, prefix: str) -> list[tuple[str, str, Mapping[str, str]]]:
    """Reading, writing and deleting data below a prefix; `upload_file` may be a multipart upload."""
    objects = ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts")
    return [
        *((f"s3:{action}", f"arn:aws:s3:::{bucket}/{prefix}orders/1.parquet", {}) for action in objects),
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3_prefix": f"{prefix}orders/"}),
        ("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}", {}),
        ("s3:ListBucketMultipartUploads", f"arn:aws:s3:::{bucket}", {}),
    ]


ATHENA_CALLS = (
    *("StartQueryExecution", "StopQueryExecution", "GetQueryExecution", "GetQueryResults", "GetQueryResultsStream"),
    "GetWorkGroup",
)
SPARK_CALLS = (
    *("StartSession", "GetSession", "GetSessionStatus", "TerminateSession", "StartCalculationExecution"),
    *("GetCalculationExecution", "GetCalculationExecutionStatus", "StopCalculationExecution"),
)
CALLS: Mapping[str, list[tuple[str, str, Mapping[str, str]]]] = {
    "shop": [
        *((f"athena:{action}", arn("athena", "workgroup/harbour"), {}) for action in ATHENA_CALLS),
        *((f"athena:{action}", arn("athena", "workgroup/spark"), {}) for action in SPARK_CALLS),
        *(
            (f"athena:{action}", arn("athena", "datacatalog/AwsDataCatalog"), {})
            for action in ("GetDataCatalog", "GetTableMetadata", "ListTableMetadata", "ListDatabases", "GetDatabase")
        ),
        *glue_calls("harbour"),
        *glue_calls("harbour_staging"),
        *glue_calls("till"),
        *s3_calls("harbour-data", "tables/"),
        *s3_calls("harbour-data", "results/"),
        ("s3:GetObject", "arn:aws:s3:::partners/feeds/1.csv", {}),
    ],
    "redshift": [
        ("redshift:DescribeClusters", arn("redshift", "cluster:one"), {}),
        ("redshift:GetClusterCredentials", arn("redshift", "dbname:one/marts"), {}),
        ("redshift:GetClusterCredentials", arn("redshift", "dbuser:one/dbt"), {}),
        ("redshift:GetClusterCredentialsWithIAM", arn("redshift", "dbname:one/marts"), {}),
    ],
    "serverless": [
        ("redshift-serverless:GetCredentials", arn("redshift-serverless", "workgroup/0b7c"), {}),
        ("redshift-serverless:GetWorkgroup", arn("redshift-serverless", "workgroup/0b7c"), {}),
    ],
    "glue": [
        *(
            (f"glue:{action}", arn("glue", "session/dbt-1"), {})
            for action in (
                *("CreateSession", "GetSession", "RunStatement", "GetStatement", "ListStatements", "CancelStatement"),
                *("StopSession", "DeleteSession"),
            )
        ),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/glue-session", {"iam_PassedToService": "glue.amazonaws.com"}),
        *glue_calls("marts"),
        *s3_calls("glue-tables", "marts/"),
    ],
    "duckdb": s3_calls("files", "lake/"),
    "broad": [
        *((f"athena:{action}", arn("athena", "workgroup/any"), {}) for action in ATHENA_CALLS),
        *glue_calls("any"),
        *(
            (action, resource, {**context, "aws_ResourceAccount": ACCOUNT})
            for action, resource, context in s3_calls("any-bucket", "any/")
        ),
    ],
    "ingest": [
        *((f"athena:{action}", arn("athena", "workgroup/harbour"), {}) for action in ATHENA_CALLS),
        *glue_calls("till"),
        *glue_calls("till_staging"),
        *s3_calls("harbour-data", "tables/till/"),
        *s3_calls("harbour-data", "tables/till_staging/"),
        *s3_calls("harbour-data", "results/"),
    ],
}
#: What no build may do, whatever its engine.
NEVER: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {}),
    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/mine", {}),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {"iam_PassedToService": "glue.amazonaws.com"}),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/glue-session", {"iam_PassedToService": "ec2.amazonaws.com"}),
    ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:other-a1b2c3"), {}),
    ("s3:GetObject", "arn:aws:s3:::elsewhere/1.csv", {"aws_ResourceAccount": "999999999999"}),
    ("s3:PutBucketPolicy", "arn:aws:s3:::harbour-data", {"aws_ResourceAccount": ACCOUNT}),
    ("athena:DeleteWorkGroup", arn("athena", "workgroup/harbour"), {}),
    ("athena:StartQueryExecution", "arn:aws:athena:eu-west-1:999999999999:workgroup/harbour", {}),
    ("glue:StartJobRun", arn("glue", "job/any"), {}),
    ("glue:PutResourcePolicy", arn("glue", "catalog"), {}),
    ("redshift:DeleteCluster", arn("redshift", "cluster:one"), {}),
    ("ec2:RunInstances", "*", {}),
)
#: What a minimal policy leaves to others.
OTHERS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("athena:StartQueryExecution", arn("athena", "workgroup/primary"), {}),
    ("athena:StartSession", arn("athena", "workgroup/harbour"), {}),
    ("glue:GetTable", arn("glue", "table/finance/salaries"), {}),
    ("glue:DeleteTable", arn("glue", "table/harbourmaster/ships"), {}),
    ("s3:GetObject", "arn:aws:s3:::harbour-data/other/1.parquet", {"aws_ResourceAccount": ACCOUNT}),
    ("s3:ListBucket", "arn:aws:s3:::harbour-data", {"s3_prefix": "other/", "aws_ResourceAccount": ACCOUNT}),
    ("s3:PutObject", "arn:aws:s3:::partners/feeds/1.csv", {"aws_ResourceAccount": ACCOUNT}),
    ("s3:GetObject", "arn:aws:s3:::other-bucket/1.parquet", {"aws_ResourceAccount": ACCOUNT}),
    ("redshift:GetClusterCredentials", arn("redshift", "dbuser:one/admin"), {}),
    ("redshift:GetClusterCredentials", arn("redshift", "dbname:two/marts"), {}),
    ("redshift-serverless:GetCredentials", arn("redshift-serverless", "workgroup/ffff"), {}),
)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = write_platform(tmp_path_factory.mktemp("platform"))
    (folder / "config" / "codebuild-config.yml").write_text(PROJECTS)
    edited(folder, "config/platform.yaml", "warehouse: {type: athena, settings: {schema: harbour}}", ATHENA)
    edited(folder, "config/platform.yaml", "    dbt_projects:\n      shop: {engine: athena, timeout: 120}\n", "")
    return load_platform(folder, "prod")


@pytest.fixture(scope="module")
def policies(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Terraform makes of the module for each project, and for an ingest job, as policy documents."""
    warehouses = {project.name: warehouse_of_project(platform, project) for project in platform.dbt_projects}
    [sales] = [job for job in platform.ingest_jobs if job.name == "sales"]
    warehouses["ingest"] = warehouse_of_ingest(platform, sales) or {}
    outputs = applied(tmp_path_factory.mktemp("policies"), warehouses)
    return {name: json.dumps({"Version": "2012-10-17", "Statement": made["value"]}) for name, made in outputs.items()}


def applied(folder: Path, warehouses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The statements of each, by Terraform itself."""
    shutil.copytree(data_path("modules") / "warehouse_access", folder / "warehouse_access")
    scope = {"partition": "aws", "region": REGION, "account_id": ACCOUNT}
    calls = {name: {"source": "./warehouse_access", **scope, "warehouse": one} for name, one in warehouses.items()}
    outputs = {name: {"value": f"${{module.{name}.statements}}"} for name in warehouses}
    (folder / "main.tf.json").write_text(json.dumps({"module": calls, "output": outputs}))
    variables = {"PATH": read_environment().variables["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
    sources = find_sources(variables, read_environment().provider_mirror)
    configuration = write_cli_configuration(folder / "cli.tfrc.json", sources.mirror)
    env = child_environment(variables, folder / "data", configuration, "default")
    for command in (("init", "-input=false"), ("apply", "-input=false", "-auto-approve")):
        done = run([str(sources.binary), *command, "-no-color"], cwd=folder, env=env, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    shown = run([str(sources.binary), "output", "-json"], cwd=folder, env=env, timeout=300)
    read: dict[str, Any] = json.loads(shown.stdout)
    return read


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parity("A-9", "A-13", "A-136", "A-158", "A-176", "A!23")
def test_an_engine_may_make_every_call_it_makes(policies: Mapping[str, str], name: str) -> None:
    refused = [call for call in CALLS[name] if not allows(policies[name], call[0], call[1], **call[2])]
    assert refused == []


def test_the_workload_boundary_leaves_every_call_an_engine_makes() -> None:
    boundary = workload_boundary([f"arn:aws:iam::{ACCOUNT}:role/glue-session"])
    calls = [call for made in CALLS.values() for call in made]
    assert [call for call in calls if not allows(boundary, call[0], call[1], **call[2])] == []
    assert not allows(boundary, "iam:PassRole", NEVER[2][1], **NEVER[2][2])
    assert not allows(workload_boundary(), "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/glue-session")


@pytest.mark.parity("A!16", "A-175")
def test_no_engine_may_do_what_no_build_needs(policies: Mapping[str, str]) -> None:
    for name, policy in policies.items():
        allowed = [call for call in NEVER if allows(policy, call[0], call[1], **call[2])]
        assert allowed == [], name


@pytest.mark.parity("A!16", "A-13", "A-135")
def test_minimal_is_the_default_and_leaves_alone_what_is_not_the_projects(policies: Mapping[str, str]) -> None:
    for name, policy in policies.items():
        allowed = [call[:2] for call in OTHERS if allows(policy, call[0], call[1], **call[2])]
        assert (allowed == []) == (name != "broad"), (name, allowed)


@pytest.mark.parity("A-134", "A-175", "A!3")
def test_custom_and_engines_outside_of_aws_get_no_statement(policies: Mapping[str, str], platform: Platform) -> None:
    empty = {name for name, policy in policies.items() if json.loads(policy)["Statement"] == []}
    assert empty == {"custom", "snowflake", "bigquery", "postgres", "databricks"}
    assert {project.engine for project in platform.dbt_projects} == set(ENGINES)


def test_no_statement_has_a_wildcard_action_and_the_widest_resource_is_of_the_account(
    policies: Mapping[str, str],
) -> None:
    for policy in policies.values():
        for statement in json.loads(policy)["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action]
            assert "*" not in statement["Resource"]
