"""`docker login`, `build`, `tag` and `push` where there is no Docker engine.

`build` makes an OCI image whose one layer is the real build context; the Dockerfile is required and not executed, and
image and manifest say `emulated: true`. `push` goes to the emulator's registry with its real digest. The same context
always makes the same digest. Everything else is refused; the context's archive is made in `image`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from buildkit_dagster.emulator.standins import client, image, refuse

_REGISTRY = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.amazonaws\.com")
_PART_BYTES = 8 * 1024 * 1024


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        refuse("docker", f"{message}; it does login, build, tag and push, with the options of its --help")


def main(argv: list[str]) -> None:
    """Run one docker command; ends with exit code 1 when it cannot."""
    given = _parser().parse_args(argv)
    given.run(given)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="docker", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, parser_class=_Parser)
    login = commands.add_parser("login", allow_abbrev=False)
    login.add_argument("-u", "--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("registry")
    login.set_defaults(run=_login)
    build = commands.add_parser("build", allow_abbrev=False)
    build.add_argument("-t", "--tag", action="append", required=True)
    build.add_argument("-f", "--file", type=Path)
    build.add_argument("--build-arg", action="append", default=[])
    build.add_argument("--platform", default="linux/amd64")
    build.add_argument("--label", action="append", default=[])
    build.add_argument("context", type=Path)
    build.set_defaults(run=_build)
    tag = commands.add_parser("tag", allow_abbrev=False)
    tag.add_argument("source")
    tag.add_argument("target")
    tag.set_defaults(run=_tag)
    push = commands.add_parser("push", allow_abbrev=False)
    push.add_argument("tag")
    push.set_defaults(run=_push)
    return parser


def _login(given: argparse.Namespace) -> None:
    registry = given.registry.removeprefix("https://").rstrip("/")
    found = _registry(registry)
    (token,) = client("docker", "ecr", found["region"]).get_authorization_token(registryIds=[found["account"]])[
        "authorizationData"
    ]
    expected = base64.b64decode(token["authorizationToken"]).decode()
    if f"{given.username}:{sys.stdin.read().strip()}" != expected:
        refuse("docker", f"login to {registry}: wrong user name or password")
    (_store() / f"login-{registry}").touch()
    print("Login Succeeded")


def _build(given: argparse.Namespace) -> None:
    dockerfile = given.file or given.context / "Dockerfile"
    for path, kind in ((given.context, "build context"), (dockerfile, "Dockerfile")):
        if not path.exists():
            refuse("docker", f"build: there is no {kind} {path}")
    layer, diff_id = image.layer(given.context, dockerfile)
    config = image.config(
        diff_id=diff_id,
        platform=given.platform,
        labels=dict(label.partition("=")[::2] for label in given.label),
        arguments=[argument.partition("=")[0] for argument in given.build_arg],
    )
    manifest = image.manifest(config, layer)
    for blob in (layer, config):
        (_store() / _sha256(blob)).write_bytes(blob)
    for tag in given.tag:
        _remember(tag, manifest)
    print("The Dockerfile was not executed: the emulator made an image of the build context.")
    print(f"{_digest(manifest.encode())} {', '.join(given.tag)} ({len(layer)} bytes)")


def _tag(given: argparse.Namespace) -> None:
    _remember(given.target, _remembered(given.source))


def _push(given: argparse.Namespace) -> None:
    manifest = _remembered(given.tag)
    host, _, path = given.tag.partition("/")
    found = _registry(host)
    if not (_store() / f"login-{host}").exists():
        refuse("docker", f"push {given.tag}: no basic auth credentials; `docker login` to {host} first")
    name, _, tag = path.partition(":")
    ecr = client("docker", "ecr", found["region"])
    try:
        for blob in _blobs(manifest):
            _upload(ecr, name, blob)
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag or "latest")
    except ecr.exceptions.ImageAlreadyExistsException:
        print("The same image has this tag already.")
    except ecr.exceptions.ClientError as error:
        refuse("docker", f"push {given.tag}: {error}")
    print(f"{tag or 'latest'}: digest: {_digest(manifest.encode())} size: {len(manifest)}")


def _upload(ecr: Any, repository: str, digest: str) -> None:
    checked = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    if checked["layers"]:
        return
    data = (_store() / digest.removeprefix("sha256:")).read_bytes()
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for start in range(0, len(data), _PART_BYTES):
        part = data[start : start + _PART_BYTES]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])


def _blobs(manifest: str) -> list[str]:
    read = json.loads(manifest)
    return [read["config"]["digest"], *(layer["digest"] for layer in read["layers"])]


def _registry(host: str) -> re.Match[str]:
    found = _REGISTRY.fullmatch(host)
    if not found:
        refuse("docker", f"{host!r} is not a registry of the emulator; <account>.dkr.ecr.<region>.amazonaws.com is")
    return found


def _remember(tag: str, manifest: str) -> None:
    (_store() / f"tag-{hashlib.sha256(tag.encode()).hexdigest()}").write_text(manifest)


def _remembered(tag: str) -> str:
    path = _store() / f"tag-{hashlib.sha256(tag.encode()).hexdigest()}"
    if not path.exists():
        refuse("docker", f"there is no image {tag}; `docker build -t {tag}` makes one")
    return path.read_text()


def _store() -> Path:
    """Images and logins live as long as the build, in its home."""
    folder = Path(os.environ["HOME"]) / ".emulated-docker"
    folder.mkdir(exist_ok=True)
    return folder


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(data: bytes) -> str:
    return f"sha256:{_sha256(data)}"


if __name__ == "__main__":
    main(sys.argv[1:])
