"""Running a buildspec in a CodeBuild project: the request, the build while it runs, and how it ended.

Buildspecs are made in `buildspec.py`. What the lines of the log mean, and everything about Dagster, is in
`defs/pipes/codebuild.py`; reading the log stream is in `logs.py`.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from buildkit_dagster.aws_regions import console_of
from buildkit_dagster.cloud.failures import cloud_error
from buildkit_dagster.errors import (
    BuildDeadlinePassed,
    BuildFailed,
    BuildNotRun,
    BuildProjectMissing,
    BuildStopped,
    CloudUnavailable,
)
from buildkit_dagster.runtimes.buildspec import END_OF_LOG
from buildkit_dagster.runtimes.logs import LogTail

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_logs.client import CloudWatchLogsClient

#: Minutes a build may wait for a machine before it counts as late.
QUEUE_MINUTES = 30

#: How long CloudWatch may lag behind a build whose log has no last line of ours, in seconds.
_SETTLE = 5.0
_STOP_WAIT = 20.0
_STOP_INTERVAL = 0.5

#: BatchGetBuilds takes no more.
_BATCH = 100
_TAIL_LINES = 15
_LONGEST_PAUSE = 60.0
#: Before these are over nothing of the build has run: a fault in them is the service's.
_BEFORE_ANY_COMMAND = ("SUBMITTED", "QUEUED", "PROVISIONING")
_OWN_LINE = "[Container] "
_EXIT_STATUS = re.compile(r"exit status (\d+)")


def environment(plain: Mapping[str, str], secrets: Mapping[str, str]) -> list[dict[str, str]]:
    """`environmentVariablesOverride`: plain values, and secrets as references (ARN or name) CodeBuild resolves."""
    return [
        *({"name": name, "value": value, "type": "PLAINTEXT"} for name, value in plain.items()),
        *({"name": name, "value": arn, "type": "SECRETS_MANAGER"} for name, arn in secrets.items()),
    ]


def start_build_params(
    project: str,
    spec: str,
    *,
    plain: Mapping[str, str],
    secrets: Mapping[str, str],
    timeout_minutes: int,
    **overrides: Any,
) -> dict[str, Any]:
    """Arguments of boto3's `start_build` that run `spec` in `project`, its name in CodeBuild; `overrides` are more."""
    return {
        "projectName": project,
        "buildspecOverride": spec,
        "environmentVariablesOverride": environment(plain, secrets),
        "timeoutInMinutesOverride": timeout_minutes,
        "queuedTimeoutInMinutesOverride": QUEUE_MINUTES,
        **overrides,
    }


@dataclass(frozen=True)
class BuildState:
    """A build as CodeBuild reports it; `log` is the link to its log, `group` and `stream` where the log is."""

    id: str
    complete: bool
    status: str
    phase: str
    reason: str
    exit_code: int | None
    group: str | None
    stream: str | None
    log: str

    @classmethod
    def of(cls, build: Mapping[str, Any], region: str) -> BuildState:
        """Read one item of `batch_get_builds`; the phase is the first that failed, else the current one."""
        failed = [phase for phase in build.get("phases", ()) if phase.get("phaseStatus") not in (None, "SUCCEEDED")]
        contexts = [context for phase in failed[:1] for context in phase.get("contexts", ())]
        reason = "; ".join(filter(None, (context.get("message") for context in contexts)))
        exit_status = _EXIT_STATUS.search(reason)
        logs = build.get("logs") or {}
        return cls(
            id=build["id"],
            complete=bool(build.get("buildComplete")),
            status=build.get("buildStatus", "IN_PROGRESS"),
            phase=failed[0]["phaseType"] if failed else build.get("currentPhase", "QUEUED"),
            reason=reason or "no reason given",
            exit_code=int(exit_status[1]) if exit_status else None,
            group=logs.get("groupName"),
            stream=logs.get("streamName"),
            log=logs.get("deepLink") or console_link(build["id"], region),
        )


def console_link(build_id: str, region: str) -> str:
    """The build in the AWS console."""
    return f"{console_of(region)}/codesuite/codebuild/projects/{build_id.partition(':')[0]}/build/{build_id}"


