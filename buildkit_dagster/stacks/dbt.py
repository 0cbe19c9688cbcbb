"""The `dbt` stack: one CodeBuild project, with a role of its own, per active dbt project that runs in CodeBuild.

A build is started with overrides (`runtimes/codebuild.py`, `defs/pipes/`); what stands here is what it starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.config.eventbridge import parse
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.values import Model
from buildkit_dagster.naming import image_key, schedule_unit_name
from buildkit_dagster.runtimes import elementary
from buildkit_dagster.runtimes.buildspec import buildspec
from buildkit_dagster.runtimes.checkout import checkout_secrets, checkout_variables, with_checkout
from buildkit_dagster.runtimes.dbt import profile_secrets, profile_variables
from buildkit_dagster.runtimes.dbt_artifacts import artifacts_prefix
from buildkit_dagster.stacks.registry import artifacts, connection_unit, repository
from buildkit_dagster.stacks.scope import DBT, REGISTRY, Scope, after, after_state_backend
from buildkit_dagster.stacks.warehouse import warehouse_of_project
from buildkit_dagster.tags.wanted import dbt_tags
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref, RenderedRoot, Text, UnitRef


def dbt_root(scope: Scope, image_tags: Mapping[str, str]) -> RenderedRoot | None:
    """None when no project runs in CodeBuild."""
    projects = [project for project in scope.platform.dbt_projects if project.runtime == "codebuild"]
    scheduled = [project for project in projects if project.scheduler == "eventbridge"]
    calls = [
        *(_project(scope, project, image_tags) for project in projects),
        *(_schedule(scope, project) for project in scheduled),
    ]
    return scope.root(DBT, *map(after_state_backend, calls)) if calls else None


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
        "buildspec": with_checkout(buildspec(project.commands), project),
        "environment_variables": _variables(scope, project),
        "s3_access": [
            {"bucket_arn": _artifacts_arn(scope, project), "prefix": artifacts_prefix(project), "write": True}
        ],
        "warehouse": warehouse_of_project(platform, project),
        "policy_statements": [*_alerting(scope, project), *map(_plain, project.policy_statements)],
        "additional_policy_arns": list(project.policy_arns),
        "log_group_name": names.log_group("dbt", project.name),
        "log_retention_days": project.log_retention_days,
        "queued_timeout": project.queued_timeout,
        "concurrent_build_limit": project.concurrency,
        "kms_key_arn": project.kms_key,
        "cache": _cache(project),
    }
    if project.vpc_config:
        inputs["vpc_config"] = _plain(project.vpc_config)
    call = scope.unit(project.name, "codebuild_project", inputs, dbt_tags(platform, project))
    return call if project.ecr_repository else after(call, image_key(project.image))


def _schedule(scope: Scope, project: DbtProject) -> ModuleCall:
    """What starts the builds of a project whose schedule stays in AWS."""
    inputs: dict[str, Any] = {
        "name": scope.platform.names.build_schedule(project.name),
        "account_id": scope.account,
        "project_arn": UnitRef(project.name, "arn"),
        "expression": parse(project.schedule or "").text,
        "timezone": project.timezone,
        "permissions_boundary_arn": scope.boundary_arn(),
    }
    return scope.unit(schedule_unit_name(project.name), "build_schedule", inputs, dbt_tags(scope.platform, project))


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
    if project.deploy_key:
        return {"type": "NO_SOURCE"}
    unit = connection_unit(scope, project.provider, project.org)
    return {
        "type": project.provider.upper(),
        "location": f"https://{project.host}/{project.org}/{project.repo}",
        "branch": project.branch,
        "connection_arn": project.connection or Ref(REGISTRY, unit, "arn"),
    }


def _variables(scope: Scope, project: DbtProject) -> dict[str, dict[str, str]]:
    """What a build finds whoever starts it: Dagster, EventBridge or a person in the console."""
    profile = profile_variables(scope.platform, project)
    plain = {**profile, **checkout_variables(project), **project.environment_variables}
    own = {**checkout_secrets(project), **project.secrets_manager_variables}
    secrets = {**profile_secrets(scope.platform, project), **own}
    return {
        **{name: {"value": value} for name, value in plain.items()},
        **{name: {"value": arn, "type": "SECRETS_MANAGER"} for name, arn in secrets.items()},
    }


def _alerting(scope: Scope, project: DbtProject) -> list[dict[str, Any]]:
    """Elementary's alerts read the Slack secret by its name, to which Secrets Manager adds six characters in ARNs."""
    names = [reference.rpartition(":")[0] for reference in elementary.secrets(project).values()]
    arns = [name if name.startswith("arn:") else scope.arn("secretsmanager", f"secret:{name}-??????") for name in names]
    return [{"actions": ["secretsmanager:GetSecretValue"], "resources": arns}] if arns else []


def _artifacts_arn(scope: Scope, project: DbtProject) -> str | Ref:
    return scope.bucket_arn(project.s3_artifacts_bucket) if project.s3_artifacts_bucket else artifacts("arn")


def _cache(project: DbtProject) -> dict[str, Any]:
    """Beside the artifacts, not among them: who reads artifacts does not read caches."""
    if project.cache != "s3":
        return {"type": {"none": "NO_CACHE", "local": "LOCAL"}[project.cache]}
    bucket = project.s3_artifacts_bucket or artifacts("name")
    return {"type": "S3", "location": Text(bucket, f"/dbt-cache/project={project.name}")}


def _plain(model: Model) -> dict[str, Any]:
    """A model as JSON."""
    return model.model_dump(mode="json")
