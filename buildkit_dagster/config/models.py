"""The platform's configuration as frozen, strict models.

Shapes and the rules of single entries live here; single values are in `values.py`, Fargate's sizes in `fargate.py`,
whom to tell about a build in `notifications.py`. Reading files and joining jobs with their assets is in `draft.py` and
`load.py`, names are in `naming.py`, tags in `tags.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from buildkit_dagster.config.fargate import FARGATE_MEMORY, is_fargate_cpu, sizes_text
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.config.notifications import (
    Elementary,
    IncidentManager,
    SlackNotification,
    SnsNotification,
    WebhookNotification,
    switchable,
)
from buildkit_dagster.config.values import (
    AccountId,
    Cloud,
    DriftMode,
    EntryName,
    EnvironmentName,
    GithubName,
    Identifier,
    Model,
    PrincipalArn,
    Region,
    Schedule,
    SecretArn,
    Slug,
    TagKey,
    Text,
    Timezone,
    VariableName,
    WrittenEnvironment,
    known_environments,
)
from buildkit_dagster.naming import Names

#: The image jobs run in unless they name another.
PACKAGE_IMAGE = "platform"

# --- config/platform.yaml ---------------------------------------------------------------------------------------


class RequiredTags(Model):
    """Tags every resource carries; the environment's entry overrides single keys of the defaults."""

    project: Text
    owner: Text
    department: Text
    cost_center: Text
    data_sensitivity: Text
    purpose: Text


class GithubRepository(Model):
    """The repository whose workflows may assume the plan and apply roles; matched exactly, never by wildcard."""

    organization: GithubName
    repository: GithubName
    plan_branches: tuple[str, ...] = ("main",)
    apply_environment: str


class Approvers(Model):
    """Who may take on the approver role, which alone can sign approvals of plans: IAM users and roles by ARN, and
    workflows of one environment of the GitHub repository."""

    principals: tuple[PrincipalArn, ...] = ()
    github_environment: GithubName | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Approvers:
        if not self.principals and self.github_environment is None:
            raise ValueError("names nobody: give `principals`, `github_environment` or both")
        return self


class Warehouse(Model):
    """Where ingest loads and dbt builds. `path` is a DuckDB file in the platform folder; secrets are Secrets Manager
    ARNs, never values."""

    type: Literal["duckdb", "athena", "redshift", "snowflake", "bigquery"]
    path: Text | None = None
    settings: Mapping[Identifier, str] = {}
    secrets: Mapping[Identifier, SecretArn] = {}

    @model_validator(mode="after")
    def _path_is_for_duckdb(self) -> Warehouse:
        if (self.type == "duckdb") != (self.path is not None):
            raise ValueError("`path` names the file of a duckdb warehouse: required there, not allowed for other types")
        return self


class Bucket(Model):
    """One bucket of the lake; `notifications` sends its object events to a queue the sensor reads."""

    notifications: bool = False
    expire_days: Annotated[int, Field(ge=1)] | None = None


class Image(Model):
    """One container image: a build context in the platform folder (None: the one the package ships)."""

    context: str | None = None
    dockerfile: str = "Dockerfile"


class Network(Model):
    """Where ECS tasks run; without subnets, the account's default VPC is used."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False


class UnitSettings(Model):
    """One unit: what drift of it means. `block` stops the jobs that rest on it, `off` does not look."""

    drift: DriftMode | None = None


class StackSettings(Model):
    """One stack: what drift of its units means, unless a unit says otherwise."""

    drift: DriftMode = "warn"
    units: Mapping[EntryName, UnitSettings] = {}

    def drift_of(self, unit: str) -> DriftMode:
        own = self.units.get(unit)
        return own.drift if own and own.drift else self.drift


class EmulatorSettings(Model):
    """What the emulator of this environment maps to local folders: `organization/repository` to a folder."""

    repositories: Mapping[str, str] = {}


class EnvironmentConfig(Model):
    """One environment of the platform, defaults already applied; `segment` is its part of resource names.

    `dbt_projects` replaces single keys of entries in config/codebuild-config.yml, by project name.
    """

    cloud: Cloud
    account: AccountId
    region: Region
    segment: Slug
    role: str | None = None
    lock_table: bool = False
    tags: RequiredTags
    github: GithubRepository
    warehouse: Warehouse
    buckets: Mapping[Slug, Bucket]
    images: Mapping[Slug, Image]
    network: Network = Network()
    gates: Gates = Gates()
    stacks: Mapping[Slug, StackSettings] = {}
    drift_schedule: Schedule | None = "rate(6 hours)"
    approvers: Approvers | None = None
    emulator: EmulatorSettings = EmulatorSettings()
    dbt_projects: Mapping[EntryName, Mapping[str, Any]] = {}

    @model_validator(mode="after")
    def _approvers_are_not_appliers(self) -> EnvironmentConfig:
        if self.gates.four_eyes and self.approvers is None:
            raise ValueError("`gates.four_eyes` needs signed approvals: say in `approvers` who gives them")
        if self.approvers and self.approvers.github_environment == self.github.apply_environment:
            raise ValueError(
                f"`approvers.github_environment` is {self.github.apply_environment!r}, the environment that applies: "
                "it would approve its own plans. Name another environment of the repository"
            )
        return self


class PlatformFile(Model):
    """config/platform.yaml as written: each environment's entry is laid over `defaults`, key by key."""

    name: Slug
    defaults: Mapping[str, Any] = {}
    environments: Annotated[Mapping[str, Mapping[str, Any]], Field(min_length=1), AfterValidator(known_environments)]


