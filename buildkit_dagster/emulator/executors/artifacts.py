"""A build's output artifacts: the files its buildspec names, put into S3 as CodeBuild's agent does.

Only what `type: S3` with `packaging: NONE` does: a folder of files. Reading the buildspec is `buildspec`, the phase it
happens in is `codebuild`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from buildkit_dagster.emulator.executors.buildspec import ArtifactFiles
from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.errors import EmulatorError

NONE: Mapping[str, Any] = {"type": "NO_ARTIFACTS"}


class ArtifactsRefused(EmulatorError):
    """The artifacts cannot be uploaded, or ask for what the emulator does not do."""


def check(settings: Mapping[str, Any]) -> None:
    """Refuse artifact settings of a project or call that are not done here; raises ArtifactsRefused."""
    if settings["type"] == "NO_ARTIFACTS":
        return
    if settings["type"] != "S3":
        raise ArtifactsRefused(f"The emulator has no {settings['type']} artifacts; it has S3, NO_ARTIFACTS")
    if settings.get("packaging", "NONE") != "NONE":
        raise ArtifactsRefused(f"The emulator packs no artifacts: packaging is {settings['packaging']}, not NONE")
    if not settings.get("location"):
        raise ArtifactsRefused("Invalid artifacts: location must be set")


def location(settings: Mapping[str, Any], build: str) -> str:
    """Where the artifacts go, as an ARN: bucket, path, the build's id if asked for, name."""
    if settings["type"] == "NO_ARTIFACTS":
        return ""
    identity = build.rpartition(":")[2] if settings.get("namespaceType") == "BUILD_ID" else ""
    parts = (settings.get("path", ""), identity, settings.get("name", ""))
    key = "/".join(part.strip("/") for part in parts if part.strip("/"))
    return f"arn:aws:s3:::{settings['location']}/{key}"


def upload(world: World, region: str, arn: str, files: ArtifactFiles, variables: Mapping[str, str], root: Path) -> int:
    """Upload what the patterns match, at least one file; returns how many. Raises ArtifactsRefused."""
    base = root / Template(files.base).safe_substitute(variables)
    if not base.is_dir():
        raise ArtifactsRefused("no matching base directory path found")
    found = sorted({path for pattern in files.patterns for path in base.glob(_glob(pattern)) if path.is_file()})
    if not found:
        raise ArtifactsRefused("no matching artifact paths found")
    bucket, _, prefix = arn.removeprefix("arn:aws:s3:::").partition("/")
    for path in found:
        name = path.name if files.discard_paths else path.relative_to(base).as_posix()
        try:
            world.client("s3", region).put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=path.read_bytes())
        except (ClientError, BotoCoreError) as error:
            raise ArtifactsRefused(f"s3://{bucket}/{prefix}/{name}: {error}") from error
    return len(found)


def _glob(pattern: str) -> str:
    """CodeBuild's `**/*` is all files, as pathlib's is."""
    return pattern.removeprefix("./")
