"""Where a stack's state lies, from the backend block of its root and what completes that from outside.

A file and an object in S3 are read directly, since running Terraform costs more than the reading. Every other backend
passes through untouched: only Terraform reads it and locks it. Reading a state is `state.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.terraform.rendered_root import S3Backend

#: The workspace Terraform uses where none is named.
DEFAULT_WORKSPACE = "default"

#: These run Terraform elsewhere, where its events cannot be followed and a saved plan cannot be read back.
_ELSEWHERE = ("cloud", "remote")

#: Settings of `backend "s3"` under which our own client reaches the same object. With others (a role, a profile, keys,
#: endpoints) only Terraform knows how to get there.
_READABLE = frozenset(
    {
        "acl",
        "bucket",
        "dynamodb_table",
        "encrypt",
        "force_path_style",
        "key",
        "kms_key_id",
        "max_retries",
        "region",
        "retry_mode",
        "skip_credentials_validation",
        "skip_metadata_api_check",
        "skip_region_validation",
        "skip_requesting_account_id",
        "skip_s3_checksum",
        "use_lockfile",
        "use_path_style",
        "workspace_key_prefix",
    }
)


@dataclass(frozen=True)
class LocalBackend:
    """State in a file on this machine."""

    path: Path


@dataclass(frozen=True)
class PassedBackend:
    """State that Terraform alone reads and locks: `kind` is the backend's name."""

    kind: str


Backend = S3Backend | LocalBackend | PassedBackend


def backend_of(
    declared: Mapping[str, Mapping[str, Any]], more: Mapping[str, Any], folder: Path, workspace: str
) -> Backend:
    """The backend of a root in `folder`; `more` are the settings of a partial configuration given from outside."""
    if not declared:
        _refuse_unread(more, folder)
        return _local(folder, {}, workspace)
    kind, written = next(iter(declared.items()))
    settings = {name: value for name, value in {**written, **more}.items() if value is not None}
    if kind in _ELSEWHERE:
        raise InvalidRoot(
            folder,
            f"its backend is {kind!r}, which runs Terraform elsewhere; allowed: every backend that only keeps "
            "the state (local, s3, pg, gcs, azurerm, http, ...)",
        )
    if any("${" in str(value) for value in settings.values()):  # OpenTofu evaluates these
        return PassedBackend(kind)
    if kind == "local":
        return _local(folder, settings, workspace)
    return _s3(folder, settings, workspace) if kind == "s3" else PassedBackend(kind)


def _refuse_unread(more: Mapping[str, Any], folder: Path) -> None:
    """Terraform only warns of this, and keeps its state in a file nobody expects."""
    if more:
        raise InvalidRoot(folder, 'it declares no backend, so backend_config would be ignored; add `backend "..." {}`')


def _local(folder: Path, settings: Mapping[str, Any], workspace: str) -> LocalBackend:
    if workspace == DEFAULT_WORKSPACE:
        return LocalBackend(folder / str(settings.get("path", "terraform.tfstate")))
    return LocalBackend(
        folder / str(settings.get("workspace_dir", "terraform.tfstate.d")) / workspace / "terraform.tfstate"
    )


def _s3(folder: Path, settings: Mapping[str, Any], workspace: str) -> S3Backend | PassedBackend:
    missing = [name for name in ("bucket", "key") if name not in settings]
    if missing:
        raise InvalidRoot(
            folder,
            f"its s3 backend lacks {' and '.join(missing)}; write them in the root or give them in "
            "TerraformStack(backend_config=...)",
        )
    if set(settings) - _READABLE:
        return PassedBackend("s3")
    key, prefix = str(settings["key"]), str(settings.get("workspace_key_prefix", "env:"))
    return S3Backend(
        bucket=str(settings["bucket"]),
        key=key if workspace == DEFAULT_WORKSPACE else f"{prefix}/{workspace}/{key}",
        region=str(settings.get("region", "")),
        dynamodb_table=settings.get("dynamodb_table"),
        kms_key=settings.get("kms_key_id"),
    )
