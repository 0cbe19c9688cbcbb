"""What the entries of a platform point at: other entries, stacks and units, and paths in the folder, must be there.

Pure functions from a draft to problems, as in `rules.py`, which calls them; the only thing asked of the disk is whether
a path exists.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from buildkit_dagster.config.connectors import SOURCES, TARGETS
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.job_rules import image_of
from buildkit_dagster.config.job_sources import READS
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.naming import PACKAGE_IMAGE


def references_of_jobs(draft: Draft) -> Iterator[Problem]:
    """Their asset file, their connectors, of a kind that can stand there, their image and bucket."""
    for entry in draft.jobs:
        yield from _dangling(entry, ("asset_path",), entry.text("asset_path"), draft.assets, "asset file")
        yield from _connector(draft, entry, "source_connector_path", SOURCES)
        yield from _connector(draft, entry, "target_connector_path", TARGETS)
        yield from _bucket_of_objects(draft, entry)
        image = image_of(draft, entry)
        if image is not None:
            yield from _dangling(*image, draft.config.names("images"), "image")


def _connector(draft: Draft, entry: Entry[JobFile], key: str, models: tuple[type, ...]) -> Iterator[Problem]:
    path = entry.text(key)
    yield from _dangling(entry, (key,), path, draft.connectors, "connector file")
    found = draft.connectors.get(path or "")
    if found and found.value and not isinstance(found.value, models):
        fitting = [name for name, other in draft.connectors.items() if isinstance(other.value, models)]
        yield entry.document.problem(
            (key,), f"{path} has type {found.value.type!r}, which cannot stand here; allowed: {_listed(fitting)}"
        )


def references_of_connectors(draft: Draft) -> Iterator[Problem]:
    """A bucket in AWS is one of the lake's; those of Google Cloud are the user's own."""
    for entry in draft.connectors.values():
        if entry.text("type") != "gcs":
            yield from _dangling(entry, ("bucket",), entry.text("bucket"), draft.config.names("buckets"), "bucket")


def reads_of_jobs(draft: Draft) -> Iterator[Problem]:
    """What a job reads is of its source's kind."""
    for entry in draft.jobs:
        connector = draft.connectors.get(entry.text("source_connector_path") or "")
        wanted = READS.get(type(connector.value)) if connector else None
        if entry.value and entry.value.source and wanted and connector and not isinstance(entry.value.source, wanted):
            yield entry.document.problem(
                ("source",),
                f"has `{entry.value.source.tag[1:-1]}`, and {entry.value.source_connector_path} has type "
                f"{connector.text('type')!r}, of which a job reads `{wanted.tag[1:-1]}`",
            )


def references_of_projects(draft: Draft) -> Iterator[Problem]:
    """Their image, their bucket and, where it is in the platform folder, the project itself."""
    for entry in draft.projects:
        images = draft.config.names("images")
        yield from _dangling(entry, ("image",), entry.text("image") or PACKAGE_IMAGE, images, "image")
        yield from _bucket_of_objects(draft, entry)
        path = entry.text("path")
        if path is not None:
            yield from _missing(draft, entry, ("path",), path, "dbt_project.yml")
        elif entry.text("runtime") == "local":
            yield entry.document.problem(
                ("path",), "required key is missing: `runtime: local` runs the project from it"
            )


def _bucket_of_objects(draft: Draft, entry: Entry[Any]) -> Iterator[Problem]:
    path = ("on_objects", "bucket")
    yield from _dangling(entry, path, entry.text(*path), draft.config.names("buckets"), "bucket")


def references_of_environment(draft: Draft) -> Iterator[Problem]:
    """The projects it has settings for, and the folders of its images and of the emulator."""
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


def settings_of_stacks(draft: Draft, units: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Settings of stacks and units there are not; `units` are those of each stack."""
    entry = draft.config
    for stack, settings in entry.value.stacks.items() if entry.value else ():
        yield from _dangling(entry, ("stacks", stack), stack, units, "stack")
        for unit in settings.units if stack in units else ():
            yield from _dangling(entry, ("stacks", stack, "units", unit), unit, units[stack], f"unit of {stack}")


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


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none is described"
