"""A Pipes session without Dagster, for a job that a cloud's scheduler starts: it holds the request, the log its report.

What starts the job so is in `stacks/`; the entrypoint takes the session as it takes Dagster's.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from buildkit_dagster.config.ingest import IngestJob
from buildkit_dagster.config.models import Platform
from buildkit_dagster.naming import key_text, table_key
from buildkit_dagster.runtimes.calls import Call
from buildkit_dagster.runtimes.ingest import request_for

#: What EventBridge's scheduler puts the execution's id in place of: EventBridge Scheduler user guide, "Adding context
#: attributes".
_EXECUTION = "<aws.scheduler.execution-id>"


def own_session(platform: Platform, job: IngestJob, starter: str) -> dict[str, str]:
    """The variables of the session (`dagster_pipes`, "Environment variables"); `starter` stands for the run's id.

    The load is of everything that is there and not loaded yet.
    """
    key = key_text(table_key(job.asset.source_type, job.asset.object))
    context = {
        "asset_keys": [key],
        "code_version_by_asset_key": {key: None},
        "provenance_by_asset_key": {key: None},
        "partition_key": None,
        "partition_key_range": None,
        "partition_time_window": None,
        "run_id": starter,
        "job_name": None,
        "retry_number": 0,
        "extras": {"request": request_for(platform, job).to_extras()},
    }
    return {
        "DAGSTER_PIPES_CONTEXT": _parameter({"data": context}),
        "DAGSTER_PIPES_MESSAGES": _parameter({"stdio": "stderr"}),
    }


def own_event(platform: Platform, job: IngestJob, starter: str, folder: str) -> dict[str, Any]:
    """The event of a function that a cloud's scheduler calls; each call is noted in the job's folder by itself."""
    call = Call(platform.names.bucket("artifacts"), folder, starter, _EXECUTION)
    return {"call": call.to_event(), "session": own_session(platform, job, starter)}


def _parameter(value: Any) -> str:
    """As `dagster_pipes.encode_param`, but not compressed: that differs between machines, and a plan would show it."""
    return base64.b64encode(zlib.compress(json.dumps(value, sort_keys=True).encode(), level=0)).decode()
