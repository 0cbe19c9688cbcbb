"""CodeBuild's calls about builds: StartBuild, BatchGetBuilds, StopBuild and the lists.

Projects stay with moto; what they lack there is in `actions/codebuild`. What becomes of a build is `build`.
"""

from __future__ import annotations

import json
from typing import Any

from moto.codebuild.exceptions import InvalidInputException, ResourceNotFoundException
from moto.codebuild.models import CodeBuildBackend
from moto.codebuild.responses import CodeBuildResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from buildkit_dagster.emulator.actions import replace
from buildkit_dagster.emulator.executors.build import Build
from buildkit_dagster.emulator.executors.build_record import new_record
from buildkit_dagster.emulator.executors.world import World


class TooManyBuilds(JsonRESTError):
    """StartBuild's answer where an account or project has as many builds as it may."""

    def __init__(self, message: str) -> None:
        super().__init__("AccountLimitExceededException", message)


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
        builds = [build for build in self._all() if build.record["projectName"] == project["name"]]
        limit = project.get("concurrentBuildLimit")
        if limit and sum(not build.finished.is_set() for build in builds) >= limit:
            raise TooManyBuilds(f"Cannot have more than {limit} builds in queue for the project")
        number = 1 + len(builds)
        record = new_record(backend, project, given, number)
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
