"""The tag model: which tags a resource carries, which source wins, and how AWS and Dagster want them written.

Names are in `naming.py`. That plans carry the required tags is checked in `rules/`.

One vocabulary serves every cloud: lower-case keys with underscores. Precedence, highest first: what identifies the
platform (`project`, `environment`, `managed_by`), the job, its asset, its connectors, the environment's tags. A list
replaces the whole list of a lower source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from buildkit_dagster.config.models import DbtProject, IngestJob, JobFile, Platform, TableAsset

#: A tag's value before it is rendered; None and empty values are no tag.
Value = str | int | bool | Sequence[str] | None

MANAGED_BY = "buildkit-dagster"

#: AWS General Reference, "Tag naming limits and requirements".
_AWS_KEY_LENGTH = 128
_AWS_VALUE_LENGTH = 256
#: Letters, numbers, spaces and `_.:/=+-@`; `\w` is letters, numbers and the underscore of any script.
_AWS_ILLEGAL = re.compile(r"[^\w .:/=+\-@]")
#: Dagster's strict tags: 63 of these characters (dagster/_utils/tags.py).
_DAGSTER_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]")
_DAGSTER_LENGTH = 63
#: What Dagster takes for an e-mail address (dagster/_core/utils.py).
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_HASH_LENGTH = 8

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


def platform_tags(platform: Platform) -> dict[str, str]:
    """The required tags, which every resource of the platform carries; valid for AWS."""
    return aws_tags(_layered(platform.config.tags.model_dump(), _identity(platform)))


def dbt_tags(platform: Platform, project: DbtProject) -> dict[str, str]:
    """All tags of a dbt project's resources; valid for AWS."""
    own = {"dbt_project": project.name, "engine": project.engine}
    return aws_tags(_layered(platform.config.tags.model_dump(), own, _identity(platform)))


def job_tags(platform: Platform, job: IngestJob) -> dict[str, str]:
    """All tags of an ingest job's resources, the platform's included; valid for AWS.

    `owner` and `cost_center` are the job's own: the same values as `governance_owner` and `finops_cost_center`.
    """
    specific = _layered(job.target.tags, job.source.tags, _asset_tags(job.asset), _job_file_tags(job.job))
    required = {"owner": specific.get("governance_owner"), "cost_center": specific.get("finops_cost_center")}
    identity = {"tenant_id": job.tenant, **_identity(platform)}
    return aws_tags(_layered(platform.config.tags.model_dump(), specific, required, identity))


def aws_tags(tags: Mapping[str, Value]) -> dict[str, str]:
    """Tags as AWS accepts them: legal characters, at most 256 of them, lists joined by a space.

    The separator is a space because the usual comma is not legal in the values of IAM. Keys of AWS's own `aws:`
    namespace are left out. That there are never more than the 50 AWS takes is `config/rules.py`'s.
    """
    rendered = {
        _clean(key, _AWS_ILLEGAL, _AWS_KEY_LENGTH): _clean(_text(value), _AWS_ILLEGAL, _AWS_VALUE_LENGTH)
        for key, value in tags.items()
        if not key.lower().startswith("aws:")
    }
    return {key: rendered[key] for key in sorted(rendered) if key and rendered[key]}


def dagster_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as Dagster accepts them on assets: letters, digits and `_.-`, at most 63."""
    return {
        _clean(key, _DAGSTER_ILLEGAL, _DAGSTER_LENGTH): _clean(value, _DAGSTER_ILLEGAL, _DAGSTER_LENGTH)
        for key, value in sorted(tags.items())
    }


def owners(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The asset owners for Dagster: the `owner` tag as an e-mail address or as `team:<name>`; empty without one."""
    owner = tags.get("owner", "")
    if not owner or _EMAIL.fullmatch(owner):
        return (owner,) if owner else ()
    name = owner.removeprefix("team:").strip()
    return (f"team:{name}",) if name else ()


def _identity(platform: Platform) -> dict[str, Value]:
    return {
        "project": platform.config.tags.project,
        "environment": platform.environment,
        "managed_by": MANAGED_BY,
    }


def _asset_tags(asset: TableAsset) -> dict[str, Value]:
    finops, compliance = asset.finops, asset.compliance
    return {
        "asset_name": asset.name,
        "asset_version": asset.version,
        "finops_cost_center": finops.cost_center,
        "finops_business_tags": finops.business_tags,
        "finops_project": finops.project,
        "finops_environment": finops.environment,
        "compliance_classification": compliance.classification,
        "compliance_regulations": compliance.regulations,
        "compliance_retention_days": compliance.retention_days,
        "compliance_encryption_required": compliance.security.encryption_required,
        "compliance_access_control": compliance.security.access_control,
        "governance_owner": asset.team.owner,
        "governance_domain": asset.domain,
        "governance_data_product": asset.data_product,
        "governance_retention_days": compliance.retention_days,
    }


def _job_file_tags(job: JobFile) -> dict[str, Value]:
    """What the job says itself; `infrastructure.metadata` is the most specific."""
    finops, metadata, overrides = job.finops, job.infrastructure.metadata, job.governance_overrides
    return {
        "finops_cost_center": metadata.cost_center or finops.cost_center,
        "finops_business_tags": finops.business_tags,
        "finops_project": finops.project,
        "finops_environment": metadata.environment or finops.environment,
        "compliance_retention_days": overrides.retention_days,
        "governance_owner": overrides.owner,
        "governance_retention_days": overrides.retention_days,
        "infra_terraform_workspace": metadata.terraform_workspace,
    }


def _layered(*layers: Mapping[str, Value]) -> dict[str, Value]:
    """Later layers win; what a layer leaves empty is as if it did not say it."""
    return {key: value for layer in layers for key, value in layer.items() if value not in (None, "", (), [])}


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(value)
    return "" if value is None else str(value)


def _clean(text: str, illegal: re.Pattern[str], limit: int) -> str:
    """Illegal characters as underscores; text that is too long ends in a hash of the whole."""
    cleaned = illegal.sub("_", text.strip())
    if len(cleaned) <= limit:
        return cleaned
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{cleaned[: limit - _HASH_LENGTH - 1].rstrip()}-{digest}"
