"""Two tenants of one environment: what the roles of each may reach, by every policy that Terraform plans for them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dagster import materialize

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import engine_of, infra_assets, terraform_stacks
from buildkit_dagster.emulator.control import start_emulator, stop_emulator
from tests.policies import allows
from tests.scenario import edited, write_platform

TENANTS = ("acme", "globex")
OTHER = {"acme": "globex", "globex": "acme"}
STACKS = {"bootstrap", "registry"}
ACCOUNT, REGION = "123456789012", "eu-west-1"
LAKE = "harbour-dev-raw-123456789012-eu-west-1"
ARTIFACTS = "harbour-dev-artifacts-123456789012-eu-west-1"

#: Athena is the shared warehouse; each tenant has its own datasets, prefixes, and a database with a secret.
ATHENA = (
    "warehouse: {type: athena, settings: {schema: harbour, work_group: harbour, "
    "s3_data_dir: 's3://harbour-data/tables/', s3_staging_dir: 's3://harbour-results/'}}"
)
SOURCE = "name: raw_{0}\ntype: s3\nformat: csv\nbucket: raw\n"
TARGET = "name: {0}\ntype: warehouse\ndataset: {0}_till\n"
DATABASE = """\
name: {0}_database
type: postgres
dataset: till
host: db.example.com
database: {0}
username: loader
password: "{1}"
"""
JOB = """\
tenant_id: {0}
source_connector_path: connectors/raw_{0}.yaml
target_connector_path: connectors/{2}.yaml
asset_path: assets/{0}/{1}.yaml
source: {{path: "{0}/{1}/"}}
schedule: cron(0 2 * * ? *)
scheduler: eventbridge
infrastructure: {{runtime: {{type: {3}}}}}
"""
ASSET = """\
name: {0}_{1}
version: "1.0"
source_type: {0}
object: {1}
team: {{owner: data@example.com}}
schema:
  - {{name: id, type: bigint, required: true}}
"""
JOBS = {"orders": "aws_ecs_fargate", "customers": "aws_lambda", "ledger": "aws_ecs_fargate"}


def secret(tenant: str) -> str:
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{tenant}-database-a1b2c3"


def write_tenants(folder: Path) -> Path:
    """`orders` and `customers` load files into the warehouse, `ledger` into the tenant's own database."""
    write_platform(folder)
    edited(folder, "config/platform.yaml", "raw: {notifications: true}", "raw: {}")
    edited(folder, "config/platform.yaml", "warehouse: {type: duckdb, path: .buildkit/dev/warehouse.duckdb}", ATHENA)
    for job in (folder / "config/jobs/acme").iterdir():
        job.unlink()
    for tenant in TENANTS:
        files = {
            f"connectors/raw_{tenant}.yaml": SOURCE.format(tenant),
            f"connectors/{tenant}.yaml": TARGET.format(tenant),
            f"connectors/{tenant}_database.yaml": DATABASE.format(tenant, secret(tenant)),
        }
        for name, runtime in JOBS.items():
            target = f"{tenant}_database" if name == "ledger" else tenant
            files[f"jobs/{tenant}/{name}.yaml"] = JOB.format(tenant, name, target, runtime)
            files[f"assets/{tenant}/{name}.yaml"] = ASSET.format(tenant, name)
        for name, text in files.items():
            (folder / "config" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "config" / name).write_text(text)
    return folder


@dataclass(frozen=True)
class Roles:
    """Of each tenant: its roles by their names, each with its policy document as it is planned."""

    platform: Platform
    documents: Mapping[str, Mapping[str, str]]

    def who(self, tenant: str, action: str, resource: str, **context: str) -> list[str]:
        """The tenant's roles that may do it."""
        documents = self.documents[tenant]
        return [role for role, document in documents.items() if allows(document, action, resource, **context)]


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    folder = write_tenants(tmp_path_factory.mktemp("platform"))
    platform, process = load_platform(folder, "dev"), replace(read_environment(), endpoint=None)
    emulator = start_emulator(state_dir=platform.work, repositories={}, owner_pid=os.getpid())
    assets = infra_assets(platform, process)
    assert materialize([stack for stack in assets if {key.path[1] for key in stack.keys} <= STACKS]).success
    documents = {}
    for stack in terraform_stacks(platform):
        if stack.name.startswith("ingest-"):
            engine = engine_of(platform, stack, process)
            engine.write()
            engine.init()
            planned = [change for change in engine.plan().resources if change.type == "aws_iam_role_policy"]
            # A document that is known after the apply only could hide anything.
            assert [change.address for change in planned if "policy" in change.unknown] == []
            documents[stack.name.removeprefix("ingest-")] = {
                change.address.split(".")[1] + "/" + str(change.values["name"]): str(change.values["policy"])
                for change in planned
            }
    yield Roles(platform, documents)
    stop_emulator(emulator)


