"""`runtime: gcp_cloud_function`: a job as one call of its Cloud Run function.

The call itself is `runtimes/cloud_function.py`'s, following it is `defs/pipes/cloud_function.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import PipesClientCompletedInvocation

from buildkit_dagster.defs.runtimes.google import google_outputs, google_pace, google_unit
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load


def _run(load: Load) -> PipesClientCompletedInvocation:
    # Google's libraries take a second, which no other load needs.
    from buildkit_dagster.cloud.calling import PendingCall
    from buildkit_dagster.cloud.gcp import gcp_for
    from buildkit_dagster.defs.pipes.cloud_function import run_function
    from buildkit_dagster.runtimes.cloud_function import FunctionCall, work_seconds

    outputs, gcp, pace = google_outputs(load), gcp_for(load.platform, load.process), google_pace(load)
    run, bucket, seconds = load.context.run_id, outputs["messages_bucket"], work_seconds(load.timeout)
    call = FunctionCall(outputs["function_id"], bucket, seconds, run, pace.lease)
    session = gcp.caller(outputs["url"])

    def post(body: Mapping[str, Any]) -> PendingCall:
        return PendingCall(session, outputs["url"], body, load.timeout + 30.0)

    clients = {"logging": gcp.client("logging"), "storage": gcp.storage()}
    return run_function(load.context, call, post, load.extras, clients, pace)


CLOUD_FUNCTION = IngestRuntime("cloudfunctions", google_unit, _run)
