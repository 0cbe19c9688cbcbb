"""Rules of jobs and the files they name: names that are repeated, columns that are classified, images they run.

Pure functions from a draft to problems, as in `rules.py`, which calls them. Where jobs run is `places.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buildkit_dagster.config.assemble import on_runtime, says_runtime
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.ingest import JobFile
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.naming import schedule_unit_name

#: The class of a whole table among those of columns.
DEFAULT = "default"


def repeated_names(draft: Draft) -> Iterator[Problem]:
    """`asset: contacts` beside a path to a file that says `name: companies`: one of them is a mistake."""
    for entry in draft.jobs:
        for key, files in (
            ("source_connector", draft.connectors),
            ("target_connector", draft.connectors),
            ("asset", draft.assets),
        ):
            written, path = entry.text(key), entry.text(f"{key}_path")
            file = files.get(path or "")
            name = file.text("name") if file else None
            if None not in (written, name) and written != name:
                yield entry.document.problem(
                    (key,), f"{written!r} is not what {path} is called; allowed: {name!r}, or no `{key}`"
                )


def schedule_names(draft: Draft) -> Iterator[Problem]:
    """The schedule that AWS keeps for a job is a unit beside it, and no other job may be called as that is."""
    entries: tuple[Entry[Any], ...] = (*draft.jobs, *draft.projects)
    taken = {
        (entry.text("tenant_id"), schedule_unit_name(entry.name)): entry.name
        for entry in entries
        if entry.text("scheduler") == "eventbridge"
    }
    for entry in entries:
        other = taken.get((entry.text("tenant_id"), entry.name))
        if other is not None:
            yield entry.document.problem(
                (), f"{entry.name!r} is what the schedule of {other!r} is called; choose another name"
            )


def classified_columns(draft: Draft) -> Iterator[Problem]:
    """Classes are given to columns of the table, or to all of it."""
    for entry in draft.jobs:
        asset = draft.assets.get(entry.text("asset_path") or "")
        if entry.value is None or asset is None or asset.value is None:
            continue
        known = [DEFAULT, *(column.name for column in asset.value.columns)]
        for name in entry.value.classification_overrides:
            if name not in known:
                yield entry.document.problem(
                    ("classification_overrides", name), f"no column is called {name!r}; allowed: {', '.join(known)}"
                )


def tenant_of(entry: Entry[JobFile]) -> str:
    """The tenant whose folder the job's file lies in, which is the one it must name."""
    return entry.document.mark(()).file.parent.name


def started_by_objects(draft: Draft) -> Iterator[Problem]:
    """A job that reads files is started by those, and by no others."""
    for entry in draft.jobs:
        connector = draft.connectors.get(entry.text("source_connector_path") or "")
        if entry.value and entry.value.on_objects and connector and connector.text("type") in ("s3", "gcs"):
            yield entry.document.problem(
                ("on_objects",),
                "is for jobs that read no files: this one is started by the files it reads; leave it out",
            )


def image_of(draft: Draft, entry: Entry[JobFile]) -> tuple[Entry[Any], KeyPath, str] | None:
    """The platform's image that a job runs, and where it is written: in the job, or in the environment's `runtime`.

    None where it runs an image from elsewhere, or none.
    """
    if entry.value is None:
        return None
    runtime = on_runtime(entry.value, draft.config.value).infrastructure.runtime
    name = getattr(runtime, "image", None)
    if name is None or getattr(runtime, "image_uri", None) is not None:
        return None
    if says_runtime(entry.value) or draft.config.value is None:
        return entry, ("infrastructure", "runtime", "image"), name
    return draft.config, ("runtime", "image"), name
