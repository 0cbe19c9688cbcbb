"""The gates between plan and apply, as each environment sets them (`environments.<env>.gates` in config/platform.yaml).

What a gate looks for is in `rules/`; who approves and how that is proven, in `terraform/approvals.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from buildkit_dagster.config.values import Model, TagKey, Text

Mode = Literal["deny", "approve", "warn", "off"]


class Excepted(Model):
    """A resource (or, without `address`, a whole unit) that these rules do not look at, and why."""

    unit: Text
    address: Text | None = None
    rules: Annotated[tuple[Text, ...], Field(min_length=1)]
    reason: Text


class Gates(Model):
    """`deny` refuses the plan, `approve` asks for an approval, `warn` only tells, `off` does not look.

    `protected` is about deleting or replacing a bucket, database, repository, or another unit's role; `orphans` about
    removing a unit that left the configuration. Plans expire after `plan_minutes`, approvals after `approval_minutes`.
    """

    protected: Mode = "approve"
    orphans: Mode = "approve"
    policies: Mode = "deny"
    tags: Mode = "deny"
    #: A platform's are those of its tag model unless given. What only jobs have (`asset_name`) is asked of jobs.
    required_tags: tuple[TagKey, ...] = ()
    exceptions: tuple[Excepted, ...] = ()
    #: Folder of the user's own Rego files, below the platform folder or absolute; `policies` if it is there.
    rego: Text | None = None
    every_change: bool = False
    four_eyes: bool = False
    plan_minutes: Annotated[int, Field(ge=1, le=10080)] = 1440
    approval_minutes: Annotated[int, Field(ge=1, le=10080)] = 1440
