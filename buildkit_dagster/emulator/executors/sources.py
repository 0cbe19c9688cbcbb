"""Where a build's files come from: addresses of Git providers mapped to folders, archives in S3, or nowhere.

A mapped folder stands for the repository: it is copied as git sees it (tracked and new files, nothing ignored), or one
commit of it when the build names one. Everything else a source can be is refused by name.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.errors import EmulatorError

KINDS = ("GITHUB", "GITLAB", "BITBUCKET", "S3", "NO_SOURCE")

_DEFAULT_BUILDSPEC = "buildspec.yml"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_LEFT_OUT = (".git", ".venv", ".buildkit", "__pycache__", "node_modules", "*.duckdb")


class SourceRefused(EmulatorError):
    """The source cannot be had."""


def download(world: World, region: str, source: Mapping[str, Any], version: str | None, target: Path) -> str | None:
    """Fill `target` with the source; the version it turned out to be, where there is one. Raises SourceRefused."""
    target.mkdir()
    if source["type"] == "NO_SOURCE":
        return None
    if source["type"] == "S3":
        return _from_s3(world, region, source["location"], version, target)
    _require_connection(world, source)
    folder = world.settings.repository(source["location"])
    if folder is None:
        known = ", ".join(sorted(world.settings.repositories)) or "none"
        raise SourceRefused(
            f"{source['location']} is not mapped to a folder; mapped are: {known}. "
            "Name it to the emulator as --repository organization/name=folder."
        )
    if not folder.is_dir():
        raise SourceRefused(f"{source['location']} is mapped to {folder}, which is not a folder")
    return _from_folder(folder, version, target)


def find_buildspec(source: Mapping[str, Any], root: Path) -> str:
    """The text of the buildspec: written in the project, or in the file it names. Raises SourceRefused."""
    given = (source.get("buildspec") or "").strip()
    if "\n" in given or given.startswith("{"):
        return given
    path = root / (given or _DEFAULT_BUILDSPEC)
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        raise SourceRefused(f"YAML_FILE_ERROR: {given or _DEFAULT_BUILDSPEC}: no such file in the source")
    return path.read_text()


def _require_connection(world: World, source: Mapping[str, Any]) -> None:
    auth = source.get("auth") or {}
    if auth.get("type") != "CODECONNECTIONS":
        return
    arn = auth.get("resource", "")
    status = world.connections.status(arn)
    if status != "AVAILABLE":
        said = f"is {status}" if status else "does not exist"
        raise SourceRefused(
            f"authorization failed for primary source: connection {arn} {said}; "
            "a person must complete it before builds can use it"
        )


def _from_s3(world: World, region: str, location: str, version: str | None, target: Path) -> str | None:
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    if key.endswith("/"):
        _folder_from_s3(world.client("s3", region), bucket, key, target)
        return None
    wanted = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    try:
        found = world.client("s3", region).get_object(**wanted)
    except (ClientError, BotoCoreError) as error:
        raise SourceRefused(f"s3://{bucket}/{key}: {error}") from error
    try:
        _unzip(found["Body"].read(), target)
    except zipfile.BadZipFile as error:
        raise SourceRefused(f"s3://{bucket}/{key} is not a zip archive") from error
    resolved: str | None = found.get("VersionId")
    return resolved


def _folder_from_s3(client: Any, bucket: str, prefix: str, target: Path) -> None:
    """A location that ends in a slash is a folder of objects."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        for key in keys:
            path = target / key.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, key, str(path))
    except (ClientError, BotoCoreError) as error:
        raise SourceRefused(f"s3://{bucket}/{prefix}: {error}") from error
    if not keys:
        raise SourceRefused(f"s3://{bucket}/{prefix}: no objects there")


def _unzip(data: bytes, target: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for item in archive.infolist():
            written = Path(archive.extract(item, target))
            mode = item.external_attr >> 16 & 0o777
            if mode and written.is_file():
                written.chmod(mode | 0o200)


def _from_folder(folder: Path, version: str | None, target: Path) -> str | None:
    """A commit is taken from git; a branch, tag or nothing means the folder as it stands, edits included."""
    head = _commit(folder, "HEAD")
    if version and _COMMIT.fullmatch(version):
        wanted = _commit(folder, version)
        if wanted is None:
            raise SourceRefused(f"commit {version} not found in {folder}")
        _export(folder, wanted, target)
        return wanted
    if head:
        _copy_listed(folder, target)
    else:
        shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return head


def _commit(folder: Path, name: str) -> str | None:
    """The commit a reference names; None when there is none or the folder is in no git checkout."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.decode().strip() if found else None


def _copy_listed(folder: Path, target: Path) -> None:
    listed = _git(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z") or b""
    for name in listed.decode().split("\0"):
        if name and (folder / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, target / name)


def _export(folder: Path, commit: str, target: Path) -> None:
    archive = _git(folder, "archive", "--format=tar", commit)
    if archive is None:
        raise SourceRefused(f"commit {commit} of {folder} could not be read")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git says, None when it refuses or is not there."""
    git = shutil.which("git")
    if git is None:
        return None
    found = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, check=False)
    return found.stdout if found.returncode == 0 else None