def objects(tenant: str) -> dict[str, str]:
    """What is one tenant's alone, by what it is."""
    return {
        "a raw file": f"arn:aws:s3:::{LAKE}/{tenant}/orders/1.csv",
        "a table": f"arn:aws:s3:::harbour-data/tables/{tenant}_till/orders/1.parquet",
        "a staged table": f"arn:aws:s3:::harbour-data/tables/{tenant}_till_staging/orders/1.parquet",
        "a message": f"arn:aws:s3:::{ARTIFACTS}/pipes/{tenant}/orders/0/1.json",
    }


@pytest.mark.parametrize("tenant", TENANTS)
def test_each_job_has_roles_of_its_own(roles: Roles, tenant: str) -> None:
    assert set(roles.documents) == set(TENANTS)
    assert sorted(roles.documents[tenant]) == [
        *("customers/work", "customers__schedule/start"),
        *("ledger/start", "ledger/work", "ledger__schedule/start"),
        *("orders/start", "orders/work", "orders__schedule/start"),
    ]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_reads_and_writes_its_own_data_and_nobody_elses(roles: Roles, tenant: str) -> None:
    for what, mine in objects(tenant).items():
        assert "orders/work" in roles.who(tenant, "s3:GetObject", mine), what
    for what, theirs in objects(OTHER[tenant]).items():
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert roles.who(tenant, action, theirs) == [], what
    for bucket, prefix in ((LAKE, "%s/orders/"), ("harbour-data", "tables/%s_till/"), (ARTIFACTS, "pipes/%s/orders/")):
        arn = f"arn:aws:s3:::{bucket}"
        assert "orders/work" in roles.who(tenant, "s3:ListBucket", arn, s3_prefix=prefix % tenant)
        assert roles.who(tenant, "s3:ListBucket", arn, s3_prefix=prefix % OTHER[tenant]) == []
        assert roles.who(tenant, "s3:ListBucket", arn, s3_prefix="") == []
    for action in ("glue:GetTable", "glue:GetPartitions", "glue:DeleteTable"):
        table = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/%s_till/orders"
        assert "orders/work" in roles.who(tenant, action, table % tenant)
        assert roles.who(tenant, action, table % OTHER[tenant]) == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_one_job_of_a_tenant_reads_no_message_of_another(roles: Roles, tenant: str) -> None:
    message = f"arn:aws:s3:::{ARTIFACTS}/pipes/{tenant}/%s/0/1.json"
    for job in JOBS:
        assert roles.who(tenant, "s3:GetObject", message % job) == [f"{job}/work"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_secret_is_read_by_the_job_it_is_for_and_by_nobody_else(roles: Roles, tenant: str) -> None:
    assert roles.who(tenant, "secretsmanager:GetSecretValue", secret(tenant)) == ["ledger/start"]
    assert roles.who(tenant, "secretsmanager:GetSecretValue", secret(OTHER[tenant])) == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_no_role_of_a_job_reaches_a_state_its_own_neither(roles: Roles, tenant: str) -> None:
    names = roles.platform.names
    for whose in TENANTS:
        key = names.state_key(f"ingest-{whose}")
        assert names.state_key("ingest-acme") != names.state_key("ingest-globex")
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert roles.who(tenant, action, f"arn:aws:s3:::{names.state_bucket()}/{key}") == []
        assert roles.who(tenant, "s3:ListBucket", f"arn:aws:s3:::{names.state_bucket()}", s3_prefix="stacks/") == []


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parity("B!16")
def test_a_schedule_starts_its_own_job_and_hands_out_its_roles_only(roles: Roles, tenant: str) -> None:
    to_tasks = {"iam_PassedToService": "ecs-tasks.amazonaws.com"}
    cluster = {"ecs_cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/harbour-dev"}
    for whose in TENANTS:
        mine = whose == tenant
        family = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/harbour-dev-{whose}-orders:1"
        role = f"arn:aws:iam::{ACCOUNT}:role/harbour-dev-{whose}-orders"
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:harbour-dev-{whose}-customers"
        assert roles.who(tenant, "ecs:RunTask", family, **cluster) == ["orders__schedule/start"] * mine
        assert roles.who(tenant, "iam:PassRole", role, **to_tasks) == ["orders__schedule/start"] * mine
        assert roles.who(tenant, "lambda:InvokeFunction", function) == ["customers__schedule/start"] * mine
    assert roles.who(tenant, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/harbour-dev-github-apply", **to_tasks) == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_nobody_hands_out_roles_by_a_wildcard(roles: Roles, tenant: str) -> None:
    for document in roles.documents[tenant].values():
        for statement in json.loads(document)["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                assert not [arn for arn in statement["Resource"] if "*" in arn]
