"""How a dbt project's builds reach their source, and what they may do in AWS.

`Building` is what the project's model has of it. What statements come of `access` is in the HCL module
`warehouse_access`; where a build runs and what it executes is in `projects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from buildkit_dagster.config.values import Model, SecretArn, Text

#: Where the repositories of a `provider` are.
HOSTS: Mapping[str, str] = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}

#: What CloudWatch Logs takes as a retention, in days.
RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _is_retention(days: int) -> int:
    if days not in RETENTIONS:
        raise ValueError(f"CloudWatch Logs keeps nothing for {days} days; allowed: {', '.join(map(str, RETENTIONS))}")
    return days


Location = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?]*)?$")]
Database = Annotated[str, Field(pattern=r"^[^*?/]+\*?$")]
Action = Annotated[str, Field(pattern=r"^[a-z0-9-]+:[A-Za-z]+$")]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$")]
PolicyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/\S+$")]
KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/\S+$")]
ConnectionArn = Annotated[
    str, Field(pattern=r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+$")
]
WorkgroupArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:redshift-serverless:[a-z0-9-]+:\d{12}:workgroup/\S+$")]


class WarehouseAccess(Model):
    """What of a warehouse in AWS a project uses, beyond what the platform's `warehouse.settings` say.

    `locations` are read and written, `read_locations` only read, both as `s3://BUCKET/PREFIX`; `databases` are Glue
    databases, `*` at the end allowed.
    """

    work_group: Text | None = None
    spark_work_group: Text | None = None
    databases: tuple[Database, ...] = ()
    locations: tuple[Location, ...] = ()
    read_locations: tuple[Location, ...] = ()
    lake_formation: bool = False
    cluster: Text | None = None
    database: Text | None = None
    user: Text | None = None
    serverless_workgroup_arn: WorkgroupArn | None = None
    session_role_arn: RoleArn | None = None
    kms_key_arns: tuple[KeyArn, ...] = ()


class PolicyStatement(Model):
    """One more thing builds may do, or may not; `condition` is operator, key, values."""

    effect: Literal["Allow", "Deny"] = "Allow"
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    resources: Annotated[tuple[Text, ...], Field(min_length=1)]
    condition: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None


class Building(Model):
    """Source and permissions of a project's builds; `queued_timeout` in minutes.

    `iam` is what the engine may do: `minimal` on what the project uses, `broad` the same actions on everything of its
    kind in the account, `custom` only `policy_statements`. `connection` is one that exists already; `deploy_key` is the
    secret that holds a key for SSH, which then is the way to the source.
    """

    provider: Literal["github", "gitlab", "bitbucket"] = "github"
    connection: ConnectionArn | None = None
    deploy_key: SecretArn | None = None
    known_hosts: Text | None = None
    iam: Literal["minimal", "broad", "custom"] = "minimal"
    access: WarehouseAccess = WarehouseAccess()
    policy_statements: tuple[PolicyStatement, ...] = ()
    policy_arns: tuple[PolicyArn, ...] = ()
    cache: Literal["none", "local", "s3"] = "none"
    kms_key: KeyArn | None = None
    log_retention_days: Annotated[int, AfterValidator(_is_retention)] = 30
    queued_timeout: Annotated[int, Field(ge=5, le=480)] = 30

    @property
    def host(self) -> str:
        """Where the repository is."""
        return HOSTS[self.provider]

    @model_validator(mode="after")
    def _one_way_to_the_source(self) -> Building:
        if self.connection and self.deploy_key:
            raise ValueError("`connection` and `deploy_key` are two ways to the source; keep one")
        if self.known_hosts and not self.deploy_key:
            raise ValueError("`known_hosts` are of the SSH way to the source: `deploy_key` is missing")
        return self
