"""One small platform, written down once: two environments, one tenant, two jobs, one dbt project of three models.

`write_platform` makes the folder, `edited` changes one file of it. Tests that need real data use the demo instead.
"""

from __future__ import annotations

from pathlib import Path

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from tests.dbt_shop import write_shop

FILES = {
    "config/platform.yaml": """\
name: harbour
defaults:
  region: eu-west-1
  tags:
    project: harbour
    owner: platform@example.com
    department: data
    cost_center: DATA-1
    data_sensitivity: internal
    purpose: analytics
  github: {organization: example-org, repository: harbour}
  buckets:
    raw: {notifications: true}
  images:
    platform: {}
environments:
  dev:
    cloud: emulator
    account: "123456789012"
    github: {apply_environment: dev}
    warehouse: {type: duckdb, path: .buildkit/dev/warehouse.duckdb}
    emulator:
      repositories: {example-org/harbour-dbt: dbt_projects/shop}
  prod:
    cloud: aws
    account: "111122223333"
    segment: prd
    tags: {cost_center: DATA-2}
    github: {apply_environment: production}
    warehouse: {type: athena, settings: {schema: harbour}}
    dbt_projects:
      shop: {engine: athena, timeout: 120}
""",
    "config/codebuild-config.yml": """\
codebuild:
  - name: shop
    active: true
    org: example-org
    repo: harbour-dbt
    path: dbt_projects/shop
    engine: duckdb
    commands: [dbt build]
    schedule: cron(0 2 * * ? *)
    timeout: 30
""",
    "config/connectors/raw.yaml": """\
name: raw
type: s3
bucket: raw
tags: {source_system: till, owner: connector@example.com}
""",
    "config/connectors/warehouse.yaml": """\
name: warehouse
type: warehouse
dataset: till
""",
    "config/assets/till/v1.0/sales.yaml": """\
name: till_sales
version: "1.0"
source_type: till
object: sales
team: {owner: sales@example.com}
domain: retail
dataProduct: takings
finops:
  cost_center: SALES-1
  business_tags: [retail, daily]
  project: tills
  environment: production
compliance:
  classification: [PII, SENSITIVE]
  regulations: [GDPR, CCPA]
  retention_days: 365
  security: {encryption_required: true, access_control: role_based}
primary_key: [id]
schema:
  - {name: id, type: bigint, required: true}
  - {name: amount, type: double}
  - {name: sold_at, type: timestamp, required: true}
""",
    "config/assets/till/v1.0/customers.yaml": """\
name: till_customers
version: "1.0"
source_type: till
object: customers
team: {owner: sales}
schema:
  - {name: id, type: bigint, required: true}
""",
    "config/jobs/acme/sales.yaml": """\
tenant_id: acme
source_connector_path: connectors/raw.yaml
target_connector_path: connectors/warehouse.yaml
asset_path: assets/till/v1.0/sales.yaml
source: {path: "sales/{partition}.csv", partition: month}
schedule: rate(12 hours)
infrastructure:
  runtime: {type: aws_ecs_fargate, cpu: 256, memory: 512}
  metadata: {cost_center: SALES-9}
finops:
  cost_center: SALES-2
  business_tags: [nightly]
governance_overrides: {owner: nightly-sales@example.com, retention_days: 730}
""",
    "config/jobs/acme/customers.yaml": """\
tenant_id: acme
source_connector_path: connectors/raw.yaml
target_connector_path: connectors/warehouse.yaml
asset_path: assets/till/v1.0/customers.yaml
""",
}


def write_platform(folder: Path) -> Path:
    """Write the platform into `folder`."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    write_shop(folder / "dbt_projects" / "shop")
    return folder


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """Replace `old`, which must occur exactly once in `file`, by `new`; returns the file."""
    path = folder / file
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new))
    return path


def small_platform(folder: Path, environment: str = "dev") -> Platform:
    """The platform of a new folder."""
    return load_platform(write_platform(folder), environment)
