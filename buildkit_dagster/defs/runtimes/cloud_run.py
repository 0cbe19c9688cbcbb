"""`runtime: gcp_cloud_run`: a job as one execution of its Cloud Run job.

The execution itself is `runtimes/cloud_run.py`'s, following it is `defs/pipes/cloud_run.py`'s.
"""

from __future__ import annotations

from dagster import PipesClientCompletedInvocation

from buildkit_dagster.defs.runtimes.google import google_outputs, google_pace, google_unit
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load


def _run(load: Load) -> PipesClientCompletedInvocation:
    # Google's libraries take a second, which no other load needs.
    from buildkit_dagster.cloud.gcp import gcp_for
    from buildkit_dagster.defs.pipes.cloud_run import run_execution
    from buildkit_dagster.runtimes.cloud_run import ExecutionRequest

    outputs, gcp = google_outputs(load), gcp_for(load.platform, load.process)
    request = ExecutionRequest(outputs["job_id"], load.timeout, load.context.run_id)
    clients = {"run": gcp.client("run"), "logging": gcp.client("logging"), "storage": gcp.storage()}
    return run_execution(load.context, request, load.extras, clients, outputs["messages_bucket"], google_pace(load))


CLOUD_RUN = IngestRuntime("cloudrun", google_unit, _run)
