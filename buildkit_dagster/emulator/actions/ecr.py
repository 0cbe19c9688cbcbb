"""ECR: an image's digest and size are those of its manifest, immutable tags hold, scans happen and say what they are.

moto hashes the layers' names, counts the configuration only, and answers a canned finding, which is kept and marked.
"""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import datetime
from typing import Any

from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.models import ECRBackend, Image

from buildkit_dagster.emulator.actions import Refused, replace

_MARK = "emulated: a canned result, nothing was scanned"


def install() -> None:
    """Correct moto's images and scans."""
    moto_put, moto_findings = ECRBackend.put_image, ECRBackend.describe_image_scan_findings
    moto_scanning = ECRBackend.put_image_scanning_configuration

    def put_image(
        self: ECRBackend,
        repository_name: str,
        image_manifest: str,
        image_tag: str,
        image_manifest_mediatype: str | None = None,
        digest: str | None = None,
    ) -> Image:
        repository = self._get_repository(repository_name)
        actual = _digest(image_manifest)
        if digest and digest != actual:
            message = f"The manifest's digest is {actual}, not the given {digest}"
            raise Refused("ImageDigestDoesNotMatchException", message)
        others = [one for one in repository.images if image_tag in one.image_tags and one.image_digest != actual]
        if image_tag and others and repository.is_tag_immutable():
            message = (
                f"The image tag '{image_tag}' already exists in the '{repository_name}' repository "
                "and cannot be overwritten because the tag is immutable."
            )
            raise Refused("ImageTagAlreadyExistsException", message)
        _require_json(image_manifest)
        image = moto_put(self, repository_name, image_manifest, image_tag, image_manifest_mediatype, actual)
        scanning: Any = repository.image_scanning_configuration
        if scanning.get("scanOnPush"):
            image.last_scan = datetime.today()
        return image

    def describe_image_scan_findings(self: ECRBackend, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = copy.deepcopy(moto_findings(self, *args, **kwargs))
        found["imageScanStatus"]["description"] = _MARK
        for finding in found["imageScanFindings"].get("findings", []):
            finding["description"] = _MARK
            finding["attributes"] = [*finding.get("attributes", []), {"key": "emulated", "value": "true"}]
        return found

    def put_image_scanning_configuration(
        self: ECRBackend, registry_id: str, repository_name: str, image_scan_config: dict[str, Any]
    ) -> dict[str, Any]:
        # Go's client leaves `false` out, and moto takes what is empty for no change.
        return moto_scanning(self, registry_id, repository_name, {"scanOnPush": False, **image_scan_config})

    replace(ECRBackend, put_image, describe_image_scan_findings, put_image_scanning_configuration)
    replace(Image, _create_digest, get_image_size_in_bytes)


def _create_digest(self: Image) -> None:
    self._image_digest = _digest(self.image_manifest)


def get_image_size_in_bytes(self: Image) -> int | None:
    """Configuration and layers; None for a manifest that lists other manifests."""
    manifest = json.loads(self.image_manifest)
    if "layers" not in manifest:
        return None
    return sum(part.get("size", 0) for part in (manifest.get("config", {}), *manifest["layers"]))


def _digest(manifest: str) -> str:
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _require_json(manifest: str) -> None:
    try:
        json.loads(manifest)
    except json.JSONDecodeError as error:
        raise InvalidParameterException(f"imageManifest is not JSON: {error}") from error
