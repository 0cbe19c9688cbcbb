"""The platform's configuration as frozen, strict models: config/platform.yaml, and all of a platform folder.

dbt projects are in `projects.py`, what is loaded in `ingest.py`, single values in `values.py`. Reading files is in
`draft.py` and `load.py`, names are in `naming.py`, tags in `tags/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from buildkit_dagster.config.buckets import Bucket
from buildkit_dagster.config.costs import Costs
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.config.gcp import Gcp
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.notifications import Notifying
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.runtimes import EcsFargate, Runtime
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
    Text,
    VariableName,
    known_environments,
)
from buildkit_dagster.naming import Names, Style


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

    `notifications` says whom to tell about everything that is no dbt project, `ui_url` where Dagster's web server is,
    for links. `runtime` is where jobs run that do not say it. `dbt_projects` replaces single keys of entries in
    config/codebuild-config.yml, by project name.
    """

    cloud: Cloud
    account: AccountId
    region: Region
    segment: Slug
    naming: Style = "buildkit"
    role: str | None = None
    lock_table: bool = False
    tags: RequiredTags
    github: GithubRepository
    warehouse: Warehouse
    buckets: Mapping[Slug, Bucket]
    images: Mapping[Slug, Image]
    network: Network = Network()
    runtime: Runtime = EcsFargate()
    gcp: Gcp | None = None
    gates: Gates = Gates()
    stacks: Mapping[Slug, StackSettings] = {}
    drift_schedule: Schedule | None = "rate(6 hours)"
    tags_schedule: Schedule | None = "rate(1 day)"
    costs: Costs | None = None
    approvers: Approvers | None = None
    emulator: EmulatorSettings = EmulatorSettings()
    notifications: Notifying = Notifying()
    ui_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = None
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
    """config/platform.yaml as written: each environment's entry is laid over `defaults`, key by key.

    `path_variables` are the variables of the process environment that paths in jobs may name, as `${NAME}`.
    """

    name: Slug
    path_variables: tuple[VariableName, ...] = ()
    defaults: Mapping[str, Any] = {}
    environments: Annotated[Mapping[str, Mapping[str, Any]], Field(min_length=1), AfterValidator(known_environments)]


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
        return Names(self.name, config.segment, config.account, config.region, config.naming)

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
