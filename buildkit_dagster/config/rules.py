"""What the entries of a platform must not say about each other: duplicate names, references that lead nowhere.

Pure functions from a draft to problems; the only thing asked of the disk is whether a path exists. Rules of single
entries are in `models.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any

from buildkit_dagster.config.assemble import platform_of
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.models import PACKAGE_IMAGE, JobFile, SourceConnector, TargetConnector
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.naming import RESERVED_BUCKETS, identifier
from buildkit_dagster.stacks.build import unit_names

#: First segments of asset keys that are not a dbt project's or a source's.
RESERVED = ("infra", "image")

#: A connector's own tags: what is left of AWS's 50 beside at most 26 of ours, for a source and a target.
MOST_CONNECTOR_TAGS = 12


def problems_between(draft: Draft) -> list[Problem]:
    """Every problem that needs more than one entry, or the folder, to see."""
    problems = [problem for rule in _RULES for problem in rule(draft)]
    # Which units there are is known of a platform that is right in everything else.
    has_settings = draft.config.value is not None and draft.config.value.stacks
    if has_settings and not (problems or draft.problems or draft.sources.problems):
        problems += _settings_of_stacks(draft, unit_names(platform_of(draft)))
    return problems


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
    yield from _duplicates(draft.jobs, lambda entry: identifier(_folder(entry), entry.name), (), "job")
    for entry in draft.jobs:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,59}", entry.name):
            yield entry.document.problem(
                (),
                f"a job is called as its file, and {entry.name!r} is not allowed; allowed: at most 60 lower-case "
                "letters, digits, hyphens and underscores, starting with a letter",
            )
        tenant = entry.text("tenant_id")
        if tenant is not None and tenant != _folder(entry):
            yield entry.document.problem(
                ("tenant_id",), f"{tenant!r} is not the job's folder; allowed: {_folder(entry)!r}"
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
                f"table {'/'.join(key)} is already loaded by {other.document.mark(()).file.name}; one job per table",
            )


def _reserved_sources(draft: Draft) -> Iterator[Problem]:
    for entry in draft.assets.values():
        if entry.value and entry.value.source_type in RESERVED:
            yield entry.document.problem(
                ("source_type",), f"{entry.value.source_type!r} is the first part of other asset keys; choose another"
            )


def _references_of_jobs(draft: Draft) -> Iterator[Problem]:
    for entry in draft.jobs:
        yield from _dangling(entry, ("asset_path",), entry.text("asset_path"), draft.assets, "asset file")
        yield from _connector(draft, entry, "source_connector_path", SourceConnector)
        yield from _connector(draft, entry, "target_connector_path", TargetConnector)
        path = ("infrastructure", "runtime", "image")
        if entry.text("infrastructure", "runtime", "image_uri") is None:
            yield from _dangling(entry, path, entry.text(*path) or PACKAGE_IMAGE, draft.config.names("images"), "image")


def _connector(draft: Draft, entry: Entry[JobFile], key: str, model: type) -> Iterator[Problem]:
    path = entry.text(key)
    yield from _dangling(entry, (key,), path, draft.connectors, "connector file")
    found = draft.connectors.get(path or "")
    if found and found.value and not isinstance(found.value, model):
        fitting = [name for name, other in draft.connectors.items() if isinstance(other.value, model)]
        yield entry.document.problem(
            (key,), f"{path} has type {found.value.type!r}, which cannot stand here; allowed: {_listed(fitting)}"
        )


def _references_of_connectors(draft: Draft) -> Iterator[Problem]:
    for entry in draft.connectors.values():
        yield from _dangling(entry, ("bucket",), entry.text("bucket"), draft.config.names("buckets"), "bucket")


def _references_of_projects(draft: Draft) -> Iterator[Problem]:
    for entry in draft.projects:
        images = draft.config.names("images")
        yield from _dangling(entry, ("image",), entry.text("image") or PACKAGE_IMAGE, images, "image")
        path = entry.text("path")
        if path is not None:
            yield from _missing(draft, entry, ("path",), path, "dbt_project.yml")
        elif entry.text("runtime") == "local":
            yield entry.document.problem(
                ("path",), "required key is missing: `runtime: local` runs the project from it"
            )


def _references_of_environment(draft: Draft) -> Iterator[Problem]:
    entry = draft.config
    for project in entry.names("dbt_projects") or ():
        yield from _dangling(entry, ("dbt_projects", project), project, draft.project_names, "dbt project")
    if entry.value is None:
        return
    for name, image in entry.value.images.items():
        if image.context is not None:
            yield from _missing(draft, entry, ("images", name, "context"), image.context, image.dockerfile)
    for repository, folder in entry.value.emulator.repositories.items():
        yield from _missing(draft, entry, ("emulator", "repositories", repository), folder)


def _regions(draft: Draft) -> Iterator[Problem]:
    """A tenant's jobs are one stack, and a stack has one region."""
    region, path = draft.config.text("region"), ("infrastructure", "runtime", "region")
    for entry in draft.jobs:
        written = entry.text(*path)
        if written is not None and region is not None and written != region:
            yield entry.document.problem(
                path,
                f"{written!r} is not the region of environment {draft.environment}; allowed: {region!r}, or no region",
            )


