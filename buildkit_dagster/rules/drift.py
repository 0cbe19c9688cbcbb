"""What of a refresh-only plan is drift: per unit, the resources that are not as Terraform left them.

Pure. Left out is what no apply would put right: a value the configuration does not write and the provider fills in by
itself. Making the plan is `terraform/drift.py`; what drift means for jobs is decided in `defs/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buildkit_dagster.terraform.differences import without_indexes
from buildkit_dagster.terraform.plan import Plan, ResourceChange

#: Blocks that the provider fills in from other resources; its schema does not tell them from blocks of the user's.
_FILLED_BLOCKS: Mapping[str, frozenset[str]] = {
    "aws_iam_role": frozenset({"inline_policy"}),
    "aws_ecs_cluster": frozenset({"setting"}),
    "aws_s3_bucket": frozenset(
        {
            "cors_rule",
            "grant",
            "lifecycle_rule",
            "logging",
            "object_lock_configuration",
            "replication_configuration",
            "server_side_encryption_configuration",
            "versioning",
            "website",
        }
    ),
}

#: Computed, and yet written: by the resource together with the provider's default tags.
_TAGS_ALL = "tags_all"


@dataclass(frozen=True)
class Drifted:
    """One resource that is not as it was left; `attributes` are the names of what differs, none when it is gone."""

    address: str
    unit: str
    attributes: tuple[str, ...]

    @property
    def differs(self) -> str:
        return ", ".join(self.attributes) or "gone"

    def __str__(self) -> str:
        return f"{self.address}: {self.differs}"


def drift_of(plan: Plan, computed: Mapping[str, frozenset[str]]) -> tuple[Drifted, ...]:
    """The drift a refresh-only plan found; `computed` says by resource type what the provider fills in."""
    return tuple(drifted for change in plan.drift if (drifted := _drifted(plan, change, computed)))


def needs_schemas(plan: Plan) -> bool:
    """Whether `drift_of` needs to know what providers fill in: what differs is not all written in the configuration."""
    return any(change.stays and set(_unwritten(plan, change)) - {"tags", _TAGS_ALL} for change in plan.drift)


def _drifted(plan: Plan, change: ResourceChange, computed: Mapping[str, frozenset[str]]) -> Drifted | None:
    if not change.stays:
        return Drifted(change.address, change.unit, ())
    filled = (computed.get(change.type, frozenset()) | _FILLED_BLOCKS.get(change.type, frozenset())) - {_TAGS_ALL}
    noise = set(_unwritten(plan, change)) & filled
    names = change.differing - noise
    if "tags" in names:
        names -= {_TAGS_ALL}
    return Drifted(change.address, change.unit, tuple(sorted(names))) if names else None


def _unwritten(plan: Plan, change: ResourceChange) -> Iterator[str]:
    written = plan.written.get(without_indexes(change.address), frozenset())
    return (name for name in change.differing if name not in written)
