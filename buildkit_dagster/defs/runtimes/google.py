"""What the two runtimes of Google share: their unit, its outputs and their pace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.defs.runtimes.runtime import Load, Unit, unit_outputs
from buildkit_dagster.naming import ingest_gcp_stack
from buildkit_dagster.runtimes.pace import EMULATED, GOOGLE, Pace


def google_unit(job: IngestJob) -> tuple[Unit, ...]:
    """The unit that is made for the job alone, in its tenant's stack of Google Cloud."""
    return ((ingest_gcp_stack(job.tenant), job.name),)


def google_pace(load: Load) -> Pace:
    """That of Google itself, or of what stands for it."""
    return EMULATED if load.platform.config.cloud == "emulator" else GOOGLE


def google_outputs(load: Load) -> Mapping[str, Any]:
    """What Terraform wrote down about it; raises `InfrastructureMissing`."""
    [unit] = google_unit(load.job)
    return unit_outputs(load.platform, load.job, unit, load.aws.client("s3"))
