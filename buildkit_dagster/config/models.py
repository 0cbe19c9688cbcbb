"""The platform's configuration as frozen, strict models.

Shapes and the rules of single values live here. Reading files and joining jobs with their assets is in `load.py`,
error positions are in `yaml.py`, names in `naming.py`, tags in `tags.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from buildkit_dagster.naming import Names

EnvironmentName = Literal["dev", "staging", "prod"]
Cloud = Literal["emulator", "aws"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]


class Model(BaseModel):
    """Base of every configuration model: frozen, no unknown keys, no coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


# --- config/platform.yaml ---------------------------------------------------------------------------------------


class RequiredTags(Model):
    """Tags every resource carries; the environment's entry overrides single keys of the defaults."""

    project: str
    owner: str
    department: str
    cost_center: str
    data_sensitivity: str
    purpose: str


class GithubRepository(Model):
    """The repository whose workflows may assume the plan and apply roles; matched exactly, never by wildcard."""

    organization: str
    repository: str
    plan_branches: tuple[str, ...] = ("main",)
    apply_environment: str


class Warehouse(Model):
    """Where ingest loads and dbt builds; secrets are references to Secrets Manager, never values."""

    type: Literal["duckdb", "athena", "redshift", "snowflake", "bigquery"]
    path: str | None = None
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}


class Bucket(Model):
    """One bucket of the lake; `notifications` sends its object events to a queue the sensor reads."""

    notifications: bool = False
    expire_days: int | None = None


class Image(Model):
    """One container image: a build context in the platform folder (None: the one the package ships)."""

    context: str | None = None
    dockerfile: str = "Dockerfile"


class Network(Model):
    """Where ECS tasks run; without subnets, the account's default VPC is used."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False


class EmulatorSettings(Model):
    """What the emulator of this environment maps to local folders: `organization/repository` to a folder."""

    repositories: Mapping[str, str] = {}


class EnvironmentConfig(Model):
    """One environment of the platform, defaults already applied."""

    cloud: Cloud
    account: AccountId
    region: str
    segment: Slug
    role: str | None = None
    lock_table: bool = False
    tags: RequiredTags
    github: GithubRepository
    warehouse: Warehouse
    buckets: Mapping[Slug, Bucket]
    images: Mapping[Slug, Image]
    network: Network = Network()
    emulator: EmulatorSettings = EmulatorSettings()


# --- config/codebuild-config.yml ---------------------------------------------------------------------------------


class VpcConfig(Model):
    vpc_id: str
    subnets: tuple[str, ...]
    security_group_ids: tuple[str, ...]


class DbtProject(Model):
    """One dbt project. `path` is its folder inside the platform folder, None when it is in another repository."""

    name: Identifier
    active: bool = False
    org: str
    repo: str
    branch: str = "main"
    path: str | None = None
    engine: Literal["duckdb", "athena", "redshift", "snowflake", "bigquery", "postgres", "databricks", "glue"]
    runtime: Literal["codebuild", "local"] = "codebuild"
    commands: tuple[str, ...]
    image: Slug = "platform"
    s3_artifacts_bucket: str | None = None
    schedule: str | None = None
    timezone: str = "UTC"
    timeout: Annotated[int, Field(ge=5, le=2160)] = 60
    compute_type: str = "BUILD_GENERAL1_SMALL"
    environment_variables: Mapping[str, str] = {}
    secrets_manager_variables: Mapping[str, str] = {}
    vpc_config: VpcConfig | None = None


# --- config/jobs, config/assets, config/connectors -----------------------------------------------------------------


class FinOps(Model):
    cost_center: str | None = None
    business_tags: tuple[str, ...] = ()
    project: str | None = None
    environment: str | None = None


class Security(Model):
    encryption_required: bool | None = None
    access_control: Literal["role_based", "attribute_based", "none"] | None = None


class Compliance(Model):
    classification: tuple[str, ...] = ()
    regulations: tuple[str, ...] = ()
    retention_days: Annotated[int, Field(ge=1)] | None = None
    security: Security = Security()


class Team(Model):
    owner: str
    roles: tuple[str, ...] = ()


class Column(Model):
    """One column of a table; `type` is dlt's name of the type."""

    name: Identifier
    type: Literal["text", "bigint", "double", "bool", "timestamp", "date", "time", "decimal", "json"]
    required: bool = False
    description: str | None = None
    classification: str | None = None


