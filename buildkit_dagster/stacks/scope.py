"""What every stack of a platform shares: its provider, its backend, its units' tags, and ARNs known from names alone.

An ARN is written out here where waiting for the resource would tie two stacks together for nothing; where the order
matters, stacks refer to each other's outputs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from buildkit_dagster.aws_regions import dns_suffix_of, partition_of
from buildkit_dagster.config.gcp import Gcp
from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.naming import infra_key
from buildkit_dagster.tags.on_assets import owners
from buildkit_dagster.tags.rendering import Rendered
from buildkit_dagster.tags.wanted import platform_labels, platform_tags
from buildkit_dagster.terraform.rendered_root import AwsProvider, GoogleProvider, ModuleCall, RenderedRoot, S3Backend
from buildkit_dagster.terraform.tagged import UNIT_TAG, unit_tag

BOOTSTRAP, REGISTRY, LAKE, DBT = "bootstrap", "registry", "lake", "dbt"

#: The unit whose bucket holds the states of all stacks.
STATE_BACKEND = "state_backend"


@dataclass(frozen=True)
class Scope:
    """A platform seen by its stacks."""

    platform: Platform

    @property
    def account(self) -> str:
        return self.platform.config.account

    @property
    def region(self) -> str:
        return self.platform.config.region

    @cached_property
    def partition(self) -> str:
        return partition_of(self.region)

    @cached_property
    def _jobs(self) -> Mapping[str, Sequence[IngestJob]]:
        jobs = defaultdict(list)
        for job in self.platform.ingest_jobs:
            jobs[job.tenant].append(job)
        return jobs

    def jobs_of(self, tenant: str) -> Sequence[IngestJob]:
        return self._jobs.get(tenant, ())

    @property
    def gcp(self) -> Gcp:
        """Google Cloud as the environment uses it; that a job which needs it has it, is `config/places.py`'s to say."""
        gcp = self.platform.config.gcp
        if gcp is None:
            raise ValueError("the environment has no `gcp`")
        return gcp

    def arn(self, service: str, resource: str) -> str:
        """ARN of a regional resource of the account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def bucket_arn(self, bucket: str) -> str:
        """ARN of a bucket by its full name."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def image_uri(self, repository: str, tag: str) -> str:
        """Address of an image in a repository of the account that is not the platform's own."""
        return f"{self.account}.dkr.ecr.{self.region}.{dns_suffix_of(self.region)}/{repository}:{tag}"

    def prefix(self, *parts: str) -> str:
        """What all names of the platform in this environment begin with."""
        return "-".join((self.platform.name, self.platform.config.segment, *parts))

    def boundary_name(self) -> str:
        return self.platform.names.role("workload-boundary")

    def boundary_arn(self) -> str:
        """The permissions boundary of every role that is not the bootstrap's."""
        return self.iam_arn(f"policy/{self.boundary_name()}")

    def unit(self, name: str, module: str, inputs: Mapping[str, Any], tags: Rendered | None = None) -> ModuleCall:
        """A unit; `tags` are its own where it has more than the platform's, which the provider adds."""
        if tags is None:
            carried = platform_tags(self.platform)
            return ModuleCall(name, module, inputs, tags=carried, owners=owners(carried))
        changes = tuple(map(str, tags.changes))
        given = {**inputs, "tags": dict(tags.tags)}
        return ModuleCall(name, module, given, tags=tags.tags, owners=owners(tags.tags), tag_changes=changes)

    def root(self, stack: str, *calls: ModuleCall) -> RenderedRoot:
        """A stack whose state lies in the state bucket; every resource carries its unit's tag."""
        config = self.platform.config
        emulated = config.cloud == "emulator"
        return RenderedRoot(
            stack,
            tuple(_marked(call, stack) for call in calls),
            AwsProvider(config.region, config.account, platform_tags(self.platform), config.role, path_style=emulated),
            self._backend(stack, emulated),
        )

    def google_root(self, stack: str, *calls: ModuleCall, files: Mapping[str, Callable[[], bytes]]) -> RenderedRoot:
        """A stack in the environment's Google Cloud project; its state lies in the same bucket as all others."""
        gcp, emulated = self.gcp, self.platform.config.cloud == "emulator"
        labels = platform_labels(self.platform)
        provider = GoogleProvider(gcp.project, gcp.region, labels, gcp.service_account, emulated)
        return RenderedRoot(stack, calls, provider, self._backend(stack, emulated), files=files)

    def _backend(self, stack: str, emulated: bool) -> S3Backend:
        names, config = self.platform.names, self.platform.config
        table = names.lock_table() if config.lock_table else None
        return S3Backend(
            names.state_bucket(), names.state_key(stack), config.region, table, role=config.role, path_style=emulated
        )


def _marked(call: ModuleCall, stack: str) -> ModuleCall:
    """The same unit with the tag by which a resource is found when Terraform dies while it makes it."""
    tags = {**call.inputs.get("tags", {}), UNIT_TAG: unit_tag(stack, call.name)}
    return replace(call, inputs={**call.inputs, "tags": tags})


def after(call: ModuleCall, *keys: tuple[str, ...]) -> ModuleCall:
    """The same unit, which needs these assets of other stacks (beyond those it takes outputs from)."""
    return replace(call, asset_deps=(*call.asset_deps, *keys))


def after_state_backend(call: ModuleCall) -> ModuleCall:
    """The same unit, which needs the bucket its state lies in."""
    return after(call, infra_key(BOOTSTRAP, STATE_BACKEND))
