"""What the tags of a platform must not be: missing where they are required, too many for a cloud, or another's.

That none is secret is `secret_rules.py`'s, which tags there are `tags/vocabulary.py`'s. Everything else that entries
must not say about each other is `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.ingest import IngestJob, JobFile
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.tags.rendering import AWS, GCP
from buildkit_dagster.tags.vocabulary import VOCABULARY, connector_places
from buildkit_dagster.tags.wanted import job_labels, job_tags, platform_tags, wanted_tags
from buildkit_dagster.terraform.tagged import UNIT_TAG


def claimed_tags(draft: Draft) -> Iterator[Problem]:
    """What identifies platform and tenant is said by them alone; a connector's word would be lost."""
    own = {row.tag: row.places[0] for row in VOCABULARY if not set(connector_places(row.tag)) & {*row.places}}
    for entry in draft.connectors.values():
        for key in entry.value.tags if entry.value else ():
            if key in own:
                yield entry.document.problem(
                    ("tags", key), f"{key!r} cannot come from a connector; it comes from: {own[key]}. Take it away here"
                )


def tags_of_jobs(draft: Draft, platform: Platform) -> Iterator[Problem]:
    """Tags that a job lacks, and jobs that have too many; `platform` is the draft's, which has no other problem."""
    required = set(platform.config.gates.required_tags) & _given_by_jobs(platform)
    jobs = {(job.tenant, job.name): job for job in platform.ingest_jobs}
    for entry in draft.jobs:
        job = jobs.get((entry.value.tenant_id, entry.name)) if entry.value else None
        if job is not None:
            yield from _missing(entry, platform, job, required)
            yield from _too_many(draft, platform, job)


def unknown_tags(draft: Draft, platform: Platform) -> Iterator[Problem]:
    """Tags that are required, or that costs are counted by, and that nothing could ever have."""
    known = {*platform_tags(platform), *_given_by_jobs(platform)}
    costs = platform.config.costs
    asked = [(("gates", "required_tags"), key) for key in platform.config.gates.required_tags]
    for path, key in [*asked, *([(("costs", "by"), costs.by)] if costs else [])]:
        if key not in known:
            yield draft.config.document.problem(
                path, f"no file gives a tag {key!r}; allowed: {', '.join(sorted(known))}"
            )


def _given_by_jobs(platform: Platform) -> set[str]:
    of_connectors = {key for job in platform.ingest_jobs for each in (job.source, job.target) for key in each.tags}
    levels = {"job", "asset"}
    of_metadata = {f"infra_{key}" for job in platform.ingest_jobs for key in job.job.infrastructure.metadata.further}
    known = {row.tag for row in VOCABULARY if levels & {place.level for place in row.places}}
    return known | of_connectors | of_metadata


def _missing(entry: Entry[JobFile], platform: Platform, job: IngestJob, required: set[str]) -> Iterator[Problem]:
    for key in sorted(required - {each.tag for each in wanted_tags(platform, job)} if required else ()):
        row = next((row for row in VOCABULARY if row.tag == key), None)
        places = ", ".join(map(str, row.places if row else connector_places(key)))
        yield entry.document.problem((), f"the required tag {key!r} is missing; give it in one of: {places}")


def _too_many(draft: Draft, platform: Platform, job: IngestJob) -> Iterator[Problem]:
    form, rendered = (AWS, job_tags) if _runs_in_aws(job) else (GCP, job_labels)
    further = job.job.infrastructure.metadata.further
    if len(VOCABULARY) + len(further) + len(job.source.tags) + len(job.target.tags) < form.most:
        return
    count = len({*rendered(platform, job).tags, UNIT_TAG})
    if count > form.most:
        connector = draft.connectors[job.job.source_connector_path]
        yield connector.document.problem(
            ("tags",),
            f"the resources of job {job.tenant}/{job.name} would have {count} tags; allowed: {form.most}, which is "
            f"what {form.cloud} takes on one resource. Take {count - form.most} away from its connectors"
            f"{' or its `infrastructure.metadata`' if further else ''}",
        )


def _runs_in_aws(job: IngestJob) -> bool:
    return not job.job.infrastructure.runtime.type.startswith("gcp_")
