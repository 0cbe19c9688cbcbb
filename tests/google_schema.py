"""What Terraform's Google provider takes, where the provider itself cannot be had: `tests/google_schema.json`.

    pip download --no-deps cdktf-cdktf-provider-google==16.12.1
    python -m tests.google_schema cdktf_cdktf_provider_google-16.12.1-py3-none-any.whl

reads it from that package, which HashiCorp generated from the schema of provider 6.50.0, without installing it (it
takes 370 MB). The file has the format of `terraform providers schema -json`, for the resources of this repository's
modules. The package does not say whether an optional attribute is computed as well, so only those in `FROM_PROVIDER`
are, and lists that are computed only are left out. Terraform is served from it by `tests/google_provider.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_suffix(".json")
PROVIDER = "registry.terraform.io/hashicorp/google"

RESOURCES = (
    # The old kind of service: nothing here uses it, tests show that what others write of it is refused.
    "google_cloud_run_service",
    "google_cloud_run_v2_job",
    "google_cloud_run_v2_job_iam_member",
    "google_cloud_run_v2_service_iam_member",
    "google_cloud_scheduler_job",
    "google_cloudfunctions2_function",
    "google_kms_crypto_key",
    "google_kms_crypto_key_iam_member",
    "google_kms_key_ring",
    "google_logging_project_bucket_config",
    "google_logging_project_sink",
    "google_monitoring_alert_policy",
    "google_project_iam_member",
    "google_secret_manager_secret_iam_member",
    "google_service_account",
    "google_storage_bucket",
    "google_storage_bucket_iam_member",
    "google_storage_bucket_object",
)
DATA_SOURCES = ("google_logging_project_cmek_settings", "google_project", "google_storage_project_service_account")

#: Attributes that the provider fills in where they are not given.
FROM_PROVIDER = ("id", "project", "region")

#: `storageClassType` of the package -> Terraform's type.
_TYPES: dict[str, Any] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "anyMap": ["map", "dynamic"],
}
_GETTERS = {"String": "string", "Number": "number", "Boolean": "bool", "StringMap": ["map", "string"]}
_ATTRIBUTE = re.compile(
    r'^ +(\w+): \{\s+value: (.+),\s+isBlock: (true|false),\s+type: "(\w+)",\s+storageClassType: "(\w+)",',
    re.MULTILINE,
)


class Package:
    """The TypeScript library inside the Python package."""

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as files:
            (inner,) = (name for name in files.namelist() if name.endswith(".jsii.tgz"))
            packed = io.BytesIO(files.read(inner))
        wanted = re.compile(r"package/lib/([a-z0-9-]+)/index\.(js|d\.ts)")
        folders = {_folder(name) for name in (*RESOURCES, *DATA_SOURCES)} | {"provider"}
        folders |= {f"data-google-{_folder(name)}" for name in DATA_SOURCES}
        with tarfile.open(fileobj=packed) as archive:
            self.texts = {
                found.groups(): archive.extractfile(member).read().decode()  # type: ignore[union-attr]
                for member in archive
                if (found := wanted.fullmatch(member.name)) and found[1] in folders
            }

    def schema(self, folder: str) -> dict[str, Any]:
        """One resource's, data source's or the provider's schema."""
        return {"version": 0, "block": Library(self.texts[folder, "js"], self.texts[folder, "d.ts"]).block()}


class Library:
    """What one folder of the library says about one resource."""

    def __init__(self, code: str, declared: str) -> None:
        self.functions = dict(re.findall(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", code, re.M | re.S))
        self.classes = dict(re.findall(r"^class (\w+) extends [\w.]+ \{(.*?)^\}", code, re.M | re.S))
        self.required = {
            name: set(re.findall(r"#(\w+) \w+#\w+\}\s*\*/\s+readonly \w+: ", body))
            for name, body in re.findall(r"^export interface (\w+) [^{]*\{(.*?)^\}", declared, re.M | re.S)
        }
        (self.main,) = re.findall(r"^(\w+)\.tfResourceType = ", code, re.M)

    def block(self) -> dict[str, Any]:
        body = self.classes[self.main]
        return self._block(body[body.index("synthesizeHclAttributes") :], f"{self.main}Config", body)

    def _block(self, arguments: str, interface: str, output: str) -> dict[str, Any]:
        """`arguments` names what can be written, `interface` what of it must be, `output` what can be read."""
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for name, value, is_block, kind, type_ in _ATTRIBUTE.findall(arguments):
            required = name in self.required[interface]
            if is_block == "true":
                blocks[name] = self._nested(value, kind, required)
            else:
                attributes[name] = {"type": _type(kind, type_), **_use(name, required)}
        for name, type_ in _read(output):
            if name not in attributes and name not in blocks:
                attributes[name] = {"type": type_, "computed": True}
        return {"attributes": dict(sorted(attributes.items())), "block_types": dict(sorted(blocks.items()))}

    def _nested(self, value: str, kind: str, required: bool) -> dict[str, Any]:
        (function,) = re.findall(r"(\w+)ToHclTerraform\b", value)
        name = function[0].upper() + function[1:]
        inner = self._block(self.functions[function], name, self.classes.get(f"{name}OutputReference", ""))
        if kind == "struct":
            return {"nesting_mode": "single", "block": inner}
        many = "listMapperHcl" in value
        limits = {"min_items": int(required), **({} if many else {"max_items": 1})}
        return {"nesting_mode": kind, "block": inner, **limits}


def _folder(resource: str) -> str:
    return resource.removeprefix("google_").replace("_", "-")


def _use(name: str, required: bool) -> dict[str, bool]:
    if required:
        return {"required": True}
    return {"optional": True, **({"computed": True} if name in FROM_PROVIDER else {})}


def _type(kind: str, storage: str) -> Any:
    if storage.endswith("List"):
        return [kind, _TYPES[storage.removesuffix("List")]]
    return _TYPES[storage]


def _read(output: str) -> Iterator[tuple[str, Any]]:
    """Names and types of what a class reads from the state."""
    for kind, name in re.findall(r"get(\w+)Attribute\('(\w+)'\)", output):
        if kind in _GETTERS:
            yield name, _GETTERS[kind]
    for name in re.findall(r'new cdktf\.StringMap\(this, "(\w+)"', output):
        yield name, ["map", "string"]


def digest() -> dict[str, Any]:
    """The file as it is committed."""
    content: dict[str, Any] = json.loads(SCHEMA.read_text())
    return content


def read(wheel: Path) -> dict[str, Any]:
    """The digest of a downloaded package, which it names with its hash."""
    package = Package(wheel)
    (version,) = set(re.findall(r"hashicorp/google/([0-9.]+)/docs", "".join(package.texts.values())))
    schemas = {
        "provider": package.schema("provider"),
        "resource_schemas": {name: package.schema(_folder(name)) for name in RESOURCES},
        "data_source_schemas": {name: package.schema(f"data-google-{_folder(name)}") for name in DATA_SOURCES},
    }
    return {
        "format_version": "1.0",
        "made_of": {"file": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
        "provider_version": version,
        "provider_schemas": {PROVIDER: schemas},
    }


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(read(Path(sys.argv[1])), indent=1) + "\n")
