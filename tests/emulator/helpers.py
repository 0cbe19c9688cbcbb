"""Small projects, repositories and task definitions for the emulator's tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

ROLE = "arn:aws:iam::123456789012:role/service-role/test"
#: Seconds, for what a busy machine does slowly: a Python with its imports takes it far longer than its own time.
PATIENCE = 300.0

Boto = Callable[[str], Any]


def project(boto: Boto, buildspec: str, **settings: Any) -> str:
    """A new CodeBuild project without a source; its name."""
    name = f"test-{uuid4().hex[:8]}"
    source = settings.pop("source", {"type": "NO_SOURCE"})
    variables = settings.pop("variables", {})
    boto("codebuild").create_project(
        name=name,
        source={**source, "buildspec": buildspec} if buildspec else source,
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": name, "value": value} for name, value in variables.items()],
        },
        serviceRole=ROLE,
        **settings,
    )
    return name


def start(boto: Boto, name: str, **overrides: Any) -> dict[str, Any]:
    return boto("codebuild").start_build(projectName=name, **overrides)["build"]


def build_of(boto: Boto, build_id: str) -> dict[str, Any]:
    return boto("codebuild").batch_get_builds(ids=[build_id])["builds"][0]


def finish(boto: Boto, build: Mapping[str, Any]) -> dict[str, Any]:
    """Wait for a build's end."""
    return until(lambda: build_of(boto, build["id"]), lambda found: found["buildComplete"])


def log(boto: Boto, build: Mapping[str, Any]) -> str:
    """All a build said."""
    return stream(boto, build["logs"]["groupName"], build["logs"]["streamName"])


def stream(boto: Boto, group: str, name: str) -> str:
    events = boto("logs").get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
    return "\n".join(event["message"] for event in events)


def phases(build: Mapping[str, Any]) -> dict[str, str]:
    return {one["phaseType"]: one.get("phaseStatus", "") for one in build["phases"]}


def until(look: Callable[[], Any], good: Callable[[Any], bool] = bool, patience: float = PATIENCE) -> Any:
    """What `look` finds once it is `good`; fails after so many seconds."""
    deadline = time.monotonic() + patience
    while not good(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found
