"""Every name, key, path and prefix the platform uses, and the limits of the services that carry them.

A name is built here from platform, environment and entry, and nowhere else; a name that would be too long is cut
and ends in a hash of the whole, so two different names never become the same. Tags are in `tags.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Longest name per service, from the services' API references.
LIMITS = {
    "s3_bucket": 63,
    "iam_role": 64,
    "kms_alias": 250,
    "ecr_repository": 256,
    "codebuild_project": 150,
    "codeconnection": 32,
    "ecs_cluster": 255,
    "ecs_task_family": 255,
    "sqs_queue": 80,
    "log_group": 512,
}

_HASH_LENGTH = 6

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def fit(service: str, *parts: str) -> str:
    """Join `parts` with hyphens into a name `service` accepts; cut names end in a hash of the full one."""
    cleaned = (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
    full = "-".join(part for part in cleaned if part)
    limit = LIMITS[service]
    if len(full) <= limit:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{full[: limit - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


#: DuckDB lets one process write: every op that does shares this concurrency pool.
WAREHOUSE_POOL = "warehouse"

#: The job that looks for drift in every stack.
DRIFT_JOB = "drift"


@dataclass(frozen=True)
class Names:
    """All cloud names of one platform in one environment; `segment` is the environment's part of them."""

    platform: str
    segment: str
    account: str
    region: str

    def state_bucket(self) -> str:
        return fit("s3_bucket", self.platform, self.segment, "tfstate", self.account, self.region)

    def state_key(self, stack: str) -> str:
        return f"stacks/{stack}/terraform.tfstate"

    def lock_table(self) -> str:
        return fit("ecs_cluster", self.platform, self.segment, "tflocks")

    def plan_role(self) -> str:
        return fit("iam_role", self.platform, self.segment, "github-plan")

    def apply_role(self) -> str:
        return fit("iam_role", self.platform, self.segment, "github-apply")

    def approver_role(self) -> str:
        return fit("iam_role", self.platform, self.segment, "approver")

    def approval_alias(self) -> str:
        return f"alias/{fit('kms_alias', self.platform, self.segment, 'approvals')}"

    def repository(self, image: str) -> str:
        return fit("ecr_repository", self.platform, self.segment, image)

    def connection(self, organization: str) -> str:
        return fit("codeconnection", self.platform, self.segment, organization)

    def image_builder(self) -> str:
        return fit("codebuild_project", self.platform, self.segment, "image-builder")

    def bucket(self, name: str) -> str:
        return fit("s3_bucket", self.platform, self.segment, name, self.account, self.region)

    def queue(self, bucket: str) -> str:
        return fit("sqs_queue", self.platform, self.segment, bucket, "events")

    def codebuild_project(self, project: str) -> str:
        return fit("codebuild_project", self.platform, self.segment, "dbt", project)

    def cluster(self) -> str:
        return fit("ecs_cluster", self.platform, self.segment)

    def task_family(self, tenant: str, job: str) -> str:
        return fit("ecs_task_family", self.platform, self.segment, tenant, job)

    def role(self, *parts: str) -> str:
        return fit("iam_role", self.platform, self.segment, *parts)

    def log_group(self, *parts: str) -> str:
        return "/" + "/".join(("buildkit", self.platform, self.segment, *parts))


#: Buckets of the platform itself, see `Names.state_bucket`; a lake's bucket cannot be called so.
RESERVED_BUCKETS = ("tfstate", "artifacts")


def infra_key(stack: str, unit: str) -> tuple[str, ...]:
    """Asset key of a unit."""
    return ("infra", stack, unit)


def image_key(image: str) -> tuple[str, ...]:
    """Asset key of a container image."""
    return ("image", image)


def table_key(source: str, table: str) -> tuple[str, ...]:
    """Asset key of an ingest table, which is the key of the dbt source."""
    return (source, table)


def ingest_stack(tenant: str) -> str:
    return f"ingest-{tenant}"


def identifier(*parts: str) -> str:
    """A name Dagster, Terraform and Python accept: letters, digits and underscores."""
    return "_".join(re.sub(r"[^A-Za-z0-9]+", "_", part).strip("_") for part in parts if part)


def key_text(key: Sequence[str]) -> str:
    """An asset key as people and the CLI write it."""
    return "/".join(key)


def ingest_job_name(tenant: str, job: str) -> str:
    """The Dagster job that materializes the table of one ingest job."""
    return identifier("ingest", tenant, job)


def dbt_job_name(project: str) -> str:
    """The Dagster job that builds one dbt project."""
    return identifier("dbt", project)


def stack_job_name(stack: str) -> str:
    """The Dagster job that converges one stack; the bootstrap stack's is called `bootstrap`."""
    return stack if stack == "bootstrap" else identifier("stack", stack)


def partition_of(region: str) -> str:
    """The part of AWS a region belongs to, as ARNs name it."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def dns_suffix_of(region: str) -> str:
    """What the host names of AWS's services end in there."""
    return _DNS_SUFFIXES.get(partition_of(region), "amazonaws.com")
