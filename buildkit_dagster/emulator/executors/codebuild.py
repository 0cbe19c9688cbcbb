"""CodeBuild builds, really run: StartBuild, BatchGetBuilds, StopBuild and the lists, over local processes.

A build goes through CodeBuild's phases in a thread of its own: source, then one leading process (`build_leader`) that
runs the buildspec, its output sent to CloudWatch Logs as it comes. Projects stay with moto; what they lack there is in
`actions/codebuild`. Buildspecs are read in `buildspec`, sources in `sources`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from moto.codebuild.exceptions import InvalidInputException, ResourceNotFoundException
from moto.codebuild.models import CodeBuildBackend
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult

from buildkit_dagster import process
from buildkit_dagster.emulator.actions import replace
from buildkit_dagster.emulator.executors import build_leader, images, secrets, sources
from buildkit_dagster.emulator.executors.buildspec import Buildspec, BuildspecRefused, parse_buildspec
from buildkit_dagster.emulator.executors.logs import LogStream, Tail
from buildkit_dagster.emulator.executors.process import death
from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.errors import EmulatorError

_INTERVAL = 0.1
_STOP_SECONDS = 10.0

#: StartBuild's members that replace a whole member of the project.
_SOURCE_OVERRIDES = {
    "sourceTypeOverride": "type",
    "sourceLocationOverride": "location",
    "sourceAuthOverride": "auth",
    "buildspecOverride": "buildspec",
    "gitCloneDepthOverride": "gitCloneDepth",
    "insecureSslOverride": "insecureSsl",
}
_ENVIRONMENT_OVERRIDES = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "privilegedModeOverride": "privilegedMode",
    "imagePullCredentialsTypeOverride": "imagePullCredentialsType",
}
_OTHER = {"projectName", "sourceVersion", "environmentVariablesOverride", "logsConfigOverride", "serviceRoleOverride"}
_OTHER |= {"timeoutInMinutesOverride", "queuedTimeoutInMinutesOverride", "idempotencyToken"}


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
        self._child: process.Child | None = None
        self._log: LogStream | None = None
        self._context = ""
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
        return self._execute(spec, variables)

    def _download(self) -> Buildspec:
        source, root = self.record["source"], self._folder / "src"
        try:
            version = self.record.get("sourceVersion")
            resolved = sources.download(self._world, self._region, source, version, root)
            if resolved:
                self.record["resolvedSourceVersion"] = resolved
            return parse_buildspec(sources.find_buildspec(source, root))
        except BuildspecRefused as error:
            raise BuildFailed("YAML_FILE_ERROR", str(error)) from error
        except EmulatorError as error:
            raise BuildFailed("CLIENT_ERROR", str(error)) from error

    def _variables(self, spec: Buildspec) -> dict[str, str]:
        """The process's environment: the call's over the project's over the buildspec's variables."""
        declared = [
            *({"name": name, "value": value} for name, value in spec.variables.items()),
            *({"name": n, "value": v, "type": "SECRETS_MANAGER"} for n, v in spec.secrets.items()),
            *({"name": n, "value": v, "type": "PARAMETER_STORE"} for n, v in spec.parameters.items()),
            *self.record["environment"]["environmentVariables"],
        ]
        try:
            resolved = {one["name"]: self._value(one) for one in declared}
        except secrets.UnreadableReference as error:
            raise BuildFailed("CLIENT_ERROR", str(error)) from error
        return {**self._world.variables(self._region, self._folder), **self._own_variables(), **resolved}

    def _value(self, variable: Mapping[str, str]) -> str:
        kind = variable.get("type") or "PLAINTEXT"
        if kind == "SECRETS_MANAGER":
            return secrets.secret(self._world, self._region, variable["value"])
        if kind == "PARAMETER_STORE":
            return secrets.parameter(self._world, self._region, variable["value"])
        return variable["value"]

    def _own_variables(self) -> dict[str, str]:
        record = self.record
        return {
            "CI": "true",
            "CODEBUILD_CI": "true",
            "CODEBUILD_BUILD_ID": self.id,
            "CODEBUILD_BUILD_ARN": record["arn"],
            "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
            "CODEBUILD_BUILD_IMAGE": record["environment"]["image"],
            "CODEBUILD_INITIATOR": record["initiator"],
            "CODEBUILD_LOG_PATH": self._log.stream if self._log else "",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": record.get("resolvedSourceVersion", ""),
            "CODEBUILD_SOURCE_REPO_URL": record["source"].get("location", ""),
            "CODEBUILD_SOURCE_VERSION": record.get("sourceVersion") or "",
            "CODEBUILD_SRC_DIR": str(self._folder / "src"),
            "CODEBUILD_START_TIME": str(int(record["startTime"].timestamp() * 1000)),
        }

    def _execute(self, spec: Buildspec, variables: Mapping[str, str]) -> str:
        self._write_plan(spec)
        leader = [sys.executable, "-I", build_leader.__file__, str(self._folder)]
        output = self._folder / "output"
        self._child = self._world.processes.start(
            self.id, leader, cwd=self._folder / "src", env=variables, output=output
        )
        status = self._watch(self._child, Tail(output), Tail(self._folder / "events.jsonl"))
        if status == "IN_PROGRESS":
            status = "SUCCEEDED" if self._child.poll() == 0 else "FAILED"
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


class CodeBuildExecutor:
    """All builds of one emulator, and CodeBuild's calls about them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._builds: dict[str, Build] = {}

    def install(self) -> None:
        """Answer the calls about builds in moto's place."""

        def start_build(response: CodeBuildResponse) -> ActionResult:
            return ActionResult({"build": self._start(response)})

        def batch_get_builds(response: CodeBuildResponse) -> ActionResult:
            return ActionResult(self._get(response._get_param("ids")))

        def stop_build(response: CodeBuildResponse) -> ActionResult:
            return ActionResult({"build": self._stop(response._get_param("id"))})

        def list_builds(response: CodeBuildResponse) -> ActionResult:
            return ActionResult({"ids": self._list(response, None)})

        def list_builds_for_project(response: CodeBuildResponse) -> ActionResult:
            name = response._get_param("projectName")
            _project(response.codebuild_backend, name)
            return ActionResult({"ids": self._list(response, name)})

        replace(CodeBuildResponse, start_build, batch_get_builds, stop_build, list_builds, list_builds_for_project)

    def _start(self, response: CodeBuildResponse) -> dict[str, Any]:
        given = json.loads(response.body)
        backend = response.codebuild_backend
        project = _project(backend, given["projectName"])
        number = 1 + sum(build.record["projectName"] == project["name"] for build in self._all())
        record = _record(backend, project, given, number)
        build = Build(self._world, record, backend.region_name, backend.account_id)
        self._builds[build.id] = build
        build.start()
        return record

    def _get(self, ids: list[str]) -> dict[str, Any]:
        if wrong := [one for one in ids if ":" not in one]:
            raise InvalidInputException(f"Invalid build ID provided: {wrong[0]}")
        known = {build.id: build.record for build in self._all()}
        known |= {record["arn"]: record for record in known.values()}
        return {
            "builds": [known[one] for one in ids if one in known],
            "buildsNotFound": [one for one in ids if one not in known],
        }

    def _stop(self, identity: str) -> dict[str, Any]:
        build = self._builds.get(identity.rpartition("build/")[2])
        if build is None:
            raise ResourceNotFoundException(f"Build {identity} does not exist")
        if not build.finished.is_set():
            build.stop()
        return build.record

    def _all(self) -> list[Build]:
        """In the order they were started; a copy, because others start meanwhile."""
        return list(self._builds.values())

    def _list(self, response: CodeBuildResponse, project: str | None) -> list[str]:
        """Newest first, as AWS lists, unless the call says otherwise."""
        backend = response.codebuild_backend
        place = f":codebuild:{backend.region_name}:{backend.account_id}:"
        ids = [
            build.id
            for build in self._all()
            if project in (None, build.record["projectName"]) and place in build.record["arn"]
        ]
        return ids if response._get_param("sortOrder") == "ASCENDING" else ids[::-1]


