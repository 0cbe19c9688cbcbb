"""Loads of one request that are killed at random moments: `python -m tests.runtimes.killed REQUEST KILLS SEED`.

Each load is a process of its own, forked when everything is imported and killed by SIGKILL, so that most of its time
is the load itself. Some more are killed where chance hardly comes: when their rows are in the target and nothing tells
of it. Prints as JSON how many were killed and how many came to their end first; the last is not killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.load.load import Load

from buildkit_dagster.runtimes.entrypoints.destinations import IN_A_BUCKET
from buildkit_dagster.runtimes.entrypoints.files import s3_client
from buildkit_dagster.runtimes.entrypoints.ingest import ingest
from buildkit_dagster.runtimes.ingest import IngestRequest

#: A class and its method, in whose place a load dies.
Point = tuple[type[Any], str]
#: After the rows, before anything tells of the package's end.
_UNTOLD: Point = (Load, "complete_package")
#: In a bucket, two files tell of it: this is between them.
_HALF_TOLD: Point = (FilesystemClient, "_store_load")


class Silent:
    """Takes what the entrypoint reports."""

    def __getattr__(self, _name: str):  # type: ignore[no-untyped-def]
        return lambda *_, **__: None


def main(request_file: str, kills: int, seed: int) -> int:
    request = IngestRequest.from_extras(json.loads(Path(request_file).read_text()))
    chance, told = random.Random(seed), {"killed": 0, "ended": 0}
    # One of them may have been held up, and a kill as late as that would hit nothing.
    longest = min(_whole(request), _whole(request))
    for _ in range(kills):
        ended = _seconds(request, chance.uniform(0, longest))
        told["killed" if ended is None else "ended"] += 1
    for point in (_UNTOLD, _HALF_TOLD) if request.target.type in IN_A_BUCKET else (_UNTOLD,):
        assert _seconds(request, None, point) is None, point
        told["killed"] += 1
    _whole(request)
    print(json.dumps(told))
    return 0


def _whole(request: IngestRequest) -> float:
    """How long a load takes that nobody kills."""
    seconds = _seconds(request, None)
    assert seconds is not None, "a load was killed"
    return seconds


def _seconds(request: IngestRequest, kill_after: float | None, dies_at: Point | None = None) -> float | None:
    """How long a load took; None where it was killed, or failed."""
    began, child = time.monotonic(), os.fork()
    if child == 0:
        try:
            if dies_at:
                setattr(*dies_at, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            ingest(Silent(), request, s3_client(), lambda: None)  # type: ignore[arg-type]
            os._exit(0)
        except Exception as error:  # noqa: BLE001
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert not (os.WIFEXITED(status) and os.WEXITSTATUS(status)), "a load failed"
    return time.monotonic() - began if os.WIFEXITED(status) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
