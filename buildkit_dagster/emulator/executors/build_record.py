"""A new build's record: the project's settings with the call's in their place.

What StartBuild may say that the emulator does not do is refused here, before anything runs. Running it is `build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.codebuild.exceptions import InvalidInputException
from moto.codebuild.models import CodeBuildBackend

from buildkit_dagster.emulator.executors import artifacts, sources

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
_OTHER |= {"artifactsOverride", "secondarySourcesOverride"}


def new_record(
    backend: CodeBuildBackend, project: dict[str, Any], given: dict[str, Any], number: int
) -> dict[str, Any]:
    """A new build's record: the project's settings with the call's in their place. Raises InvalidInputException."""
    allowed = {*_SOURCE_OVERRIDES, *_ENVIRONMENT_OVERRIDES, *_OTHER}
    if unknown := sorted(set(given) - allowed):
        raise InvalidInputException(f"The emulator does not do {', '.join(unknown)} of StartBuild")
    identity = uuid4()
    source = _overridden(project["source"], given, _SOURCE_OVERRIDES)
    if source["type"] not in sources.KINDS:
        raise InvalidInputException(f"The emulator has no {source['type']} sources; it has {', '.join(sources.KINDS)}")
    secondary = given.get("secondarySourcesOverride") or project.get("secondarySources") or []
    if wrong := sorted({each["type"] for each in secondary} - {"S3"}):
        raise InvalidInputException(f"The emulator has no {', '.join(wrong)} as secondary sources; it has S3")
    output = given.get("artifactsOverride") or project.get("artifacts") or artifacts.NONE
    try:
        artifacts.check(output)
    except artifacts.ArtifactsRefused as error:
        raise InvalidInputException(str(error)) from error
    build_id = f"{project['name']}:{identity}"
    now = datetime.now(UTC)
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
        "secondarySources": secondary,
        "artifacts": {"location": artifacts.location(output, build_id)},
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