def _project(backend: CodeBuildBackend, name: str) -> dict[str, Any]:
    found = backend.batch_get_projects([name])
    if not found:
        raise ResourceNotFoundException(f"Project cannot be found: {name}")
    return found[0]


def _record(backend: CodeBuildBackend, project: dict[str, Any], given: dict[str, Any], number: int) -> dict[str, Any]:
    """A new build's record: the project's settings with the call's in their place. Raises InvalidInputException."""
    allowed = {*_SOURCE_OVERRIDES, *_ENVIRONMENT_OVERRIDES, *_OTHER}
    if unknown := sorted(set(given) - allowed):
        raise InvalidInputException(f"The emulator does not do {', '.join(unknown)} of StartBuild")
    identity = uuid4()
    source = _overridden(project["source"], given, _SOURCE_OVERRIDES)
    if source["type"] not in sources.KINDS:
        raise InvalidInputException(f"The emulator has no {source['type']} sources; it has {', '.join(sources.KINDS)}")
    if (project.get("artifacts") or {}).get("type", "NO_ARTIFACTS") != "NO_ARTIFACTS":
        raise InvalidInputException("The emulator uploads no artifacts; the project must have NO_ARTIFACTS")
    build_id = f"{project['name']}:{identity}"
    now = _now()
    return {
        "id": build_id,
        "arn": f"arn:aws:codebuild:{backend.region_name}:{backend.account_id}:build/{build_id}",
        "buildNumber": number,
        "projectName": project["name"],
        "startTime": now,
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "sourceVersion": given.get("sourceVersion") or project.get("sourceVersion"),
        "source": source,
        "artifacts": {"location": ""},
        "cache": project.get("cache") or {"type": "NO_CACHE"},
        "environment": _environment(project, given),
        "serviceRole": given.get("serviceRoleOverride") or project["serviceRole"],
        "logs": _logs(backend, project, given, str(identity)),
        "timeoutInMinutes": given.get("timeoutInMinutesOverride") or project.get("timeoutInMinutes") or 60,
        "queuedTimeoutInMinutes": given.get("queuedTimeoutInMinutesOverride") or 480,
        "initiator": "emulator",
        "encryptionKey": project["encryptionKey"],
        "phases": [{"phaseType": "SUBMITTED", "startTime": now}],
    }


