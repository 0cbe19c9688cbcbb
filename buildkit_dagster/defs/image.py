"""Container images as assets: built by CodeBuild when their content is new, verified in the registry either way.

What a build context is and what its tag means is in `runtimes/image.py`; the builder and the repositories are units of
the `registry` stack.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    asset,
)

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.pipes.codebuild import PipesCodeBuildClient, build_metadata
from buildkit_dagster.defs.start import refuse_to_start
from buildkit_dagster.errors import ImageNotPushed, InfrastructureMissing
from buildkit_dagster.naming import identifier, image_key, infra_key
from buildkit_dagster.runtimes import codebuild
from buildkit_dagster.runtimes.image import BuildContext, image_context
from buildkit_dagster.runtimes.pace import AWS_INTERVALS
from buildkit_dagster.stacks.registry import ARTIFACTS, CONTEXTS, IMAGE_BUILDER, repository_unit
from buildkit_dagster.stacks.scope import REGISTRY, Scope
from buildkit_dagster.tags.on_assets import dagster_tags, owners
from buildkit_dagster.tags.wanted import platform_tags

GROUP = "images"

_TIMEOUT_MINUTES = 60

#: ECR scans after a push; its findings are waited for this long, in seconds, and then reported as they are.
_SCAN_WAIT = 60.0
_SCAN_INTERVAL = 2.0
_SCAN_ENDED = {"COMPLETE", "ACTIVE", "FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE", "SCAN_ELIGIBILITY_EXPIRED"}


def image_assets(platform: Platform, process: ProcessEnvironment) -> list[AssetsDefinition]:
    """One asset per image of the platform; reads the build contexts, raises `ContextMissing`."""
    return [_image_asset(platform, image, process) for image in platform.config.images]


def _image_asset(platform: Platform, image: str, process: ProcessEnvironment) -> AssetsDefinition:
    code_version = image_context(platform, image).tag
    carried = platform_tags(platform)

    @asset(
        key=AssetKey(image_key(image)),
        deps=[AssetKey(infra_key(REGISTRY, unit)) for unit in (repository_unit(image), ARTIFACTS, IMAGE_BUILDER)],
        group_name=GROUP,
        kinds={"docker", "ecr"},
        owners=owners(carried),
        tags=dagster_tags(carried),
        code_version=code_version,
        description=f"The container image {image}, tagged with the hash of its build context.",
        pool=identifier("image", image),
    )
    def container_image(context: AssetExecutionContext) -> MaterializeResult:
        with told_plainly():
            refuse_to_start(context)
            return _Image(platform, image, image_context(platform, image), aws_for(platform, process)).made(context)

    return container_image


@dataclass(frozen=True)
class _Image:
    """One image at the content its build context has now."""

    platform: Platform
    name: str
    content: BuildContext
    aws: Aws

    @property
    def repository(self) -> str:
        return self.platform.names.repository(self.name)

    @property
    def uri(self) -> str:
        return Scope(self.platform).image_uri(self.repository, self.content.tag)

    def made(self, context: AssetExecutionContext) -> MaterializeResult:
        """Build and push it unless the registry has it; the registry's word on it."""
        ecr = self.aws.client("ecr")
        found, built = self._found(ecr), {}
        if found is None:
            state = self._build(context)
            found, built = self._found(ecr), build_metadata(state)
            if found is None:
                raise ImageNotPushed(self.repository, self.content.tag, state.id)
        else:
            context.log.info(f"{self.uri} is in the registry: its content has not changed, nothing was built")
        metadata = {
            "dagster/uri": self.uri,
            "built": bool(built),
            "digest": found["imageDigest"],
            "size_bytes": MetadataValue.int(found["imageSizeInBytes"]),
            "pushed_at": MetadataValue.timestamp(found["imagePushedAt"]),
            "files": len(self.content.files),
            "emulated": self.platform.config.cloud == "emulator",
            **_scan(ecr, self.repository, found["imageDigest"]),
            **built,
        }
        return MaterializeResult(metadata=metadata, data_version=DataVersion(found["imageDigest"]))

    def _found(self, ecr: Any) -> Mapping[str, Any] | None:
        """The image as the registry knows it, None when it has no such tag."""
        wanted = [{"imageTag": self.content.tag}]
        try:
            found = ecr.describe_images(repositoryName=self.repository, imageIds=wanted)["imageDetails"]
        except ecr.exceptions.ImageNotFoundException:
            return None
        except ecr.exceptions.RepositoryNotFoundException:
            unit = infra_key(REGISTRY, repository_unit(self.name))
            raise InfrastructureMissing(image_key(self.name), unit) from None
        described: Mapping[str, Any] = found[0]
        return described

    def _build(self, context: AssetExecutionContext) -> codebuild.BuildState:
        """Upload the context and let the platform's builder make the image of it."""
        bucket, key = self.platform.names.bucket("artifacts"), f"{CONTEXTS}{self.name}/{self.content.tag}.zip"
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=self.content.archive())
        variables = {
            "IMAGE": self.uri,
            "REGISTRY": self.uri.partition("/")[0],
            "DOCKERFILE": self.content.dockerfile,
        }
        params = {
            "projectName": self.platform.names.image_builder(),
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": f"{bucket}/{key}",
            "environmentVariablesOverride": codebuild.environment(variables, {}),
            "timeoutInMinutesOverride": _TIMEOUT_MINUTES,
            "queuedTimeoutInMinutesOverride": codebuild.QUEUE_MINUTES,
        }

        interval = AWS_INTERVALS[self.platform.config.cloud]
        client = PipesCodeBuildClient(self.aws.client("codebuild"), self.aws.client("logs"), interval=interval)
        return client.follow(context=context, start_build_params=params)


def _scan(ecr: Any, repository: str, digest: str) -> dict[str, Any]:
    """The state of the registry's scan and, once it has ended, the number of findings by severity."""
    until = time.monotonic() + _SCAN_WAIT
    while True:
        try:
            scan = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageDigest": digest})
        except ecr.exceptions.ScanNotFoundException:
            return {"scan": "the repository does not scan on push"}
        status = scan["imageScanStatus"]["status"]
        if status in _SCAN_ENDED or time.monotonic() > until:
            counts = scan.get("imageScanFindings", {}).get("findingSeverityCounts", {})
            description = scan["imageScanStatus"].get("description", "")
            return {"scan": f"{status}: {description}", "scan_findings": MetadataValue.json(dict(counts))}
        time.sleep(_SCAN_INTERVAL)
