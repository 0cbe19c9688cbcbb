"""What `buildkit tags` shows of units: every tag with its source and what becomes of it on each cloud.

Finding values is `tags/wanted.py`, writing them `tags/rendering.py`; nothing is asked of a cloud here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import terraform_stacks
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.naming import ingest_stack
from buildkit_dagster.stacks.scope import DBT
from buildkit_dagster.tags.rendering import Rendered, aws_tags, gcp_labels, text_of
from buildkit_dagster.tags.wanted import Subject, wanted_tags


@dataclass(frozen=True)
class TagRow:
    """One tag of one unit. `aws` and `gcp` are `key=value` as the cloud takes them, empty where it is left out;
    `changed` says why they are not what was written."""

    unit: str
    tag: str
    value: str
    source: str
    aws: str
    gcp: str
    changed: tuple[str, ...]


def tag_rows(platform: Platform, selection: str | None) -> list[TagRow]:
    """The tags of the selected units, stack by stack."""
    chosen = chosen_units(terraform_stacks(platform), selection, None)
    return [
        row
        for stack, units in chosen.items()
        for unit in units
        for row in _rows(platform, f"infra/{stack.name}/{unit}", subject_of(platform, stack.name, unit))
    ]


def subject_of(platform: Platform, stack: str, unit: str) -> Subject:
    """Whose unit it is: an ingest job's, a dbt project's, or None for the platform's own."""
    entry = unit.partition("__")[0]
    if stack == DBT:
        return next((project for project in platform.dbt_projects if project.name == entry), None)
    of_tenants = [tenant for tenant in platform.tenants if f"{stack}-".startswith(f"{ingest_stack(tenant)}-")]
    tenant = max(of_tenants, key=len, default=None)
    return next((job for job in platform.ingest_jobs if (job.tenant, job.name) == (tenant, entry)), None)


def _rows(platform: Platform, unit: str, subject: Subject) -> Iterator[TagRow]:
    wanted = wanted_tags(platform, subject)
    values = {each.tag: each.value for each in wanted}
    clouds = {"AWS": aws_tags(values), "Google": gcp_labels(values)}
    for each in wanted:
        aws, gcp = (_written(rendered, each.tag) for rendered in clouds.values())
        changed = tuple(
            f"{cloud}: {change.reason}"
            for cloud, rendered in clouds.items()
            for change in rendered.changes
            if change.tag == each.tag
        )
        yield TagRow(unit, each.tag, text_of(each.value), str(each.source), aws, gcp, changed)


def _written(rendered: Rendered, tag: str) -> str:
    key = rendered.keys.get(tag)
    return f"{key}={rendered.tags[key]}" if key else ""