def _environment(project: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    environment = _overridden(project["environment"], given, _ENVIRONMENT_OVERRIDES)
    variables = {one["name"]: one for one in environment.get("environmentVariables") or []}
    variables |= {one["name"]: one for one in given.get("environmentVariablesOverride") or []}
    return {**environment, "environmentVariables": list(variables.values())}


def _logs(backend: CodeBuildBackend, project: dict[str, Any], given: dict[str, Any], identity: str) -> dict[str, Any]:
    config = given.get("logsConfigOverride") or project.get("logsConfig") or {}
    if (config.get("s3Logs") or {}).get("status") == "ENABLED":
        raise InvalidInputException("The emulator writes no build logs to S3; use cloudWatchLogs")
    cloudwatch = config.get("cloudWatchLogs") or {"status": "ENABLED"}
    group = cloudwatch.get("groupName") or f"/aws/codebuild/{project['name']}"
    place = f"{backend.region_name}:{backend.account_id}"
    stream = "/".join(part for part in (cloudwatch.get("streamName"), identity) if part)
    if cloudwatch["status"] == "DISABLED":
        return {"cloudWatchLogs": cloudwatch}
    return {
        "groupName": group,
        "streamName": stream,
        "cloudWatchLogs": cloudwatch,
        "cloudWatchLogsArn": f"arn:aws:logs:{place}:log-group:{group}:log-stream:{stream}",
    }


def _overridden(base: dict[str, Any], given: dict[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    return {**base, **{member: given[name] for name, member in overrides.items() if name in given}}


def _now() -> datetime:
    return datetime.now(UTC)
