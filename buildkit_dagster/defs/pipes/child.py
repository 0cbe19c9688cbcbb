"""A job as a local process inside a Pipes session: what `runtime: local` means.

The process is the same entrypoint a container runs, its session lies in temporary files instead of S3. Tasks in ECS
are in `ecs.py`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, PipesClientCompletedInvocation, open_pipes_session
from dagster._core.pipes.utils import PipesTempFileContextInjector, PipesTempFileMessageReader

from buildkit_dagster.errors import TaskDeadlinePassed, TaskFailed
from buildkit_dagster.process import Child, start

_TAIL_LINES = 20
#: Seconds between the stop signal and the kill, as ECS gives a task.
_GRACE = 60.0


def run_child(
    context: AssetExecutionContext,
    name: str,
    argv: Sequence[str],
    variables: Mapping[str, str],
    extras: Mapping[str, Any],
    deadline: float,
) -> PipesClientCompletedInvocation:
    """Run `argv` to its end, its output in the run's log; raises `TaskFailed` or `TaskDeadlinePassed`.

    `variables` are its whole environment, `deadline` is in seconds. However this is left, the process has ended.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        open_pipes_session(
            context, PipesTempFileContextInjector(), PipesTempFileMessageReader(), extras=dict(extras)
        ) as session,
    ):
        child = start(
            argv, cwd=Path(folder), env={**variables, **session.get_bootstrap_env_vars()}, stdout=Path(folder) / "log"
        )
        try:
            lines = _follow(context, child, name, deadline)
        finally:
            child.end(_GRACE)
    if child.wait() != 0:
        raise TaskFailed(name, f"process {child.pid}", child.wait(), "see its log", lines[-_TAIL_LINES:])
    return PipesClientCompletedInvocation(session)


def _follow(context: AssetExecutionContext, child: Child, name: str, seconds: float) -> list[str]:
    """Every line as it comes, until the process has ended and the last one is read."""
    lines: list[str] = []
    deadline = time.monotonic() + seconds
    with child.stdout.open(errors="replace") as log:
        while True:
            ended = child.poll() is not None
            for line in log.read().splitlines():
                lines.append(line)
                context.log.info(line)
            if ended:
                return lines
            if time.monotonic() > deadline:
                raise TaskDeadlinePassed(name, f"process {child.pid}", seconds)
            time.sleep(0.2)
