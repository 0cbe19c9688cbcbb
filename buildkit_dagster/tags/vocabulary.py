"""Which tags there are and where each takes its value from, the place that wins first; `docs/tags.md` shows this table.

The order is that of the levels: what identifies the platform, the job, its asset, its connectors, the environment.
Within the job `infrastructure.metadata` wins over `finops`. A list replaces the whole list of a lower place. Finding
the values is `wanted.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Level = Literal["platform", "job", "asset", "dbt project", "source connector", "target connector", "environment", "tag"]

MANAGED_BY = "buildkit-dagster"

#: Every resource of a platform carries these, unless `gates.required_tags` names others.
REQUIRED = (
    "project",
    "environment",
    "owner",
    "department",
    "cost_center",
    "data_sensitivity",
    "purpose",
    "managed_by",
)


@dataclass(frozen=True)
class Place:
    """A key of one of the files, with dots between its parts. The level `tag` means: the same as that other tag.

    `written` is how the file spells it where the model does otherwise.
    """

    level: Level
    path: str
    written: str = ""

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(self.path.split("."))

    def __str__(self) -> str:
        return f"{self.level} {self.written or self.path}"


@dataclass(frozen=True)
class Row:
    """One tag and its places, the one that wins first."""

    tag: str
    places: tuple[Place, ...]


def _job(path: str) -> Place:
    return Place("job", path)


def _asset(path: str) -> Place:
    return Place("asset", path)


def _environment(path: str) -> Place:
    return Place("environment", path)


def _row(tag: str, *places: Place) -> Row:
    """A tag that connectors may give too: below job and asset, above the environment."""
    above = tuple(place for place in places if place.level != "environment")
    below = tuple(place for place in places if place.level == "environment")
    return Row(tag, (*above, *connector_places(tag), *below))


def connector_places(tag: str) -> tuple[Place, ...]:
    """Where connectors give a tag."""
    return Place("source connector", f"tags.{tag}"), Place("target connector", f"tags.{tag}")


VOCABULARY: tuple[Row, ...] = (
    Row("project", (_environment("tags.project"),)),
    Row("environment", (Place("platform", "environment"),)),
    Row("managed_by", (Place("platform", "managed_by"),)),
    Row("tenant_id", (_job("tenant_id"),)),
    _row("owner", Place("tag", "governance_owner"), _environment("tags.owner")),
    _row("department", _environment("tags.department")),
    _row("cost_center", Place("tag", "finops_cost_center"), _environment("tags.cost_center")),
    _row("data_sensitivity", _environment("tags.data_sensitivity")),
    _row("purpose", _environment("tags.purpose")),
    _row("asset_name", _asset("name")),
    _row("asset_version", _asset("version")),
    _row(
        "finops_cost_center",
        _job("infrastructure.metadata.cost_center"),
        _job("finops.cost_center"),
        _asset("finops.cost_center"),
    ),
    _row("finops_business_tags", _job("finops.business_tags"), _asset("finops.business_tags")),
    _row("finops_project", _job("finops.project"), _asset("finops.project")),
    _row(
        "finops_environment",
        _job("infrastructure.metadata.environment"),
        _job("finops.environment"),
        _asset("finops.environment"),
    ),
    _row("compliance_classification", _job("classification_overrides.default"), _asset("compliance.classification")),
    _row("compliance_regulations", _asset("compliance.regulations")),
    _row("compliance_retention_days", _job("governance_overrides.retention_days"), _asset("compliance.retention_days")),
    _row("compliance_encryption_required", _asset("compliance.security.encryption_required")),
    _row("compliance_access_control", _asset("compliance.security.access_control")),
    _row("compliance_user_consent_required", _asset("compliance.user_consent_required")),
    _row("governance_owner", _job("governance_overrides.owner"), _asset("team.owner")),
    _row("governance_domain", _asset("domain")),
    _row("governance_data_product", Place("asset", "data_product", "dataProduct")),
    _row("governance_retention_days", _job("governance_overrides.retention_days"), _asset("compliance.retention_days")),
    _row("infra_terraform_workspace", _job("infrastructure.metadata.terraform_workspace")),
    Row("dbt_project", (Place("dbt project", "name"),)),
    Row("engine", (Place("dbt project", "engine"),)),
)
