"""All stacks of a platform, in the order they depend on each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from buildkit_dagster.config.models import Platform
from buildkit_dagster.stacks.bootstrap import bootstrap_root
from buildkit_dagster.stacks.dbt import dbt_root
from buildkit_dagster.stacks.ingest import ingest_root
from buildkit_dagster.stacks.ingest_gcp import ingest_gcp_root
from buildkit_dagster.stacks.lake import lake_root
from buildkit_dagster.stacks.registry import registry_root
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.rendered_root import RenderedRoot


def platform_roots(platform: Platform, image_tags: Mapping[str, str]) -> tuple[RenderedRoot, ...]:
    """The root of every stack; `image_tags` are the content tags of the platform's images by their names."""
    scope = Scope(platform)
    roots = (
        bootstrap_root(scope),
        registry_root(scope, image_tags),
        lake_root(scope),
        dbt_root(scope, image_tags),
        *(ingest_root(scope, tenant, image_tags) for tenant in platform.tenants),
        *(ingest_gcp_root(scope, tenant) for tenant in platform.tenants),
    )
    return tuple(root for root in roots if root is not None)


def unit_names(platform: Platform) -> dict[str, tuple[str, ...]]:
    """The units of every stack by their names; reads no build contexts of images."""
    roots = platform_roots(platform, defaultdict(str))
    return {root.stack: tuple(call.name for call in root.calls) for root in roots}
