"""A dbt project as frozen, strict models: an entry of config/codebuild-config.yml.

Source and permissions of its builds are in `building.py`, whom to tell about them in `notifications.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from buildkit_dagster.config.buckets import ObjectFilter
from buildkit_dagster.config.building import Building
from buildkit_dagster.config.notifications import Elementary, Notifying, switchable
from buildkit_dagster.config.values import (
    EntryName,
    GithubName,
    Model,
    Schedule,
    SecretArn,
    SecurityGroupId,
    Slug,
    SubnetId,
    Text,
    Timezone,
    VariableName,
    repeated,
)
from buildkit_dagster.naming import PACKAGE_IMAGE


def _one_mapping(value: object) -> object:
    """A list of single-key mappings, the published form, as one mapping."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(item, dict) and len(item) == 1 for item in value):
        raise ValueError("every item is one `NAME: value`")
    if twice := repeated(name for item in value for name in item):
        raise ValueError(f"given twice: {', '.join(twice)}")
    return {name: secret for item in value for name, secret in item.items()}


_OneSecret = Annotated[Mapping[VariableName, SecretArn], Field(min_length=1, max_length=1)]


class VpcConfig(Model):
    """The private network a build runs in; all three keys together.

    How many: CodeBuild API reference, "VpcConfig".
    """

    vpc_id: Annotated[str, Field(pattern=r"^vpc-[0-9a-z]+$")]
    subnets: Annotated[tuple[SubnetId, ...], Field(min_length=1, max_length=16)]
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], Field(min_length=1, max_length=5)]


class NamedSchedule(Model):
    """One of several schedules of a project; `select` is dbt's, and everything is built without it."""

    name: Slug
    schedule: Schedule
    timezone: Timezone | None = None
    select: Text | None = None


class Freshness(Model):
    """How old a project's last models may be, in hours since they were built, and how bad it is when they are older."""

    hours: Annotated[float, Field(gt=0)]
    severity: Literal["warn", "error"] = "warn"


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_Engine = Literal["duckdb", "athena", "redshift", "snowflake", "bigquery", "postgres", "databricks", "glue"]
#: The published file takes any capitals.
_ENGINE_IN_CAPITALS = "|".join("".join(f"[{c}{c.upper()}]" for c in engine) for engine in get_args(_Engine))


class DbtProject(Notifying, Building):
    """One dbt project, an entry of config/codebuild-config.yml; `timeout` in minutes.

    `active` must be said: a project that is left out is left out on purpose.
    `path` is the folder inside the platform folder where the project lies too: dbt's manifest is made from it, and
    `runtime: local` runs it. Without it, only CodeBuild sees the project.
    """

    name: EntryName
    active: bool
    org: GithubName
    repo: GithubName
    branch: Text = "main"
    path: Text | None = None
    engine: Annotated[
        _Engine,
        BeforeValidator(
            _lower,
            json_schema_input_type=_Engine | Annotated[str, Field(pattern=f"^({_ENGINE_IN_CAPITALS})$")],
        ),
    ]
    runtime: Literal["codebuild", "local"] = "codebuild"
    commands: Annotated[tuple[Text, ...], Field(min_length=1)]
    image: Slug = PACKAGE_IMAGE
    ecr_repository: Annotated[str, Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")] | None = None
    ecr_image_tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")] | None = None
    s3_artifacts_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    schedule: Schedule | None = None
    schedules: tuple[NamedSchedule, ...] = ()
    scheduler: Literal["dagster", "eventbridge"] = "dagster"
    concurrency: Annotated[int, Field(ge=1)] | None = None
    timeout: Annotated[int, Field(ge=5, le=2160)] = 60
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    freshness: Freshness | None = None
    on_objects: ObjectFilter | None = None
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
    elementary: Annotated[Elementary, BeforeValidator(switchable, json_schema_input_type=Elementary | bool)] = (
        Elementary()
    )

    @field_validator("schedules")
    @classmethod
    def _schedules_differ(cls, schedules: tuple[NamedSchedule, ...]) -> tuple[NamedSchedule, ...]:
        if twice := repeated(each.name for each in schedules):
            raise ValueError(f"schedules named twice: {', '.join(twice)}")
        return schedules

    @model_validator(mode="after")
    def _eventbridge_starts_whole_builds(self) -> DbtProject:
        if self.scheduler == "eventbridge" and (self.runtime != "codebuild" or self.schedules or not self.schedule):
            raise ValueError(
                "`scheduler: eventbridge` starts the whole build in CodeBuild by the one `schedule`; several "
                "schedules, selections and `runtime: local` need `scheduler: dagster`"
            )
        return self

    @model_validator(mode="after")
    def _pages_need_a_connection(self) -> DbtProject:
        if self.deploy_key and self.elementary.gitpages:
            raise ValueError(
                "`elementary.gitpages` pushes through the project's connection, which `deploy_key` takes the place of; "
                "keep one"
            )
        return self

    @model_validator(mode="after")
    def _tag_needs_repository(self) -> DbtProject:
        if self.ecr_image_tag and not self.ecr_repository:
            raise ValueError("`ecr_image_tag` names a tag of `ecr_repository`, which is missing")
        return self