class Build:
    """A started build: its log as it is written, its end as an error or not, and a way to stop it.

    `interval` is the least time between two calls of each API, `deadline` the longest it may take, both in seconds.
    """

    def __init__(
        self,
        client: CodeBuildClient,
        logs: CloudWatchLogsClient,
        started: Mapping[str, Any],
        *,
        interval: float = 1.0,
        deadline: float,
    ) -> None:
        self._client = client
        self._logs = logs
        self._interval = interval
        self._minutes = deadline / 60
        self._deadline = time.monotonic() + deadline
        self._next_look = 0.0
        self._said: deque[str] = deque(maxlen=_TAIL_LINES)
        self.state = BuildState.of(started, client.meta.region_name)

    @property
    def id(self) -> str:
        return self.state.id

    def lines(self) -> Iterator[str]:
        """The build's log, line by line as it is written; ends with the build. Raises `BuildDeadlinePassed`."""
        tail = self._tail()
        if tail is None:
            return
        yield from tail.follow(self._ended, _SETTLE, last_line=END_OF_LOG)

    def check(self) -> None:
        """Raise what the build ended with, unless that is success: `BuildFailed`, `BuildNotRun`, `BuildStopped`, ..."""
        state = self.state
        if state.status == "SUCCEEDED":
            return
        if state.status in ("FAULT", "TIMED_OUT") and state.phase in _BEFORE_ANY_COMMAND:
            raise BuildNotRun(state.id, state.phase, state.reason, state.log)
        if state.status == "TIMED_OUT":
            raise BuildDeadlinePassed(state.id, self._minutes, state.log)
        if state.status == "STOPPED":
            raise BuildStopped(state.id, state.log)
        raise BuildFailed(
            state.id, state.status, state.phase, state.exit_code, state.reason, state.log, tuple(self._said)
        )

    def quote(self, text: str | None) -> None:
        """Let an error quote `text`, the last of what was given here; CodeBuild's own lines say nothing new."""
        if text and not text.startswith(_OWN_LINE):
            self._said.append(text)

    def stop(self, wait: float = _STOP_WAIT) -> bool:
        """Stop it; False when CodeBuild does not say within `wait` seconds that it has ended."""
        stopped = stop(self._client, self.id, wait)
        self._look()
        return stopped

    def _tail(self) -> LogTail | None:
        """The stream gets its name when the build leaves the queue; a build may end before it does."""
        while not (self.state.group and self.state.stream):
            if self._ended():
                return None
            time.sleep(self._interval)
        return LogTail(self._logs, self.state.group, self.state.stream, self._interval)

    def _ended(self) -> bool:
        if self.state.complete:
            return True
        if time.monotonic() > self._deadline:
            raise BuildDeadlinePassed(self.id, self._minutes, self.state.log)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._interval
            self._look()
        return self.state.complete

    def _look(self) -> None:
        found = self._client.batch_get_builds(ids=[self.id])["builds"]
        self.state = BuildState.of(found[0], self._client.meta.region_name)


def start(
    client: CodeBuildClient,
    logs: CloudWatchLogsClient,
    params: Mapping[str, Any],
    *,
    interval: float = 1.0,
    deadline: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Build:
    """Start a build; a call that is repeated starts one build only. `deadline` defaults to its timeouts' sum.

    Too many calls or builds at once pass by themselves: it is asked again, and `tell` told, for as long as the build
    might have waited in the queue.
    """
    queued = params.get("queuedTimeoutInMinutesOverride", QUEUE_MINUTES)
    minutes = params.get("timeoutInMinutesOverride", 60) + queued
    call = {"idempotencyToken": uuid.uuid4().hex, **params}
    until, pause = time.monotonic() + queued * 60, interval
    while True:
        try:
            with _existing(client, params["projectName"]):
                response = client.start_build(**call)
        except ClientError as error:
            if not _passes(error) or time.monotonic() + pause > until:
                raise
            tell(f"{error}; asking again in {pause:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        return Build(client, logs, response["build"], interval=interval, deadline=deadline or minutes * 60)


def _passes(error: ClientError) -> bool:
    full = error.response["Error"]["Code"] == "AccountLimitExceededException"
    return full or isinstance(cloud_error(error), CloudUnavailable)


def stop(client: CodeBuildClient, build_id: str, wait: float = _STOP_WAIT) -> bool:
    """Stop a build and wait until it has ended; False when it has not within `wait` seconds."""
    client.stop_build(id=build_id)
    until = time.monotonic() + wait
    while not client.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"]:
        if time.monotonic() > until:
            return False
        time.sleep(_STOP_INTERVAL)
    return True


def running(client: CodeBuildClient, project: str, variable: str) -> list[tuple[str, str]]:
    """Builds of a project that have not ended, each with its value of the plain `variable`, if it has one.

    Only the newest builds are looked at: one page of the list, 100 of them.
    """
    with _existing(client, project):
        ids = client.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    builds = client.batch_get_builds(ids=ids[:_BATCH])["builds"] if ids else []
    return [
        (build["id"], override["value"])
        for build in builds
        if not build["buildComplete"]
        for override in build["environment"].get("environmentVariables", ())
        if override["name"] == variable
    ]


@contextmanager
def _existing(client: CodeBuildClient, project: str) -> Iterator[None]:
    try:
        yield
    except client.exceptions.ResourceNotFoundException:
        raise BuildProjectMissing(project) from None
