"""The `dbt` stack: one CodeBuild project, with a role of its own, per active dbt project that runs in CodeBuild.

A build is started with overrides (`runtimes/codebuild.py`, `defs/pipes/`); what stands here is what it starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.models import DbtProject
from buildkit_dagster.naming import image_key
from buildkit_dagster.runtimes.codebuild import buildspec
from buildkit_dagster.runtimes.dbt import profile_secrets
from buildkit_dagster.stacks.permissions import warehouse_statements
from buildkit_dagster.stacks.registry import artifacts, connection_unit, repository
from buildkit_dagster.stacks.scope import DBT, REGISTRY, Scope, after, after_state_backend
from buildkit_dagster.tags import dbt_tags
from buildkit_dagster.terraform.render import ModuleCall, Ref, RenderedRoot, Text


def dbt_root(scope: Scope, image_tags: Mapping[str, str]) -> RenderedRoot | None:
    """None when no project runs in CodeBuild."""
    projects = [project for project in scope.platform.dbt_projects if project.active and project.runtime == "codebuild"]
    calls = [after_state_backend(_project(scope, project, image_tags)) for project in projects]
    return scope.root(DBT, *calls) if calls else None


def artifacts_prefix(project: DbtProject) -> str:
    """Where a project's artifacts lie in its bucket."""
    return f"dbt-artifacts/project={project.name}/"


def _project(scope: Scope, project: DbtProject, image_tags: Mapping[str, str]) -> ModuleCall:
    names, platform = scope.platform.names, scope.platform
    inputs: dict[str, Any] = {
        "name": names.codebuild_project(project.name),
        "description": f"Builds the dbt project {project.name}",
        "account_id": scope.account,
        "role_name": names.role("dbt", project.name),
        "permissions_boundary_arn": scope.boundary_arn(),
        **_image(scope, project, image_tags),
        "compute_type": project.compute_type,
        "build_timeout": project.timeout,
        "source_location": _source(scope, project),
        "buildspec": buildspec(project.commands),
        "environment_variables": _variables(scope, project),
        "s3_access": [
            {"bucket_arn": _artifacts_arn(scope, project), "prefix": artifacts_prefix(project), "write": True}
        ],
        "policy_statements": warehouse_statements(scope) if project.engine == platform.config.warehouse.type else [],
        "log_group_name": names.log_group("dbt", project.name),
    }
    if project.vpc_config:
        inputs["vpc_config"] = {name: _listed(value) for name, value in project.vpc_config.model_dump().items()}
    call = scope.unit(project.name, "codebuild_project", inputs, dbt_tags(platform, project))
    return call if project.ecr_repository else after(call, image_key(project.image))


def _image(scope: Scope, project: DbtProject, image_tags: Mapping[str, str]) -> dict[str, Any]:
    """The platform's image by its content's tag, or the project's own repository."""
    if project.ecr_repository:
        return {
            "image": scope.image_uri(project.ecr_repository, project.ecr_image_tag or "latest"),
            "repository_arn": scope.arn("ecr", f"repository/{project.ecr_repository}"),
        }
    return {
        "image": Text(repository(project.image, "url"), f":{image_tags[project.image]}"),
        "repository_arn": repository(project.image, "arn"),
    }


def _source(scope: Scope, project: DbtProject) -> dict[str, Any]:
    return {
        "type": "GITHUB",
        "location": f"https://github.com/{project.org}/{project.repo}",
        "branch": project.branch,
        "connection_arn": Ref(REGISTRY, connection_unit(scope, project.org), "arn"),
    }


def _variables(scope: Scope, project: DbtProject) -> dict[str, dict[str, str]]:
    plain = {"BUILDKIT_DBT_TARGET": project.engine, **project.environment_variables}
    secrets = {**profile_secrets(scope.platform, project), **project.secrets_manager_variables}
    return {
        **{name: {"value": value} for name, value in plain.items()},
        **{name: {"value": arn, "type": "SECRETS_MANAGER"} for name, arn in secrets.items()},
    }


def _artifacts_arn(scope: Scope, project: DbtProject) -> str | Ref:
    return scope.bucket_arn(project.s3_artifacts_bucket) if project.s3_artifacts_bucket else artifacts("arn")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