def _bucket_names(draft: Draft) -> Iterator[Problem]:
    for name in set(draft.config.names("buckets") or ()) & set(RESERVED_BUCKETS):
        yield draft.config.document.problem(
            ("buckets", name), f"{name!r} is a bucket of the platform itself; taken: {', '.join(RESERVED_BUCKETS)}"
        )


def _tag_count(draft: Draft) -> Iterator[Problem]:
    """Only connectors name tags of their own; all others are a fixed few."""
    for entry in draft.connectors.values():
        if entry.value and len(entry.value.tags) > MOST_CONNECTOR_TAGS:
            yield entry.document.problem(
                ("tags",), f"{len(entry.value.tags)} tags; allowed: {MOST_CONNECTOR_TAGS}, AWS takes 50 per resource"
            )


def _settings_of_stacks(draft: Draft, units: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Settings of stacks and units there are not; `units` are those of each stack."""
    entry = draft.config
    for stack, settings in entry.value.stacks.items() if entry.value else ():
        yield from _dangling(entry, ("stacks", stack), stack, units, "stack")
        for unit in settings.units if stack in units else ():
            yield from _dangling(entry, ("stacks", stack, "units", unit), unit, units[stack], f"unit of {stack}")


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


def _dangling(
    entry: Entry[Any], path: KeyPath, name: str | None, known: Collection[str] | None, what: str
) -> Iterator[Problem]:
    """`name` is not among the `known`; nothing to say where either was not written."""
    if name is None or known is None or name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ";"
    yield entry.document.problem(path, f"there is no {what} {name!r}{hint} allowed: {_listed(known)}")


def _missing(draft: Draft, entry: Entry[Any], path: KeyPath, folder: str, file: str = "") -> Iterator[Problem]:
    """A folder that must lie in the platform folder and, where `file` is given, hold that file."""
    found = (draft.sources.folder / folder).resolve()
    if not found.is_relative_to(draft.sources.folder):
        yield entry.document.problem(path, f"{folder!r} lies outside the platform folder; write a path inside it")
    elif not found.is_dir():
        yield entry.document.problem(path, f"there is no folder {folder!r} in the platform folder")
    elif file and not (found / file).is_file():
        yield entry.document.problem(path, f"the folder {folder!r} holds no {file}")


def _folder(entry: Entry[Any]) -> str:
    return entry.document.mark(()).file.parent.name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none is described"


_RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _project_names,
    _job_names,
    _tables,
    _reserved_sources,
    _references_of_jobs,
    _references_of_connectors,
    _references_of_projects,
    _references_of_environment,
    _regions,
    _bucket_names,
    _tag_count,
)
