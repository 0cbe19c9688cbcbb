"""Images as assets, built by builds that the emulator really runs, and looked up in its registry."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Image, Platform
from buildkit_dagster.defs.image import image_assets
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.buildspec import buildspec
from buildkit_dagster.stacks.registry import registry_root
from buildkit_dagster.stacks.scope import Scope
from tests.dbt_shop import shop_platform


@pytest.fixture
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture
def platform(tmp_path: Path, boto: Callable[[str], Any]) -> Platform:
    """A platform with one small image, and what its registry stack would have made for it."""
    base = shop_platform(tmp_path)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    config = base.config.model_copy(
        update={"images": {"small": Image(context="small")}, "segment": tmp_path.name[-20:]}
    )
    platform = base.model_copy(update={"config": config, "name": "images"})
    boto("s3").create_bucket(Bucket=platform.names.bucket("artifacts"))
    boto("ecr").create_repository(
        repositoryName=platform.names.repository("small"),
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
    )
    [builder] = [
        call for call in registry_root(Scope(platform), {"small": "3f1c9a20b7de"}).calls if call.name == "image_builder"
    ]
    boto("codebuild").create_project(
        name=platform.names.image_builder(),
        source={"type": "S3", "location": "nowhere/yet.zip", "buildspec": builder.inputs["buildspec"]},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole="arn:aws:iam::123456789012:role/image-builder",
    )
    return platform


def make(platform: Platform, process: ProcessEnvironment) -> ExecuteInProcessResult:
    assets = image_assets(platform, process)
    return materialize(assets, instance=DagsterInstance.ephemeral(), raise_on_error=False)


def metadata(result: ExecuteInProcessResult) -> dict[str, Any]:
    assert result.success
    [made] = result.get_asset_materialization_events()
    return {name: value.value for name, value in made.step_materialization_data.materialization.metadata.items()}


@pytest.mark.parity("A-3", "A-112", "A!11")
def test_an_image_is_built_once_for_its_content_and_verified_in_the_registry(
    platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any]
):
    first = metadata(make(platform, process))
    again = metadata(make(platform, process))
    (platform.folder / "small" / "new.txt").write_text("changed")
    changed = metadata(make(platform, process))

    assert (first["built"], again["built"], changed["built"]) == (True, False, True)
    assert first["digest"] == again["digest"] != changed["digest"]
    assert first["emulated"] is True
    assert first["size_bytes"] > 0
    assert first["scan"].startswith("COMPLETE: emulated")
    assert first["dagster/uri"].endswith(f"/{platform.names.repository('small')}:{_tags(boto, platform, first)[0]}")
    bucket = platform.names.bucket("artifacts")
    [one, _] = boto("s3").list_objects_v2(Bucket=bucket)["Contents"]
    packed = zipfile.ZipFile(io.BytesIO(boto("s3").get_object(Bucket=bucket, Key=one["Key"])["Body"].read()))
    assert "Dockerfile" in packed.namelist()


def test_the_data_version_is_the_digest_and_the_registry_comes_first(platform: Platform, process: ProcessEnvironment):
    [image] = image_assets(platform, process)
    registry = [AssetKey(["infra", "registry", unit]) for unit in ("artifacts", "image_builder", "repository_small")]
    assert sorted(image.asset_deps[AssetKey(["image", "small"])]) == registry
    result = make(platform, process)
    [made] = result.get_asset_materialization_events()
    tags = made.step_materialization_data.materialization.tags or {}
    assert tags["dagster/data_version"] == metadata(result)["digest"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo the reason; exit 3", "phase BUILD with exit code 3(?s:.*)the reason"),
        ("true", "succeeded, but .* has no image"),
    ],
)
def test_an_image_that_is_not_there_after_its_build_is_a_failure(
    platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any], command: str, message: str
):
    source = {"type": "S3", "location": "nowhere/yet.zip", "buildspec": buildspec([command])}
    boto("codebuild").update_project(name=platform.names.image_builder(), source=source)
    assert re.search(message, failure(make(platform, process)))


def test_missing_infrastructure_is_named(platform: Platform, process: ProcessEnvironment, boto: Callable[[str], Any]):
    boto("codebuild").delete_project(name=platform.names.image_builder())
    assert f"{platform.names.image_builder()} does not exist" in failure(make(platform, process))
    boto("ecr").delete_repository(repositoryName=platform.names.repository("small"), force=True)
    assert "image/small needs infra/registry/repository_small" in failure(make(platform, process))


def failure(result: ExecuteInProcessResult) -> str:
    [step] = result.get_step_failure_events()
    return str(step.step_failure_data.error)


def _tags(boto: Callable[[str], Any], platform: Platform, made: dict[str, Any]) -> list[str]:
    wanted = [{"imageDigest": made["digest"]}]
    repository = platform.names.repository("small")
    [found] = boto("ecr").describe_images(repositoryName=repository, imageIds=wanted)["imageDetails"]
    tags: list[str] = found["imageTags"]
    return tags
