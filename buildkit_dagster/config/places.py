"""Rules of where jobs run: the region of their stack, a project of Google Cloud, what starts them.

Pure functions from a draft to problems, as in `rules.py`, which calls them. What the vendors allow is in `runtimes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from buildkit_dagster.config.assemble import on_runtime
from buildkit_dagster.config.cloud_scheduler import cloud_schedule
from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.eventbridge import ScheduleError
from buildkit_dagster.config.gcp import is_googles
from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.runtimes import AWS_RUNTIMES, GCP_RUNTIMES, STARTS
from buildkit_dagster.config.values import Model


def region_problems(draft: Draft) -> Iterator[Problem]:
    """A tenant's jobs in AWS are one stack, and a stack has one region; in Google's cloud each resource has its own."""
    region = draft.config.text("region")
    for entry, path in _runtimes(draft):
        written = entry.text(*path, "region")
        in_google = str(entry.text(*path, "type")) in GCP_RUNTIMES
        if written is not None and region is not None and written != region and not in_google:
            yield entry.document.problem(
                (*path, "region"),
                f"{written!r} is not the region of environment {draft.environment}; allowed: {region!r}, or no region",
            )


def gcp_problems(draft: Draft) -> Iterator[Problem]:
    """Jobs that run in Google's cloud, in an environment that does not say in which project."""
    config = draft.config.value
    if config is None or config.gcp is not None:
        return
    for entry, path in _runtimes(draft):
        kind = entry.text(*path, "type")
        if kind in GCP_RUNTIMES:
            yield entry.document.problem(
                (*path, "type"),
                f"{kind!r} needs a project of Google Cloud, and environment {draft.environment} has no `gcp`; "
                "write `gcp: {project: PROJECT_ID}` into its entry in config/platform.yaml",
            )


def scheduler_problems(draft: Draft) -> Iterator[Problem]:
    """A cloud's own scheduler starts what runs in that cloud, by the job's `schedule`."""
    for entry in draft.jobs:
        job = entry.value
        if job is None or job.scheduler == "dagster":
            continue
        kind = on_runtime(job, draft.config.value).infrastructure.runtime.type
        if kind not in STARTS[job.scheduler]:
            allowed = ["dagster", *(name for name, kinds in STARTS.items() if kind in kinds)]
            message = f"{job.scheduler!r} cannot start a job in {kind}; allowed: {', '.join(allowed)}"
            yield entry.document.problem(("scheduler",), message)
        elif job.schedule is None:
            message = (
                f"{job.scheduler!r} starts the job by its `schedule`, which is missing; write one, or leave this out"
            )
            yield entry.document.problem(("scheduler",), message)
        elif job.scheduler == "cloud_scheduler" and (reason := _not_for_google(job.schedule)):
            yield entry.document.problem(("schedule",), reason)


def network_problems(draft: Draft) -> Iterator[Problem]:
    """Functions reach a VPC by a connector only: Cloud Run functions documentation, "Connecting to a VPC network"."""
    gcp = draft.config.value.gcp if draft.config.value else None
    if gcp is None or gcp.network is None or gcp.network.connector:
        return
    for entry, path in _runtimes(draft):
        if entry.text(*path, "type") == "gcp_cloud_function":
            yield entry.document.problem(
                (*path, "type"),
                f"a function reaches a VPC by a connector only, and `gcp.network` of environment {draft.environment} "
                "names a network; allowed: `connector`, no `gcp.network`, or `type: gcp_cloud_run`",
            )


def secret_problems(draft: Draft) -> Iterator[Problem]:
    """A job's secrets are where it runs: Google's accounts read nothing of AWS, and the other way round."""
    for entry in draft.jobs:
        if entry.value is None:
            continue
        kind = on_runtime(entry.value, draft.config.value).infrastructure.runtime.type
        if kind not in (*AWS_RUNTIMES, *GCP_RUNTIMES):
            continue
        in_google = kind in GCP_RUNTIMES
        for key in ("source_connector_path", "target_connector_path"):
            found = draft.connectors.get(entry.text(key) or "")
            wrong = [name for name in _secrets_in(found.value if found else None) if is_googles(name) != in_google]
            if wrong:
                form = "projects/PROJECT/secrets/NAME" if in_google else "the ARN of a secret of Secrets Manager"
                yield entry.document.problem(
                    (key,),
                    f"its secret {wrong[0]} is in another cloud than the job, which runs in {kind}; allowed: {form}",
                )


def tenant_problems(draft: Draft) -> Iterator[Problem]:
    """The Google stack of tenant `a` is called `ingest-a-gcp`, as the AWS one of a tenant `a-gcp` would be."""
    tenants = {entry.text("tenant_id") for entry in draft.jobs}
    for entry in draft.jobs:
        tenant = entry.text("tenant_id") or ""
        if tenant.endswith("-gcp") and tenant.removesuffix("-gcp") in tenants:
            yield entry.document.problem(
                ("tenant_id",),
                f"{tenant!r} would share a stack with {tenant.removesuffix('-gcp')!r}, whose jobs in Google Cloud are "
                f"stack ingest-{tenant}; choose another",
            )


def _secrets_in(value: object) -> Iterator[str]:
    """The names of secrets anywhere in a connector."""
    if isinstance(value, Model):
        value = value.model_dump()
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, str) and re.match(r"arn:aws[a-z-]*:secretsmanager:|projects/[^/]+/secrets/", value):
        yield value


def _not_for_google(schedule: str) -> str | None:
    """Why Cloud Scheduler cannot fire at the times of a schedule."""
    try:
        cloud_schedule(schedule, "UTC")
    except ScheduleError as error:
        return str(error)
    return None


def _runtimes(draft: Draft) -> Iterator[tuple[Entry[Any], tuple[str, ...]]]:
    """Where a runtime may be written: for all jobs in the environment, for one in its file."""
    yield draft.config, ("runtime",)
    for entry in draft.jobs:
        yield entry, ("infrastructure", "runtime")
