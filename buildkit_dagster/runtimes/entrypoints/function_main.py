"""What the Cloud Run function of a job runs: `run(request)`, called over HTTP with a `FunctionCall`.

The work is the same entrypoint as a container's, in a process of its own: it is signalled at the deadline, and when a
mark in the bucket asks for it. What it prints goes on as structured log entries that carry the call they are of.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from buildkit_dagster.cloud.google_storage import ObjectClient
from buildkit_dagster.runtimes.cloud_function import CallResult, FunctionCall
from buildkit_dagster.runtimes.entrypoints.function_lease import HeldLease

# Not from where it happens to run: from the folders on the path.
_ENTRYPOINT = ("-P", "-m", "buildkit_dagster.runtimes.entrypoints.ingest")
#: All that a caller may set in the environment of the work.
_SESSION = "DAGSTER_PIPES_"
_LOOK = 1.0
#: Seconds that the work has to come to a safe point once it was asked to stop, and then to die.
_GRACE = 20.0

Answer = tuple[dict[str, Any], int]


def run(request: Any) -> Answer:
    """Serve one call; `request` is Flask's. The answer says no more than the result in the bucket."""
    try:
        call, variables = FunctionCall.from_body(request.get_json())
    except (KeyError, TypeError, AttributeError) as error:
        return {"error": f"this is the function of an ingest job, to be called by Dagster: {error!r}"}, 400
    lease = HeldLease(ObjectClient().bucket(call.bucket), call)
    if holder := lease.take():
        return {"error": "busy", "run": holder.run}, 409
    result = CallResult("failed", None, "the function itself failed, see its log")
    try:
        result = _work(call, variables, lease)
    finally:
        lease.let_go(result)
    # An error of the function's is what Google counts, and the alert on it tells.
    return {"outcome": result.outcome}, 500 if result.outcome in ("failed", "deadline") else 200


def _work(call: FunctionCall, variables: Mapping[str, str], lease: HeldLease) -> CallResult:
    session = {name: value for name, value in variables.items() if name.startswith(_SESSION)}
    # The function's own folder is on the path of this process only.
    env = {**os.environ, **session, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, *_ENTRYPOINT],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout
        printing = threading.Thread(target=_print, args=(child.stdout, call), daemon=True)
        printing.start()
        try:
            asked = _until_ended(child, call, lease)
        finally:
            child.kill()
        printing.join(5)
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    if asked and code != 0:
        return CallResult("deadline" if asked == "deadline" else "stopped", code, asked)
    return CallResult("done" if code == 0 else "failed", code)


def _until_ended(child: subprocess.Popen[str], call: FunctionCall, lease: HeldLease) -> str:
    """Wait for the work, which is asked to stop when it has to; why it was, empty where it was not."""
    deadline = time.monotonic() + call.deadline
    asked, kill_at = "", float("inf")
    while not _ended(child):
        held = lease.keep()
        if time.monotonic() > kill_at:
            child.kill()
        elif not asked:
            asked = _reason(held, deadline, lease)
            if asked:
                child.terminate()
                kill_at = time.monotonic() + _GRACE
    return asked


def _reason(held: bool, deadline: float, lease: HeldLease) -> str:
    if not held:
        return "another call has taken over its work"
    if time.monotonic() > deadline:
        return "deadline"
    return "its run asked for it" if lease.asked_to_stop() else ""


def _ended(child: subprocess.Popen[str]) -> bool:
    try:
        child.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _print(lines: IO[str], call: FunctionCall) -> None:
    """https://cloud.google.com/logging/docs/structured-logging, "Special JSON fields in structured payloads"."""
    labels = {"buildkit_attempt": call.attempt, "buildkit_run": call.run}
    for line in lines:
        print(json.dumps({"message": line.rstrip("\n"), "logging.googleapis.com/labels": labels}), flush=True)
