"""What a dbt build leaves in S3, and which build was the last complete one.

Below `dbt-artifacts/project=<name>/` of the artifacts bucket:

    builds/<run>/<start>/   what dbt wrote in one build, also in one that failed; put there by CodeBuild itself
    latest.json             the last complete build: all commands succeeded on the whole project
    docs/index.html         dbt's docs as one file

The buildspec that keeps the files is in `dbt_buildspec.py`, reading results for a retry in `dbt_retry.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_LATEST, _DOCS = "latest.json", "docs/index.html"

#: Where dbt's page of docs takes its data from when it is one file; dbt's own `docs generate --static` does the same.
_INLINE = {"manifest.json": '"MANIFEST.JSON INLINE DATA"', "catalog.json": '"CATALOG.JSON INLINE DATA"'}
_RESULTS = re.compile(r"run_results\.\d+\.json")
_PRECONDITION = ("PreconditionFailed", "ConditionalRequestConflict")


def artifacts_prefix(project: DbtProject) -> str:
    """Where a project's artifacts lie in its bucket."""
    return f"dbt-artifacts/project={project.name}/"


def artifacts_bucket(platform: Platform, project: DbtProject) -> str:
    """The project's own bucket, else the platform's."""
    return project.s3_artifacts_bucket or platform.names.bucket("artifacts")


@dataclass(frozen=True)
class BuildFolder:
    """One build's folder; `started` orders the builds of a project: UTC, ISO 8601 in basic format."""

    run: str
    started: str

    @classmethod
    def new(cls, run: str) -> BuildFolder:
        return cls(run, f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")

    @property
    def path(self) -> str:
        return f"builds/{self.run}/{self.started}/"


@dataclass(frozen=True)
class ArtifactStore:
    """A project's part of the artifacts bucket."""

    client: S3Client
    bucket: str
    prefix: str

    def override(self, build: BuildFolder) -> dict[str, Any]:
        """`artifactsOverride` of a build: CodeBuild's agent uploads what the buildspec keeps, whatever the image has.

        The bucket's own encryption applies; CodeBuild's would need its key in every reader's permissions.
        """
        return {
            "type": "S3",
            "location": self.bucket,
            "path": f"{self.prefix}builds/{build.run}",
            "name": build.started,
            "namespaceType": "NONE",
            "packaging": "NONE",
            "encryptionDisabled": True,
        }

    def source(self, build: BuildFolder, identifier: str) -> dict[str, str]:
        """A secondary source: the files of `build`, in `$CODEBUILD_SRC_DIR_<identifier>` of another."""
        location = f"{self.bucket}/{self.prefix}{build.path}"
        return {"type": "S3", "location": location, "sourceIdentifier": identifier}

    def url(self, build: BuildFolder) -> str:
        return f"s3://{self.bucket}/{self.prefix}{build.path}"

    def read(self, build: BuildFolder, name: str) -> bytes | None:
        """A file of a build, None when it has none of that name."""
        found = self._read(f"{self.prefix}{build.path}{name}")
        return found[0] if found else None

    def builds_of(self, run: str) -> list[BuildFolder]:
        """The builds of a run that left something, oldest first."""
        prefix = f"{self.prefix}builds/{run}/"
        return [BuildFolder(run, name) for name in sorted({key.split("/")[0] for key in self._keys(prefix)})]

    def results_of(self, run: str) -> list[dict[str, Any]]:
        """`run_results.json` of every command that ran nodes in the builds of a run, in the order they were written."""
        found = [self.read(build, name) for build in self.builds_of(run) for name in self._results(build)]
        return [json.loads(each) for each in found if each]

    def _results(self, build: BuildFolder) -> list[str]:
        numbered = [name for name in self._keys(f"{self.prefix}{build.path}") if _RESULTS.fullmatch(name)]
        return sorted(numbered, key=lambda name: int(name.split(".")[1]))

    def latest(self) -> BuildFolder | None:
        """The last complete build, None before the first."""
        found = self._read(f"{self.prefix}{_LATEST}")
        return _pointed_to(found[0]) if found else None

    def complete(self, build: BuildFolder) -> bool:
        """Let `build` be the latest unless one that started later is; whether it is now. Atomic among builds."""
        key = f"{self.prefix}{_LATEST}"
        body = json.dumps({"run": build.run, "started": build.started, "url": self.url(build)}).encode()
        while True:
            found = self._read(key)
            if found and _pointed_to(found[0]).started >= build.started:
                return False
            unchanged: dict[str, Any] = {"IfMatch": found[1]} if found else {"IfNoneMatch": "*"}
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **unchanged
                )
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in _PRECONDITION:
                    raise
                continue
            return True

    def publish_docs(self, build: BuildFolder) -> bool:
        """Publish a build's docs as one page; whether it had any."""
        page = self.read(build, "index.html")
        data = {name: self.read(build, name) for name in _INLINE}
        if page is None or None in data.values():
            return False
        text = page.decode()
        for name, place in _INLINE.items():
            # In a script element no text may look like the element's end.
            text = text.replace(place, (data[name] or b"").decode().replace("</", "<\\/"))
        self.client.put_object(Bucket=self.bucket, Key=self.docs_key, Body=text.encode(), ContentType="text/html")
        return True

    @property
    def docs_key(self) -> str:
        return f"{self.prefix}{_DOCS}"

    def _read(self, key: str) -> tuple[bytes, str] | None:
        """An object's bytes and its ETag."""
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=key)
        except self.client.exceptions.NoSuchKey:
            return None
        return found["Body"].read(), found["ETag"]

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from (item["Key"].removeprefix(prefix) for item in page.get("Contents", ()))


def store_of(client: S3Client, platform: Platform, project: DbtProject) -> ArtifactStore:
    return ArtifactStore(client, artifacts_bucket(platform, project), artifacts_prefix(project))


def _pointed_to(pointer: bytes) -> BuildFolder:
    found: Mapping[str, str] = json.loads(pointer)
    return BuildFolder(found["run"], found["started"])
