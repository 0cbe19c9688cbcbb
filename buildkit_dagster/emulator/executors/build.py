"""One build, really run: CodeBuild's phases in a thread of its own, over a local process.

Source, then one leading process (`build_leader`) that runs the buildspec, its output sent to CloudWatch Logs as it
comes, then artifacts. The calls about builds are in `codebuild`, what a build is told when it starts is in
`build_record`, its environment in `build_variables`. Buildspecs are read in `buildspec`, sources in `sources`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from buildkit_dagster import process
from buildkit_dagster.emulator.executors import artifacts, build_leader, build_variables, images, sources
from buildkit_dagster.emulator.executors.buildspec import ArtifactFiles, Buildspec, BuildspecRefused, parse_buildspec
from buildkit_dagster.emulator.executors.logs import LogStream, Tail
from buildkit_dagster.emulator.executors.process import death
from buildkit_dagster.emulator.executors.secrets import UnreadableReference
from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.errors import EmulatorError

_INTERVAL = 0.1
_STOP_SECONDS = 10.0


class BuildFailed(Exception):
    """A phase cannot be done; ends the build with this status code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Build:
    """One build: its record, in the shape BatchGetBuilds answers, and the thread that works on it."""

    def __init__(self, world: World, record: dict[str, Any], region: str, account: str) -> None:
        self.record = record
        self.finished = threading.Event()
        self._world = world
        self._region = region
        self._account = account
        self._stopped = False
        self._log: LogStream | None = None
        self._folder = world.scratch("builds", self.id.rpartition(":")[2])

    @property
    def id(self) -> str:
        return str(self.record["id"])

    def start(self) -> None:
        threading.Thread(target=self._run, name=self.id, daemon=True).start()

    def stop(self) -> None:
        """End the build's whole group; the record says STOPPED when this returns."""
        self._stopped = True
        self.finished.wait(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            status = self._work()
        except BuildFailed as failure:
            self._end_phase("FAILED", failure.code, str(failure))
            self._say([f"Phase context status code: {failure.code} Message: {failure}"])
            status = "FAILED"
        except Exception as error:
            self._end_phase("FAULT", "INTERNAL_ERROR", f"The emulator failed: {type(error).__name__}: {error}")
            self._finish("FAULT")
            raise
        self._finish(status)

    def _work(self) -> str:
        self._next_phase("QUEUED")
        self._next_phase("PROVISIONING")
        self._open_log()
        missing = images.missing(self._world, self._account, self.record["environment"]["image"])
        if missing:
            raise BuildFailed("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", missing)
        self._next_phase("DOWNLOAD_SOURCE")
        spec = self._download()
        variables = self._variables(spec)
        self._end_phase("SUCCEEDED")
        status = self._execute(spec, variables)
        if status in ("SUCCEEDED", "FAILED"):
            self._upload(spec.artifacts, variables)
        return status

    def _upload(self, files: ArtifactFiles | None, variables: Mapping[str, str]) -> None:
        """Attempted after a failed build too; that nothing is found fails a build that had succeeded."""
        self._next_phase("UPLOAD_ARTIFACTS")
        arn = self.record["artifacts"]["location"]
        if not arn or files is None:
            return
        try:
            count = artifacts.upload(self._world, self._region, arn, files, variables, self._folder / "src")
        except artifacts.ArtifactsRefused as error:
            raise BuildFailed("CLIENT_ERROR", str(error)) from error
        self._say([f"[Container] Found {count} file(s)"])

    def _download(self) -> Buildspec:
        source, root = self.record["source"], self._folder / "src"
        try:
            version = self.record.get("sourceVersion")
            resolved = sources.download(self._world, self._region, source, version, root)
            if resolved:
                self.record["resolvedSourceVersion"] = resolved
            for each in self.record["secondarySources"]:
                folder = build_variables.secondary_folder(self._folder, each)
                sources.download(self._world, self._region, each, None, folder)
            return parse_buildspec(sources.find_buildspec(source, root))
        except BuildspecRefused as error:
            raise BuildFailed("YAML_FILE_ERROR", str(error)) from error
        except EmulatorError as error:
            raise BuildFailed("CLIENT_ERROR", str(error)) from error

    def _variables(self, spec: Buildspec) -> dict[str, str]:
        try:
            return build_variables.variables(self._world, self._region, self.record, spec, self._folder)
        except UnreadableReference as error:
            raise BuildFailed("CLIENT_ERROR", str(error)) from error

    def _execute(self, spec: Buildspec, variables: Mapping[str, str]) -> str:
        self._write_plan(spec)
        leader = [sys.executable, "-I", build_leader.__file__, str(self._folder)]
        output = self._folder / "output"
        child = self._world.processes.start(self.id, leader, cwd=self._folder / "src", env=variables, output=output)
        status = self._watch(child, Tail(output), Tail(self._folder / "events.jsonl"))
        if status == "IN_PROGRESS":
            status = "SUCCEEDED" if child.poll() == 0 else "FAILED"
        return status

    def _watch(self, child: process.Child, output: Tail, events: Tail) -> str:
        """Follow the leader to its end; IN_PROGRESS when it ended by itself."""
        deadline = time.monotonic() + self.record["timeoutInMinutes"] * 60
        status = "IN_PROGRESS"
        while child.poll() is None and status == "IN_PROGRESS":
            time.sleep(_INTERVAL)
            self._take(events.lines())
            self._say(output.lines())
            if self._stopped:
                status = "STOPPED"
            elif time.monotonic() > deadline:
                status = "TIMED_OUT"
        child.end(grace=1.0)
        self._world.processes.ended(self.id)
        self._take(events.lines(last=True))
        self._say(output.lines(last=True))
        self._close_open_phase(status, child.wait())
        return status

    def _close_open_phase(self, status: str, code: int) -> None:
        """The leader closes its phases itself, unless it was ended."""
        phase = self.record["phases"][-1]
        if "phaseStatus" in phase:
            return
        if status == "TIMED_OUT":
            self._end_phase("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out.")
        elif status == "STOPPED":
            self._end_phase("STOPPED")
        else:
            message = f"The build's process was {death(code)} while it was in phase {phase['phaseType']}."
            self._end_phase("FAILED", "BUILD_CONTAINER_ENDED", message)
            self._say([f"[Container] {message}"])

    def _take(self, lines: list[str]) -> None:
        """Bring the leader's reports into the record."""
        for line in lines:
            event = json.loads(line)
            if "exported" in event:
                pairs = [{"name": name, "value": value} for name, value in event["exported"].items()]
                self.record["exportedEnvironmentVariables"] = pairs
            elif event["event"] == "start":
                self._next_phase(event["phase"])
            elif event["failure"]:
                self._end_phase("FAILED", "COMMAND_EXECUTION_ERROR", event["failure"])
            else:
                self._end_phase("SUCCEEDED")

    def _write_plan(self, spec: Buildspec) -> None:
        phases = [
            {
                "name": phase.name,
                "commands": phase.commands,
                "finally": phase.finally_,
                "on_failure": phase.on_failure,
            }
            for phase in spec.phases
        ]
        plan = {"shell": spec.shell, "cwd": str(self._folder / "src"), "phases": phases, "exported": spec.exported}
        (self._folder / "plan.json").write_text(json.dumps(plan))

    def _open_log(self) -> None:
        logs = self.record["logs"]
        if logs["cloudWatchLogs"]["status"] == "DISABLED":
            return
        self._log = LogStream(self._world.client("logs", self._region), logs["groupName"], logs["streamName"])
        try:
            self._log.create(group_too=True)
        except (ClientError, BotoCoreError) as error:
            raise BuildFailed("CLOUDWATCH_LOGS_ERROR", str(error)) from error

    def _say(self, lines: list[str]) -> None:
        if self._log is not None and lines:
            self._log.put(lines)

    def _next_phase(self, name: str) -> None:
        self._end_phase("SUCCEEDED")
        self.record["currentPhase"] = name
        self.record["phases"].append({"phaseType": name, "startTime": _now()})

    def _end_phase(self, status: str, code: str = "", message: str = "") -> None:
        phase = self.record["phases"][-1]
        if "phaseStatus" in phase:
            return
        phase.update(
            phaseStatus=status,
            endTime=_now(),
            durationInSeconds=int((_now() - phase["startTime"]).total_seconds()),
            contexts=[{"statusCode": code, "message": message}],
        )

    def _finish(self, status: str) -> None:
        self._next_phase("FINALIZING")
        self._end_phase("SUCCEEDED")
        self.record["phases"].append({"phaseType": "COMPLETED", "startTime": _now()})
        self.record.update(currentPhase="COMPLETED", buildStatus=status, endTime=_now(), buildComplete=True)
        self._world.forget(self._folder)
        self.finished.set()


def _now() -> datetime:
    return datetime.now(UTC)
