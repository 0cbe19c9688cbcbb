"""Images: docker in builds, digests, immutable tags and scans."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from helpers import Boto, finish, log, project, start

from buildkit_dagster.emulator.standins import image

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
LOGIN = f"aws ecr get-login-password --region us-east-1 | docker login --username AWS --password-stdin {REGISTRY}"


@pytest.fixture
def repository(boto: Boto) -> str:
    """A new repository with immutable tags, scanned on push; its name."""
    name = f"images/{uuid4().hex[:8]}"
    boto("ecr").create_repository(
        repositoryName=name, imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True}
    )
    return name


def build_image(boto: Boto, files: dict[str, str], *commands: str) -> tuple[dict[str, Any], str]:
    """Run commands in a build over these files; the build and what it said."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    bucket = f"contexts-{uuid4().hex[:8]}"
    boto("s3").create_bucket(Bucket=bucket)
    boto("s3").put_object(Bucket=bucket, Key="context.zip", Body=archive.getvalue())
    spec = json.dumps({"version": 0.2, "phases": {"build": {"commands": list(commands)}}})
    name = project(boto, spec, source={"type": "S3", "location": f"{bucket}/context.zip"})
    build = finish(boto, start(boto, name))
    return build, log(boto, build)


def test_a_built_image_is_pushed_with_its_real_digest_and_an_immutable_tag_stays(boto: Boto, repository: str) -> None:
    uri = f"{REGISTRY}/{repository}"
    files = {"Dockerfile": "FROM python:3.12-slim\n", "app/code.py": "print(1)\n" * 1000}
    push = [LOGIN, f"docker build --platform linux/arm64 -t {uri}:one .", f"docker push {uri}:one"]
    build, said = build_image(boto, files, *push, f"docker tag {uri}:one {uri}:two", f"docker push {uri}:two")
    assert build["buildStatus"] == "SUCCEEDED", said
    ecr = boto("ecr")
    (found,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "one"}])["imageDetails"]
    (got,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "one"}])["images"]
    manifest = json.loads(got["imageManifest"])
    assert found["imageDigest"] == "sha256:" + hashlib.sha256(got["imageManifest"].encode()).hexdigest()
    assert found["imageTags"] == ["one", "two"]
    assert found["imageSizeInBytes"] == manifest["config"]["size"] + manifest["layers"][0]["size"] > 0
    assert manifest["annotations"] == {"emulated": "true"}
    assert f"digest: {found['imageDigest']}" in said

    again, said = build_image(boto, files, *push)
    assert again["buildStatus"] == "SUCCEEDED", said
    assert f"digest: {found['imageDigest']}" in said
    changed, said = build_image(boto, {**files, "app/code.py": "print(2)"}, *push)
    assert changed["buildStatus"] == "FAILED"
    assert "ImageTagAlreadyExistsException" in said, said
    assert len(ecr.describe_images(repositoryName=repository)["imageDetails"]) == 1

    scan = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": "one"})
    assert scan["imageScanStatus"]["description"].startswith("emulated")
    assert {"key": "emulated", "value": "true"} in scan["imageScanFindings"]["findings"][0]["attributes"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("docker run alpine", "invalid choice: 'run'"),
        ("docker build --secret id=a -t x .", "unrecognized arguments: --secret"),
        ("docker build -t x .", "there is no Dockerfile"),
        (f"docker push {REGISTRY}/x:1", f"there is no image {REGISTRY}/x:1"),
        (f"touch Dockerfile; docker build -t {REGISTRY}/x:1 . && docker push {REGISTRY}/x:1", "no basic auth"),
        (f"echo wrong | docker login -u AWS --password-stdin {REGISTRY}", "wrong user name or password"),
        ("aws s3 ls", "does `ecr get-login-password [--region REGION]`, not `s3 ls`"),
    ],
)
def test_what_docker_and_aws_cannot_do_here_is_refused_by_name(boto: Boto, command: str, message: str) -> None:
    build, said = build_image(boto, {"file": ""}, command)
    assert build["buildStatus"] == "FAILED"
    assert message in said


def test_the_same_content_is_the_same_layer_whatever_the_files_times(tmp_path: Path) -> None:
    layers = []
    for name in ("first", "second"):
        context = tmp_path / name
        (context / "deep").mkdir(parents=True)
        for file in ("Dockerfile", "deep/kept.py", "deep/kept.pyc", "deep/kept.log"):
            (context / file).write_text(file)
        (context / ".dockerignore").write_text(f"**/*.pyc\n*/*.log\n!deep/kept.log\n{name}\n.dockerignore\n")
        (context / name).write_text("only here")
        layers.append(image.layer(context, context / "Dockerfile"))
    assert layers[0] == layers[1]
    (tmp_path / "second" / "deep" / "kept.py").write_text("changed")
    assert image.layer(tmp_path / "second", tmp_path / "second" / "Dockerfile") != layers[0]
