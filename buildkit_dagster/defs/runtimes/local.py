"""`runtime: local`: a job as a process beside Dagster, on nothing of Terraform's."""

from __future__ import annotations

import sys

from dagster import PipesClientCompletedInvocation

from buildkit_dagster.defs.pipes.child import run_child
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load
from buildkit_dagster.naming import INGEST_MODULE, ingest_job_name

_ENTRYPOINT = (sys.executable, "-m", INGEST_MODULE)


def _run(load: Load) -> PipesClientCompletedInvocation:
    name = ingest_job_name(load.job.tenant, load.job.name)
    return run_child(load.context, name, _ENTRYPOINT, load.aws.variables, load.extras, load.timeout)


LOCAL = IngestRuntime("python", lambda _: (), _run)
