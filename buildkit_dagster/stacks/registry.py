"""The `registry` stack: where images live and are built, the way to sources, the bucket for builds, the ECS cluster.

Other stacks find an image's repository and an organization's connection with the functions here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildkit_dagster.naming import PACKAGE_IMAGE, identifier, told_apart
from buildkit_dagster.runtimes.buildspec import buildspec
from buildkit_dagster.stacks.permissions import log_in_to_registry, push_images
from buildkit_dagster.stacks.scope import REGISTRY, Scope, after_state_backend
from buildkit_dagster.terraform.rendered_root import ModuleCall, Ref, RenderedRoot, Text, UnitRef

ARTIFACTS, IMAGE_BUILDER, CLUSTER = "artifacts", "image_builder", "cluster"

#: Key prefixes in the artifacts bucket and the days their objects are kept.
CONTEXTS, PIPES = "contexts/", "pipes/"
_KEPT_DAYS = {CONTEXTS: 90, PIPES: 7}

#: The module of connections to providers of sources.
CONNECTION_MODULE = "source_connection"

#: CodeConnections' names for where sources are.
_PROVIDER_TYPES = {"github": "GitHub", "gitlab": "GitLab", "bitbucket": "Bitbucket"}

_BUILDER_IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"

#: Variables of one build: REGISTRY is the part of the address before the first slash, IMAGE the address with its tag.
_BUILD_COMMANDS = (
    'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"',
    'docker build --platform linux/amd64 --file "$DOCKERFILE" --tag "$IMAGE" .',
    'docker push "$IMAGE"',
)


def repository_unit(image: str) -> str:
    """The unit that holds an image's repository."""
    return "repository" if image == PACKAGE_IMAGE else identifier("repository", image)


def connection_unit(scope: Scope, provider: str, organization: str) -> str:
    """The unit that connects to an organization; the platform's own has the plain name."""
    if (provider, organization.lower()) == ("github", scope.platform.config.github.organization.lower()):
        return "github_connection"
    return identifier(f"{provider}_connection", told_apart(organization.lower()))


def repository(image: str, output: str) -> Ref:
    """An output of an image's repository, for other stacks."""
    return Ref(REGISTRY, repository_unit(image), output)


def artifacts(output: str) -> Ref:
    """An output of the artifacts bucket, for other stacks."""
    return Ref(REGISTRY, ARTIFACTS, output)


def pipes_folder(tenant: str, job: str) -> str:
    """The key prefix of what a job and its runs tell each other: no other job's role reaches it."""
    return f"{PIPES}{tenant}/{job}/"


def registry_root(scope: Scope, image_tags: Mapping[str, str]) -> RenderedRoot:
    images = sorted(scope.platform.config.images)
    calls = [
        *(_repository(scope, image, image_tags[image]) for image in images),
        *(_connection(scope, *owner) for owner in _owners(scope)),
        _artifacts(scope),
        *([_image_builder(scope, images)] if images else []),
        _cluster(scope),
    ]
    return scope.root(REGISTRY, *map(after_state_backend, calls))


def _owners(scope: Scope) -> list[tuple[str, str]]:
    """Provider and organization of every source that needs a connection of the platform's, each once."""
    found = [("github", scope.platform.config.github.organization)]
    for project in scope.platform.dbt_projects:
        if not (project.connection or project.deploy_key):
            found.append((project.provider, project.org))
    return list({(provider, name.lower()): (provider, name) for provider, name in reversed(found)}.values())[::-1]


def _repository(scope: Scope, image: str, tag: str) -> ModuleCall:
    emulated = scope.platform.config.cloud == "emulator"
    name = scope.platform.names.repository(image)
    inputs = {"name": name, "tags_in_use": [tag], "force_delete": emulated}
    return scope.unit(repository_unit(image), "ecr_repository", inputs)


def _connection(scope: Scope, provider: str, organization: str) -> ModuleCall:
    inputs = {
        "name": scope.platform.names.connection(organization, provider),
        "provider_type": _PROVIDER_TYPES[provider],
    }
    return scope.unit(connection_unit(scope, provider, organization), CONNECTION_MODULE, inputs)


def _artifacts(scope: Scope) -> ModuleCall:
    inputs = {
        "name": scope.platform.names.bucket("artifacts"),
        "expire_days": _KEPT_DAYS,
        "force_destroy": scope.platform.config.cloud == "emulator",
    }
    return scope.unit(ARTIFACTS, "bucket", inputs)


def _image_builder(scope: Scope, images: list[str]) -> ModuleCall:
    """One project builds every image; which, and from what context, each build is told."""
    names = scope.platform.names
    inputs: dict[str, Any] = {
        "name": names.image_builder(),
        "description": "Builds container images from contexts in the artifacts bucket",
        "account_id": scope.account,
        "role_name": names.role("image-builder"),
        "permissions_boundary_arn": scope.boundary_arn(),
        "image": _BUILDER_IMAGE,
        "privileged": True,
        "build_timeout": 60,
        "source_location": {"type": "S3", "location": Text(UnitRef(ARTIFACTS, "name"), f"/{CONTEXTS}image.zip")},
        "buildspec": buildspec(_BUILD_COMMANDS),
        "environment_variables": {"DOCKERFILE": {"value": "Dockerfile"}},
        "s3_access": [{"bucket_arn": UnitRef(ARTIFACTS, "arn"), "prefix": CONTEXTS}],
        "policy_statements": [
            push_images([UnitRef(repository_unit(image), "arn") for image in images]),
            log_in_to_registry(),
        ],
        "log_group_name": names.log_group("image-builder"),
    }
    return scope.unit(IMAGE_BUILDER, "codebuild_project", inputs)


def _cluster(scope: Scope) -> ModuleCall:
    inputs = {"name": scope.platform.names.cluster(), "subnet_ids": list(scope.platform.config.network.subnets)}
    return scope.unit(CLUSTER, "ecs_cluster", inputs)
