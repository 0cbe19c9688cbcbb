"""What the entries of a platform must not say about each other, and the list of all such rules.

Pure functions from a draft to problems. Names are here; each other subject has a file of its own (`references.py`,
`places.py`, `job_rules.py`, ...). Rules of single entries are in the models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from buildkit_dagster.config.assemble import platform_of
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.job_rules import (
    classified_columns,
    repeated_names,
    schedule_names,
    started_by_objects,
    tenant_of,
)
from buildkit_dagster.config.places import (
    gcp_problems,
    network_problems,
    region_problems,
    scheduler_problems,
    secret_problems,
    tenant_problems,
)
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.config.references import (
    reads_of_jobs,
    references_of_connectors,
    references_of_environment,
    references_of_jobs,
    references_of_projects,
    settings_of_stacks,
)
from buildkit_dagster.config.secret_rules import secret_settings, secret_tags, secret_texts, secret_variables
from buildkit_dagster.config.tagging import claimed_tags, tags_of_jobs, unknown_tags
from buildkit_dagster.config.target_rules import target_problems
from buildkit_dagster.config.tenant_data import shared_data
from buildkit_dagster.naming import RESERVED_BUCKETS, identifier
from buildkit_dagster.stacks.build import unit_names

#: First segments of asset keys that are not a dbt project's or a source's.
RESERVED = ("infra", "image", "costs")

_OF_ANOTHER_TENANT = ": give each tenant an asset file of its own, with a `source_type` or `object` of its own"


def problems_between(draft: Draft) -> list[Problem]:
    """Every problem that needs more than one entry, or the folder, to see."""
    problems = [problem for rule in _RULES for problem in rule(draft)]
    if problems or draft.problems or draft.sources.problems or draft.config.value is None:
        return problems
    # Which units and tags there are is known of a platform that is right in everything else.
    platform = platform_of(draft)
    if platform.config.stacks:
        problems += settings_of_stacks(draft, unit_names(platform))
    return [*problems, *unknown_tags(draft, platform), *tags_of_jobs(draft, platform)]


def _project_names(draft: Draft) -> Iterator[Problem]:
    """Asset keys start with the project's name, and Dagster's names know no hyphens."""
    named = [entry for entry in draft.projects if entry.name]
    yield from _duplicates(named, lambda entry: identifier(entry.name), ("name",), "dbt project")
    sources = {entry.value.source_type for entry in draft.assets.values() if entry.value}
    for entry in named:
        if entry.name in RESERVED or entry.name in sources:
            yield entry.document.problem(
                ("name",),
                f"{entry.name!r} is already the first part of other asset keys; "
                f"taken: {', '.join(sorted({*RESERVED, *sources}))}",
            )


def _job_names(draft: Draft) -> Iterator[Problem]:
    """A job is called as its file and belongs to the tenant its folder is called after.

    Cloud names and Dagster's are made of both: tenant `a-b` with job `c` is tenant `a` with job `b-c`.
    """
    yield from _duplicates(draft.jobs, lambda entry: identifier(tenant_of(entry), entry.name), (), "job")
    for entry in draft.jobs:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,59}", entry.name):
            yield entry.document.problem(
                (),
                f"a job is called as its file, and {entry.name!r} is not allowed; allowed: at most 60 lower-case "
                "letters, digits, hyphens and underscores, starting with a letter",
            )
        tenant = entry.text("tenant_id")
        if tenant is not None and tenant != tenant_of(entry):
            yield entry.document.problem(
                ("tenant_id",), f"{tenant!r} is not the job's folder; allowed: {tenant_of(entry)!r}"
            )


def _tables(draft: Draft) -> Iterator[Problem]:
    """Two jobs for one table would be two assets with one key."""
    first: dict[tuple[str, str], Entry[JobFile]] = {}
    for entry in draft.jobs:
        asset = draft.assets.get(entry.text("asset_path") or "")
        if asset is None or asset.value is None:
            continue
        key = (asset.value.source_type, asset.value.object)
        other = first.setdefault(key, entry)
        if other is not entry:
            yield entry.document.problem(
                ("asset_path",),
                f"table {'/'.join(key)} is already loaded by job {tenant_of(other)}/{other.name}; one job per table"
                + (_OF_ANOTHER_TENANT if tenant_of(other) != tenant_of(entry) else ""),
            )


def _reserved_sources(draft: Draft) -> Iterator[Problem]:
    for entry in draft.assets.values():
        if entry.value and entry.value.source_type in RESERVED:
            yield entry.document.problem(
                ("source_type",), f"{entry.value.source_type!r} is the first part of other asset keys; choose another"
            )


def _bucket_names(draft: Draft) -> Iterator[Problem]:
    for name in set(draft.config.names("buckets") or ()) & set(RESERVED_BUCKETS):
        yield draft.config.document.problem(
            ("buckets", name), f"{name!r} is a bucket of the platform itself; taken: {', '.join(RESERVED_BUCKETS)}"
        )


def _duplicates(
    entries: Iterable[Entry[Any]], key: Callable[[Entry[Any]], Hashable], path: KeyPath, what: str
) -> Iterator[Problem]:
    first: dict[Hashable, Entry[Any]] = {}
    for entry in entries:
        other = first.setdefault(key(entry), entry)
        if other is not entry:
            place = other.document.mark(path)
            yield entry.document.problem(
                path,
                f"duplicate name {entry.name!r}: {place.file.parent.name}/{place.file.name}:{place.line} already names "
                f"a {what} {other.name!r}; names must differ in more than hyphens and underscores",
            )


_RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _project_names,
    _job_names,
    _tables,
    _reserved_sources,
    references_of_jobs,
    repeated_names,
    classified_columns,
    started_by_objects,
    references_of_connectors,
    reads_of_jobs,
    target_problems,
    references_of_projects,
    references_of_environment,
    region_problems,
    gcp_problems,
    scheduler_problems,
    network_problems,
    secret_problems,
    tenant_problems,
    shared_data,
    _bucket_names,
    secret_tags,
    secret_settings,
    secret_variables,
    secret_texts,
    claimed_tags,
    schedule_names,
)
