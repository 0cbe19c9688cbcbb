"""What is right in a platform folder and yet worth knowing: what is left out, read in an old form, taken by default
or too small.

Problems are `validate.py`'s, what is to be said of a dbt project's keys `project_remarks.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from buildkit_dagster.config.assemble import on_runtime, says_runtime
from buildkit_dagster.config.assets import TableAsset
from buildkit_dagster.config.cloud_run import mebibytes
from buildkit_dagster.config.draft import Draft, project_entries
from buildkit_dagster.config.nested_assets import flattened, is_nested, places
from buildkit_dagster.config.problems import path_text
from buildkit_dagster.config.project_remarks import project_remarks
from buildkit_dagster.config.rewrite_assets import unnested
from buildkit_dagster.config.runtimes import GCP_RUNTIMES, AwsLambda, CloudFunction, CloudRun, EcsFargate, Runtime
from buildkit_dagster.config.sources import CONFIG_FOLDER, GROUPS, PLATFORM_FILE, PROJECTS_FILE, Sources, is_yaml
from buildkit_dagster.config.tenant_data import shared_reads
from buildkit_dagster.config.yaml import Document
from buildkit_dagster.naming import INGEST_MODULE

#: What to do about jobs in Google Cloud where AWS alone is emulated.
WHERE_THEY_RUN = (
    "Jobs in Google Cloud run in an environment with `cloud: aws`; for the emulated one, leave "
    "`infrastructure.runtime` out of them, and let each environment's `runtime` in config/platform.yaml say where "
    "they run, here `{type: local}`."
)
#: The runtimes whose image may be one from elsewhere.
_IN_IMAGES = (EcsFargate, AwsLambda, CloudRun)
#: More names than these make nobody wiser.
_SHOWN = 5
#: MB of memory in which a load ends: measured, the smallest one takes about 330 MB (docs/jobs.md).
_LEAST_MEMORY = 512


def remarks_on(sources: Sources, drafts: Sequence[Draft]) -> list[str]:
    """Whole sentences; `drafts` are the environments of the platform, which has no problems."""
    return [
        *_projects(sources),
        *_unread(sources),
        *_old_assets(sources),
        *_unread_keys(sources),
        *_runtimes(drafts),
        *_small_functions(drafts),
        *_foreign_images(drafts),
        *_shared_reads(drafts),
        *_not_emulated(drafts),
    ]


def _projects(sources: Sources) -> Iterator[str]:
    if sources.projects is None:
        yield f"Left out: no dbt projects: there is no {CONFIG_FOLDER}/{PROJECTS_FILE}."
        return
    projects = [entry.value for entry in project_entries(sources.projects)[0] if entry.value]
    inactive = [project.name for project in projects if not project.active]
    if inactive:
        yield f"Left out: dbt projects that are not active: {', '.join(inactive)}."
    yield from project_remarks([project for project in projects if project.active])


def _unread(sources: Sources) -> Iterator[str]:
    """Files that somebody wrote and nobody reads, as in a folder `connector`."""
    config = sources.folder / CONFIG_FOLDER
    read = {document.mark(()).file for document in sources.documents()}
    unread = sorted({file for file in config.rglob("*") if is_yaml(file)} - read)
    if unread:
        names = [file.relative_to(sources.folder).as_posix() for file in unread]
        yield (
            f"Left out: nothing reads {some(names)}. Read are {PLATFORM_FILE}, {PROJECTS_FILE} and what is in "
            f"{', '.join(GROUPS)} of {CONFIG_FOLDER}."
        )


def _old_assets(sources: Sources) -> Iterator[str]:
    for name, document in sources.assets.items():
        if is_nested(document):
            yield f"{CONFIG_FOLDER}/{name}: {old_form(document)}"


def _unread_keys(sources: Sources) -> Iterator[str]:
    """Keys of assets that nothing comes of, told once for all files that have them."""
    told: dict[str, list[str]] = {}
    for name, document in sources.assets.items():
        asset = flattened(document)
        for key in asset.data:
            if key in TableAsset.unread:
                why = TableAsset.unread[key]
                told.setdefault(f"`{key}`" + (f" ({why})" if why else ""), []).append(name)
        quality = asset.data.get("data_quality")
        if isinstance(quality, Mapping) and "expectations" in quality:
            told.setdefault("`data_quality.expectations` (checked are `unique`, `volume` and `freshness`)", []).append(
                name
            )
    for key, names in told.items():
        yield f"Nothing comes of {key} in {some(names)}."


def old_form(document: Document) -> str:
    """How a nested asset is read, and how it becomes one of today."""
    moved = [each for each in places(document) if each.new and len(each.new) > 1]
    gone = [f"`{path_text(each.old)}`" for each in places(document) if each.new is None]
    told = ["what stands below `asset` stands at the top"]
    told += [f"`{path_text(each.old)}` is `{path_text(each.new or ())}`" for each in moved]
    told += [f"nothing reads {', '.join(gone)}"] if gone else []
    return f"read in its old form: {', '.join(told)}. {_how_to_rewrite(document)}"


def _how_to_rewrite(document: Document) -> str:
    text = document.mark(()).file.read_text(encoding="utf-8")
    if unnested(document, text) is not None:
        return "Rewrite it: buildkit validate --fix"
    new = yaml.safe_dump(flattened(document).data, sort_keys=False, allow_unicode=True)
    return f"Its lines cannot be moved one by one; write instead:\n{new}"


def _runtimes(drafts: Sequence[Draft]) -> Iterator[str]:
    """Where jobs run that do not say it, told once for all environments in which it is the same."""
    told: dict[str, list[str]] = {}
    for draft in drafts:
        jobs = [f"{job.value.tenant_id}/{job.name}" for job in draft.jobs if job.value and not says_runtime(job.value)]
        if jobs and draft.config.value is not None:
            text = f"on {runtime_text(draft.config.value.runtime)}: {some(jobs)}"
            told.setdefault(text, []).append(draft.environment)
    for text, environments in told.items():
        yield f"Jobs without `infrastructure.runtime` run, in {' and '.join(environments)}, {text}."


def _small_functions(drafts: Sequence[Draft]) -> Iterator[str]:
    """Functions that the cloud would make, and that would end in the middle of their first load."""
    small = dict.fromkeys(
        f"{job.value.tenant_id}/{job.name}"
        for draft in drafts
        for job in draft.jobs
        if job.value and _memory(on_runtime(job.value, draft.config.value).infrastructure.runtime) < _LEAST_MEMORY
    )
    if small:
        shown = some([*small])
        yield f"Functions with less than {_LEAST_MEMORY} MB, while the smallest load takes about 330 MB: {shown}."


def _foreign_images(drafts: Sequence[Draft]) -> Iterator[str]:
    """Images that the platform did not build: they are started by its command, whatever theirs is."""
    told = dict.fromkeys(
        f"{job.value.tenant_id}/{job.name} ({runtime.image_uri})"
        for draft in drafts
        for job in draft.jobs
        if job.value
        and isinstance(runtime := on_runtime(job.value, draft.config.value).infrastructure.runtime, _IN_IMAGES)
        and runtime.image_uri
    )
    if told:
        yield (
            "Images from elsewhere must hold the Python package `buildkit-dagster` of this version: they are started "
            f"by `python -m {INGEST_MODULE}` in place of their own command, in Lambda by `python -m awslambdaric`, "
            f"which they need too: {some([*told])}."
        )


def _shared_reads(drafts: Sequence[Draft]) -> Iterator[str]:
    """Objects that jobs of more than one tenant were told to read, told once for each of them."""
    told: dict[str, dict[str, None]] = {}
    for claim, other in (pair for draft in drafts for pair in shared_reads(draft)):
        told.setdefault(f"{other.prefix} of bucket {other.bucket}", {other.job: None})[claim.job] = None
    for prefix, jobs in told.items():
        yield f"Read by jobs of more than one tenant, as their files say: {prefix}, by {some([*jobs])}."


def _not_emulated(drafts: Sequence[Draft]) -> Iterator[str]:
    """Jobs in Google Cloud, in an environment that emulates AWS alone."""
    for draft in drafts:
        config = draft.config.value
        if config is None or config.cloud != "emulator":
            continue
        kinds = {
            f"{job.value.tenant_id}/{job.name}": on_runtime(job.value, config).infrastructure.runtime.type
            for job in draft.jobs
            if job.value
        }
        jobs = [name for name, kind in kinds.items() if kind in GCP_RUNTIMES]
        if jobs:
            yield f"Left out, as {draft.environment} emulates AWS alone: {some(jobs)}. {WHERE_THEY_RUN}"


def _memory(runtime: Runtime) -> int:
    """Memory in MB of a function; more than any where the runtime is none."""
    if isinstance(runtime, CloudFunction):
        return mebibytes(runtime.memory)
    return runtime.memory if isinstance(runtime, AwsLambda) else _LEAST_MEMORY


def runtime_text(runtime: Runtime) -> str:
    """`aws_ecs_fargate with cpu 1024, memory 2048, timeout 3600`."""
    told = runtime.model_dump(exclude={"type"}, exclude_none=True)
    return f"{runtime.type} with {', '.join(f'{key} {value}' for key, value in told.items())}"


def some(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
