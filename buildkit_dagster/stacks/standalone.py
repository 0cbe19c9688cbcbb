"""One ingest job's infrastructure as a root of its own, for those who run Terraform without Dagster.

It is the unit the platform would apply, in the same module with the same inputs. What the platform takes from other
stacks' outputs is a variable here, and the state has a key of its own, so it never touches the platform's. Writing the
files is `terraform/written_root.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.naming import ingest_stack, standalone_name
from buildkit_dagster.stacks.build import platform_roots
from buildkit_dagster.terraform.rendered_root import ModuleCall, RenderedRoot
from buildkit_dagster.terraform.tagged import UNIT_TAG, unit_tag

#: The clouds and kinds of resource a generated root can be asked to be for, by the runtime that makes them.
KINDS: Mapping[str, tuple[str, str]] = {
    "aws_ecs_fargate": ("aws", "ecs_fargate"),
    "aws_lambda": ("aws", "lambda"),
    "gcp_cloud_run": ("gcp", "cloud_run"),
    "gcp_cloud_function": ("gcp", "cloud_function"),
}


def standalone_root(platform: Platform, job: IngestJob, image_tags: Mapping[str, str]) -> RenderedRoot:
    """The root of a job whose runtime is one of `KINDS`."""
    alone = platform.model_copy(update={"ingest_jobs": (job,)})
    roots = platform_roots(alone, image_tags)
    [root] = [root for root in roots if root.stack.startswith(ingest_stack(job.tenant))]
    name = standalone_name(job.tenant, job.asset.name)
    backend = replace(root.backend, key=platform.names.state_key(f"standalone/{name}")) if root.backend else None
    return replace(root, stack=name, calls=tuple(_marked(call, name) for call in root.calls), backend=backend)


def _marked(call: ModuleCall, stack: str) -> ModuleCall:
    """Its resources are not the platform's: they carry the name of their own root, in AWS, where units have a tag."""
    if "tags" not in call.inputs:
        return replace(call, depends_on=())
    tags = {**call.inputs["tags"], UNIT_TAG: unit_tag(stack, call.name)}
    return replace(call, inputs={**call.inputs, "tags": tags}, depends_on=())