# --- config/codebuild-config.yml ---------------------------------------------------------------------------------


def _one_mapping(value: object) -> object:
    """A list of single-key mappings, the published form, as one mapping."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(item, dict) and len(item) == 1 for item in value):
        raise ValueError("every item is one `NAME: value`")
    names = Counter(name for item in value for name in item)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(f"given twice: {', '.join(twice)}")
    return {name: secret for item in value for name, secret in item.items()}


_OneSecret = Annotated[Mapping[VariableName, SecretArn], Field(min_length=1, max_length=1)]


class VpcConfig(Model):
    """The private network a build runs in; all three keys together."""

    vpc_id: Text
    subnets: Annotated[tuple[str, ...], Field(min_length=1)]
    security_group_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class DbtProject(Model):
    """One dbt project, an entry of config/codebuild-config.yml; `timeout` in minutes.

    `path` is the folder inside the platform folder where the project lies too: dbt's manifest is made from it, and
    `runtime: local` runs it. Without it, only CodeBuild sees the project.
    """

    name: EntryName
    active: bool = False
    org: GithubName
    repo: GithubName
    branch: Text = "main"
    path: Text | None = None
    engine: Literal["duckdb", "athena", "redshift", "snowflake", "bigquery", "postgres", "databricks", "glue"]
    runtime: Literal["codebuild", "local"] = "codebuild"
    commands: Annotated[tuple[Text, ...], Field(min_length=1)]
    image: Slug = PACKAGE_IMAGE
    ecr_repository: str | None = None
    ecr_image_tag: str | None = None
    s3_artifacts_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    schedule: Schedule | None = None
    timezone: Timezone = "UTC"
    utc: Annotated[float, Field(ge=-12, le=14)] = 0
    timeout: Annotated[int, Field(ge=5, le=2160)] = 60
    compute_type: Literal[
        "BUILD_GENERAL1_SMALL",
        "BUILD_GENERAL1_MEDIUM",
        "BUILD_GENERAL1_LARGE",
        "BUILD_GENERAL1_XLARGE",
        "BUILD_GENERAL1_2XLARGE",
    ] = "BUILD_GENERAL1_SMALL"
    environment_variables: Mapping[VariableName, str] = {}
    secrets_manager_variables: Annotated[
        Mapping[VariableName, SecretArn],
        BeforeValidator(
            _one_mapping,
            json_schema_input_type=Mapping[VariableName, SecretArn] | tuple[_OneSecret, ...],
        ),
    ] = {}
    vpc_config: VpcConfig | None = None
    slack_notification: Annotated[
        SlackNotification,
        BeforeValidator(switchable, json_schema_input_type=SlackNotification | bool),
        Field(alias="slack-notification"),
    ] = SlackNotification()
    teams_notification: Annotated[
        WebhookNotification,
        BeforeValidator(switchable, json_schema_input_type=WebhookNotification | bool),
        Field(alias="teams-notification"),
    ] = WebhookNotification()
    discord_notification: Annotated[
        WebhookNotification,
        BeforeValidator(switchable, json_schema_input_type=WebhookNotification | bool),
        Field(alias="discord-notification"),
    ] = WebhookNotification()
    sns_notification: Annotated[
        SnsNotification,
        BeforeValidator(switchable, json_schema_input_type=SnsNotification | bool),
        Field(alias="sns-notification"),
    ] = SnsNotification()
    auto_notifications: Annotated[
        tuple[Literal["build-success", "build-failure", "test-failure"], ...], Field(alias="auto-notifications")
    ] = ()
    elementary: Annotated[Elementary, BeforeValidator(switchable, json_schema_input_type=Elementary | bool)] = (
        Elementary()
    )
    incident_manager: Annotated[
        IncidentManager,
        BeforeValidator(switchable, json_schema_input_type=IncidentManager | bool),
        Field(alias="incident-manager"),
    ] = IncidentManager()
    incident_response_plan: Annotated[str, Field(alias="incident-response-plan")] = ""
    critical_tables: tuple[str, ...] = ()
    not_critical_tables: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _tag_needs_repository(self) -> DbtProject:
        if self.ecr_image_tag and not self.ecr_repository:
            raise ValueError("`ecr_image_tag` names a tag of `ecr_repository`, which is missing")
        return self


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
    owner: Text
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

    name: Text
    version: Text
    source_type: Identifier
    object: Identifier
    description: str | None = None
    team: Team
    domain: str | None = None
    data_product: Annotated[str | None, Field(alias="dataProduct")] = None
    finops: FinOps = FinOps()
    compliance: Compliance = Compliance()
    columns: Annotated[tuple[Column, ...], Field(alias="schema", min_length=1)]
    primary_key: tuple[Identifier, ...] = ()

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
        if twice:
            raise ValueError(f"columns declared twice: {', '.join(twice)}")
        return columns

    @field_validator("primary_key")
    @classmethod
    def _key_is_columns(cls, primary_key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = [column.name for column in info.data.get("columns", ())]
        unknown = [name for name in primary_key if names and name not in names]
        if unknown:
            raise ValueError(f"no column is called {', '.join(unknown)}; allowed: {', '.join(names)}")
        return primary_key


class SourceConnector(Model):
    """config/connectors: CSV files in a bucket of the lake."""

    name: Text
    type: Literal["s3_csv"]
    bucket: Slug
    null_values: tuple[str, ...] = ("", "NA")
    tags: Mapping[TagKey, str] = {}


class TargetConnector(Model):
    """config/connectors: the environment's warehouse; dlt writes to `dataset`."""

    name: Text
    type: Literal["warehouse"]
    dataset: Identifier
    tags: Mapping[TagKey, str] = {}


