"""The environment of a build's process, and the folders it names.

Secrets and parameters are read here, the moment a build starts, and kept nowhere. Which of them a buildspec declares is
read in `buildspec`; what every local process finds in its environment is in `world`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildkit_dagster.emulator.executors import secrets
from buildkit_dagster.emulator.executors.buildspec import Buildspec
from buildkit_dagster.emulator.executors.world import World


def variables(world: World, region: str, record: Mapping[str, Any], spec: Buildspec, folder: Path) -> dict[str, str]:
    """The call's variables over the project's over the buildspec's; raises UnreadableReference."""
    declared = [
        *({"name": name, "value": value} for name, value in spec.variables.items()),
        *({"name": name, "value": value, "type": "SECRETS_MANAGER"} for name, value in spec.secrets.items()),
        *({"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in spec.parameters.items()),
        *record["environment"]["environmentVariables"],
    ]
    resolved = {one["name"]: _value(world, region, one) for one in declared}
    return {**world.variables(region, folder), **_own(record, folder), **resolved}


def secondary_folder(folder: Path, source: Mapping[str, Any]) -> Path:
    """Where a secondary source of the build in `folder` lies."""
    return folder / f"src-{source['sourceIdentifier']}"


def _value(world: World, region: str, variable: Mapping[str, str]) -> str:
    kind = variable.get("type") or "PLAINTEXT"
    if kind == "SECRETS_MANAGER":
        return secrets.secret(world, region, variable["value"])
    if kind == "PARAMETER_STORE":
        return secrets.parameter(world, region, variable["value"])
    return variable["value"]


def _own(record: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """CodeBuild's own."""
    return {
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ID": record["id"],
        "CODEBUILD_BUILD_ARN": record["arn"],
        "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
        "CODEBUILD_BUILD_IMAGE": record["environment"]["image"],
        "CODEBUILD_INITIATOR": record["initiator"],
        "CODEBUILD_LOG_PATH": record["logs"].get("streamName", ""),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": record.get("resolvedSourceVersion", ""),
        "CODEBUILD_SOURCE_REPO_URL": record["source"].get("location", ""),
        "CODEBUILD_SOURCE_VERSION": record.get("sourceVersion") or "",
        "CODEBUILD_SRC_DIR": str(folder / "src"),
        "CODEBUILD_START_TIME": str(int(record["startTime"].timestamp() * 1000)),
        **{
            f"CODEBUILD_SRC_DIR_{each['sourceIdentifier']}": str(secondary_folder(folder, each))
            for each in record["secondarySources"]
        },
    }
