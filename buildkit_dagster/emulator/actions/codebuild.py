"""CodeBuild projects: UpdateProject, and projects without a source location.

Builds are in `executors/codebuild`.
"""

from __future__ import annotations

import json
from typing import Any

from moto.codebuild import responses
from moto.codebuild.exceptions import InvalidInputException, ResourceNotFoundException
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult
from moto.core.utils import unix_time

from buildkit_dagster.emulator.actions import replace

#: What CreateProject takes and moto drops.
_KEPT = ("buildBatchConfig", "concurrentBuildLimit", "encryptionKey", "fileSystemLocations", "secondarySources")

_validate_source = responses._validate_required_params_source


def install() -> None:
    """Add UpdateProject, and let CreateProject keep what it is given."""
    moto_create = CodeBuildResponse.create_project

    def create_project(self: CodeBuildResponse) -> ActionResult:
        result = moto_create(self)
        given = json.loads(self.body)
        project = self.codebuild_backend.codebuild_projects[given["name"]].project_metadata
        project.update({name: given[name] for name in _KEPT if given.get(name)})
        return result

    replace(CodeBuildResponse, create_project, update_project)
    responses._validate_required_params_source = _validate_source_or_none


def update_project(self: CodeBuildResponse) -> ActionResult:
    """Replace the members that are given; the others stay."""
    given = json.loads(self.body)
    name = given.pop("name")
    found = self.codebuild_backend.codebuild_projects.get(name)
    if found is None:
        raise ResourceNotFoundException(f"Project cannot be found: {name}")
    if "source" in given:
        _validate_source_or_none(given["source"])
    if "serviceRole" in given:
        found.service_role = given["serviceRole"]
    if "tags" in given:
        found.tags = given["tags"]
    found.project_metadata.update(given, lastModifiedDate=unix_time())
    return ActionResult({"project": found.project_metadata})


def _validate_source_or_none(source: dict[str, Any]) -> None:
    """moto asks for a location even where there is no source, and does not know GitLab."""
    if source["type"] == "GITLAB":
        _validate_source({**source, "type": "GITHUB"})
    elif source["type"] != "NO_SOURCE":
        _validate_source(source)
    elif not source.get("buildspec"):
        raise InvalidInputException("A project with NO_SOURCE needs a buildspec")