class FileSource(Model):
    """Which objects of the source bucket are this table's: a key prefix that ends in `/`, one key, or, with
    `partition: month`, a key in which `{partition}` stands for `2013-01`."""

    path: Annotated[str, Field(pattern=r"^[^/].*$")]
    partition: Literal["month"] | None = None

    @model_validator(mode="after")
    def _placeholder_fits(self) -> FileSource:
        placeholders = re.findall(r"\{[^}]*\}?|\}", self.path)
        if self.partition and placeholders != ["{partition}"]:
            raise ValueError("a partitioned source has `{partition}` in its path, once, as in flights/{partition}.csv")
        if not self.partition and placeholders:
            raise ValueError(f"{placeholders[0]} in a path needs `partition: month`, and must be {{partition}}")
        return self


class Runtime(Model):
    """Where the job runs; timeout in seconds. `image` is an image of the platform, `image_uri` one from elsewhere.

    `cpu` (1024 is one vCPU) and `memory` (MB) are a pair Fargate has: ECS developer guide, "Fargate task definition
    considerations", "Task CPU and memory".
    """

    type: Literal["aws_ecs_fargate", "local"] = "aws_ecs_fargate"
    cpu: Annotated[int, AfterValidator(is_fargate_cpu)] = 1024
    memory: Annotated[int, Field(validate_default=True)] = 2048
    image: Slug = PACKAGE_IMAGE
    image_uri: Text | None = None
    timeout: Annotated[int, Field(ge=30, le=86400)] = 3600
    region: Region | None = None

    @field_validator("memory")
    @classmethod
    def _fargate_has_the_pair(cls, memory: int, info: ValidationInfo) -> int:
        if info.data.get("type") != "aws_ecs_fargate" or "cpu" not in info.data:
            return memory
        sizes = FARGATE_MEMORY[info.data["cpu"]]
        if memory not in sizes:
            raise ValueError(f"Fargate has no memory {memory} for cpu {info.data['cpu']}; allowed: {sizes_text(sizes)}")
        return memory


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


def _files_of_asset(job: dict[str, Any]) -> FileSource:
    return FileSource(path=f"{Path(job.get('asset_path', 'asset')).stem}/")


class JobFile(Model):
    """config/jobs/<tenant>/<job>.yaml. Paths are relative to the `config` folder.

    `environment` names the one environment the job is for; without it, it is in all of them. Without `source`, the
    table's files are those below a prefix called as the asset's file: `contacts/` for `assets/.../contacts.yaml`.
    """

    tenant_id: Slug
    environment: WrittenEnvironment | None = None
    source_connector_path: Text
    target_connector_path: Text
    asset_path: Text
    source: Annotated[FileSource, Field(default_factory=_files_of_asset)]
    schedule: Schedule | None = None
    timezone: Timezone = "UTC"
    infrastructure: Infrastructure = Infrastructure()
    finops: FinOps = FinOps()
    governance_overrides: GovernanceOverrides = GovernanceOverrides()


class IngestJob(Model):
    """A job joined with its asset and connectors; `name` is the file's stem."""

    name: EntryName
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
    def warehouse_path(self) -> Path | None:
        """The file of a DuckDB warehouse, None for any other."""
        path = self.config.warehouse.path
        return self.folder / path if path else None

    def project_folder(self, project: DbtProject) -> Path | None:
        """Where the dbt project lies in the platform folder; None when it is in its own repository only."""
        return self.folder / project.path if project.path else None

    @property
    def emulated_repositories(self) -> Mapping[str, Path]:
        """`organization/repository` -> the folder that stands for it in the emulator."""
        mapped = self.config.emulator.repositories
        return {name: (self.folder / folder).resolve() for name, folder in mapped.items()}

    @property
    def tenants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(job.tenant for job in self.ingest_jobs))

    def jobs_of(self, tenant: str) -> tuple[IngestJob, ...]:
        return tuple(job for job in self.ingest_jobs if job.tenant == tenant)