class TableAsset(Model):
    """config/assets: what a table is, who owns it, and its columns. `source_type` and `object` name the dbt source."""

    name: str
    version: str
    source_type: Identifier
    object: Identifier
    description: str | None = None
    team: Team
    domain: str | None = None
    data_product: Annotated[str | None, Field(alias="dataProduct")] = None
    finops: FinOps = FinOps()
    compliance: Compliance = Compliance()
    columns: Annotated[tuple[Column, ...], Field(alias="schema")]
    primary_key: tuple[Identifier, ...] = ()


class SourceConnector(Model):
    """config/connectors: CSV files in a bucket of the lake."""

    name: str
    type: Literal["s3_csv"]
    bucket: Slug
    null_values: tuple[str, ...] = ("", "NA")
    tags: Mapping[str, str] = {}


class TargetConnector(Model):
    """config/connectors: the environment's warehouse; dlt writes to `dataset`."""

    name: str
    type: Literal["warehouse"]
    dataset: Identifier
    tags: Mapping[str, str] = {}


class FileSource(Model):
    """Which objects of the source bucket are this table's: a key prefix, or a pattern with `{partition}`."""

    path: str
    partition: Literal["month"] | None = None


class Runtime(Model):
    """Where the job runs; cpu and memory (MB) are one of Fargate's pairs, timeout in seconds."""

    type: Literal["aws_ecs_fargate", "local"] = "aws_ecs_fargate"
    cpu: int = 1024
    memory: int = 2048
    image: Slug = "platform"
    timeout: Annotated[int, Field(ge=30, le=86400)] = 3600
    region: str | None = None


class InfrastructureMetadata(Model):
    terraform_workspace: str | None = None
    cost_center: str | None = None
    environment: str | None = None


class Infrastructure(Model):
    runtime: Runtime = Runtime()
    metadata: InfrastructureMetadata = InfrastructureMetadata()


class GovernanceOverrides(Model):
    owner: str | None = None
    retention_days: Annotated[int, Field(ge=1)] | None = None


class JobFile(Model):
    """config/jobs/<tenant>/<job>.yaml as written."""

    tenant_id: Slug
    environment: str | None = None
    source_connector_path: str
    target_connector_path: str
    asset_path: str
    source: FileSource
    schedule: str | None = None
    timezone: str = "UTC"
    infrastructure: Infrastructure = Infrastructure()
    finops: FinOps = FinOps()
    governance_overrides: GovernanceOverrides = GovernanceOverrides()


class IngestJob(Model):
    """A job joined with its asset and connectors; `name` is the file's stem."""

    name: Identifier
    tenant: Slug
    job: JobFile
    asset: TableAsset
    source: SourceConnector
    target: TargetConnector


# --- all of it ----------------------------------------------------------------------------------------------------


class Platform(Model):
    """Everything a platform folder describes, for one environment."""

    name: Slug
    folder: Path
    environment: EnvironmentName
    config: EnvironmentConfig
    dbt_projects: tuple[DbtProject, ...]
    ingest_jobs: tuple[IngestJob, ...]

    @property
    def names(self) -> Names:
        config = self.config
        return Names(self.name, config.segment, config.account, config.region)

    @property
    def work(self) -> Path:
        """`.buildkit/<env>`: everything that may be deleted."""
        return self.folder / ".buildkit" / self.environment

    @property
    def tenants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(job.tenant for job in self.ingest_jobs))

    def jobs_of(self, tenant: str) -> tuple[IngestJob, ...]:
        return tuple(job for job in self.ingest_jobs if job.tenant == tenant)


JsonObject = Mapping[str, Any]
