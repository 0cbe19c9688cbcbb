"""Every name, key, path and prefix the platform uses, and the limits of the services that carry them.

A name is built here from platform, environment and entry, and nowhere else; a name that would be too long is cut
and ends in a hash of the whole, so two different names never become the same. Tags are in `tags/`.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

#: The image jobs run in unless they name another.
PACKAGE_IMAGE = "platform"
#: The module that loads a table, which every runtime starts.
INGEST_MODULE = "buildkit_dagster.runtimes.entrypoints.ingest"

#: Whose names of resources: ours, or DbtBuildKit's where it made them.
Style = Literal["buildkit", "dbtbuildkit"]

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
    "event_rule": 64,
    "lambda_function": 64,
    "schedule": 64,
    "alarm": 255,
    # 80, of which a dead letter queue needs five.
    "sqs_queue": 75,
    "log_group": 512,
    # Cloud Run API reference, `projects.locations.services.create`: fewer than 50 characters.
    "cloud_run": 49,
    "gcs_bucket": 63,
    "service_account": 30,
}

_HASH_LENGTH = 6


def fit(service: str, *parts: str, spare: int = 0, digits: int = _HASH_LENGTH) -> str:
    """Join `parts` with hyphens into a name `service` accepts; cut names end in a hash of the full one.

    `spare` characters are left for what comes behind it; the hash has so many `digits`.
    """
    full = "-".join(filter(None, map(_clean, parts)))
    limit = LIMITS[service] - spare
    if len(full) <= limit:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:digits]
    return f"{full[: limit - digits - 1].rstrip('-')}-{digest}"


@lru_cache(maxsize=10_000)
def _clean(part: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")


def told_apart(name: str) -> str:
    """The name, with a hash behind it where `fit` or `identifier` would make it equal to another one's."""
    if re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", name):
        return name
    return f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]}"


def standalone_name(tenant: str, asset: str) -> str:
    """`acme-hubspot-contacts`, the name of a generated root and its file; any text that is no such name gets a hash."""
    return f"{tenant}-{re.sub(r'[^a-z0-9]+', '-', told_apart(asset.replace('_', '-')).lower()).strip('-')}"


#: DuckDB lets one process write: every op that does shares this concurrency pool.
WAREHOUSE_POOL = "warehouse"

#: What names that are of no tenant begin with.
_FIRST_WORDS = ("dbt", "image", "github")

_COMMAND = "buildkit-"

#: The job that looks for drift in every stack.
DRIFT_JOB = "drift"
#: The job that compares the tags of every stack in three places.
TAGS_JOB = "tags"
#: The job that counts what days cost, and the asset it makes.
COSTS_JOB, COSTS_KEY = "costs_daily", ("costs", "daily")


@dataclass(frozen=True)
class Names:
    """All cloud names of one platform in one environment; `segment` is the environment's part of them.

    In the `style` of DbtBuildKit, what its modules made keeps its name: image repository, connections, projects.
    """

    platform: str
    segment: str
    account: str
    region: str
    style: Style = "buildkit"

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
        if self.style == "dbtbuildkit" and image == PACKAGE_IMAGE:
            return f"{self.segment}-dbtbuildkit"
        return fit("ecr_repository", self.platform, self.segment, image)

    def connection(self, organization: str, provider: str = "github") -> str:
        if self.style == "dbtbuildkit" and provider == "github":
            return f"{self.segment}-{organization}-gh-conn"[: LIMITS["codeconnection"]]
        owner = (organization,) if provider == "github" else (provider, organization)
        return fit("codeconnection", self.platform, self.segment, *map(told_apart, owner))

    def image_builder(self) -> str:
        return fit("codebuild_project", self.platform, self.segment, "image-builder")

    def bucket(self, name: str) -> str:
        return fit("s3_bucket", self.platform, self.segment, name, self.account, self.region)

    def queue(self, bucket: str) -> str:
        return fit("sqs_queue", self.platform, self.segment, bucket, "events")

    def dead_letters(self, bucket: str) -> str:
        """The queue behind it, as `terraform/modules/bucket` calls it."""
        return f"{self.queue(bucket)}-dead"

    def build_schedule(self, project: str) -> str:
        """A schedule in EventBridge, and its role."""
        return fit("iam_role", self.platform, self.segment, "dbt", project, "start")

    def codebuild_project(self, project: str) -> str:
        if self.style == "dbtbuildkit":
            return f"{self.segment}-{project}"
        return fit("codebuild_project", self.platform, self.segment, "dbt", project)

    def cluster(self) -> str:
        return fit("ecs_cluster", self.platform, self.segment)

    def task_family(self, tenant: str, job: str) -> str:
        return self.of_job("ecs_task_family", tenant, job)

    def function(self, tenant: str, job: str) -> str:
        return self.of_job("lambda_function", tenant, job)

    def job_role(self, tenant: str, job: str, kind: str = "") -> str:
        return self.of_job("iam_role", tenant, job, kind)

    def job_schedule(self, tenant: str, job: str) -> str:
        """A schedule in EventBridge, and its role."""
        return self.of_job("schedule", tenant, job, "schedule")

    def job_alarm(self, tenant: str, job: str) -> str:
        """Alarms on failures of a job, and the rule behind them; in an alarm's name more may follow."""
        return self.of_job("event_rule", tenant, job, "failed")

    def job_dead_letters(self, tenant: str, job: str, kind: str = "failed") -> str:
        return self.of_job("sqs_queue", tenant, job, kind)

    def of_job(self, service: str, tenant: str, job: str, kind: str = "") -> str:
        """`<platform>-<environment>-<tenant>-<job>`; behind an underscore, which no part has, what it is of the job.

        A hash follows where the hyphens do not say which part ends where, or where the platform has other names that
        begin like it.
        """
        parts = (self.platform, self.segment, tenant, job)
        unclear = "-" in self.segment or "-" in tenant or tenant in _FIRST_WORDS
        told = (hashlib.sha256("/".join(parts).encode()).hexdigest()[:_HASH_LENGTH],) if unclear else ()
        behind = f"_{kind}" if kind else ""
        return fit(service, *parts, *told, spare=len(behind)) + behind

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


def ingest_gcp_stack(tenant: str) -> str:
    """The stack of a tenant's jobs that run in Google Cloud."""
    return f"{ingest_stack(tenant)}-gcp"


@lru_cache(maxsize=10_000)
def identifier(*parts: str) -> str:
    """A name Dagster, Terraform and Python accept: letters, digits and underscores."""
    return "_".join(re.sub(r"[^A-Za-z0-9]+", "_", part).strip("_") for part in parts if part)


def schedule_unit_name(name: str) -> str:
    """The unit that starts a job or project of this name, where its schedule stays in AWS."""
    return f"{name}__schedule"


def key_text(key: Sequence[str]) -> str:
    """An asset key as people and the CLI write it."""
    return "/".join(key)


def ingest_job_name(tenant: str, job: str) -> str:
    """The Dagster job that materializes the table of one ingest job."""
    return identifier("ingest", tenant, job)


def dbt_job_name(project: str) -> str:
    """The Dagster job that builds one dbt project."""
    return identifier("dbt", project)


def dbt_schedule_name(project: str, schedule: str) -> str:
    """One of a project's named schedules, and its job where it selects: two underscores are in no other name."""
    return f"{dbt_job_name(project)}__{identifier(schedule)}"


def stack_job_name(stack: str) -> str:
    """The Dagster job that converges one stack; the bootstrap stack's is called `bootstrap`."""
    return stack if stack == "bootstrap" else identifier("stack", stack)


def command_use(command: str) -> str:
    """Names one use of Terraform by a command, where that of a Dagster run has the run's id: `buildkit-plan-3f9c…`."""
    return f"{_COMMAND}{command}-{uuid.uuid4().hex}"


def command_of(use: str) -> str | None:
    """`buildkit plan` for a use that `command_use` named, None for a Dagster run's."""
    name, _, _ = use.removeprefix(_COMMAND).rpartition("-")
    return f"buildkit {name}" if use.startswith(_COMMAND) else None
