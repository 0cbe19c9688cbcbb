"""What every runtime of a dbt project needs: its manifest, and the variables its profile reads.

The manifest is made ahead of time (`buildkit prepare`) and only read when definitions load. Narrowing commands to a
selection is in `dbt_selection.py`, running them in `codebuild.py`, turning results into asset events in `defs/dbt.py`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildkit_dagster import process
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.errors import DbtPackagesNotInstalled, DbtParseFailed, ManifestMissing

if TYPE_CHECKING:
    import subprocess

#: Folders of a dbt project that dbt itself writes.
_WRITTEN_BY_DBT = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
_PACKAGE_FILES = ("packages.yml", "dependencies.yml")
_PARSE_TIMEOUT = 600.0
_DEPS_TIMEOUT = 120.0


def manifest_path(platform: Platform, project: DbtProject) -> Path:
    """Where the project's manifest is, made or not."""
    return target_folder(platform, project) / "manifest.json"


def target_folder(platform: Platform, project: DbtProject) -> Path:
    return platform.work / "dbt" / project.name


def project_folder(platform: Platform, project: DbtProject) -> Path | None:
    """The project's local copy, None when only its repository has it."""
    return platform.folder / project.path if project.path else None


def read_manifest(platform: Platform, project: DbtProject) -> Mapping[str, Any]:
    """The manifest as dbt wrote it; raises `ManifestMissing`."""
    path = manifest_path(platform, project)
    if not path.is_file():
        raise ManifestMissing(project.name, path)
    manifest: Mapping[str, Any] = json.loads(path.read_bytes())
    return manifest


def prepare_manifest(platform: Platform, project: DbtProject, variables: Mapping[str, str]) -> Path:
    """Write the project's manifest with `dbt parse` unless it is up to date; returns its path.

    `variables` is the whole environment of the child process. A project without a local copy keeps the manifest that
    somebody put there. Raises `DbtParseFailed`, `DbtPackagesNotInstalled`, `ManifestMissing`.
    """
    manifest = manifest_path(platform, project)
    folder = project_folder(platform, project)
    if folder is None:
        read_manifest(platform, project)
        return manifest
    ours = {**profile_variables(platform, project), **project.environment_variables}
    stamp = manifest.with_name("manifest.sha256")
    if manifest.is_file() and stamp.is_file() and stamp.read_text() == _content_hash(folder, ours):
        return manifest
    stamp.unlink(missing_ok=True)
    _install_packages(project, folder, {**variables, **ours})
    _parse(platform, project, folder, {**variables, **ours})
    # Hashed again: `dbt deps` writes a lock file.
    stamp.write_text(_content_hash(folder, ours))
    return manifest


def profile_variables(platform: Platform, project: DbtProject) -> dict[str, str]:
    """Plain variables for the project's profile: `BUILDKIT_DBT_TARGET`, and the warehouse's settings.

    A setting arrives as `BUILDKIT_<TYPE>_<SETTING>`, the file of a DuckDB warehouse as `BUILDKIT_DUCKDB_PATH`. A
    project for another engine than the platform's warehouse gets its target only.
    """
    warehouse = platform.config.warehouse
    variables: dict[str, str] = {"BUILDKIT_DBT_TARGET": project.engine}
    if project.engine != warehouse.type:
        return variables
    prefix = f"BUILDKIT_{warehouse.type.upper()}_"
    variables |= {prefix + name.upper(): value for name, value in warehouse.settings.items()}
    if warehouse.path:
        variables[f"{prefix}PATH"] = str((platform.folder / warehouse.path).absolute())
    return variables


def profile_secrets(platform: Platform, project: DbtProject) -> dict[str, str]:
    """Secret variables for the project's profile, each the ARN of its secret, never a value.

    They are named `DBT_ENV_SECRET_<TYPE>_<NAME>`: dbt keeps variables of that prefix out of its logs and artifacts.
    """
    warehouse = platform.config.warehouse
    if project.engine != warehouse.type:
        return {}
    return {f"DBT_ENV_SECRET_{warehouse.type}_{name}".upper(): arn for name, arn in warehouse.secrets.items()}


def dbt_executable() -> str:
    """dbt beside the Python that runs us, which may not be on PATH."""
    return str(Path(sys.executable).with_name("dbt"))


def _install_packages(project: DbtProject, folder: Path, env: Mapping[str, str]) -> None:
    declared = [folder / name for name in _PACKAGE_FILES if (folder / name).is_file()]
    if not declared:
        return
    done = _dbt(["deps"], folder, env, _DEPS_TIMEOUT)
    # Packages committed with the project need no hub; `dbt parse` says when they are not the right ones.
    if done.returncode and not (folder / "dbt_packages").is_dir():
        raise DbtPackagesNotInstalled(project.name, declared[0], _message(done.stdout, done.stderr))


def _parse(platform: Platform, project: DbtProject, folder: Path, env: Mapping[str, str]) -> None:
    target = target_folder(platform, project)
    target.mkdir(parents=True, exist_ok=True)
    paths = {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    done = _dbt(["parse"], folder, {**env, **paths}, _PARSE_TIMEOUT)
    if done.returncode or not (target / "manifest.json").is_file():
        raise DbtParseFailed(project.name, folder, _message(done.stdout, done.stderr))


def _dbt(
    words: Sequence[str], folder: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    return process.run([dbt_executable(), "--no-use-colors", "--quiet", *words], cwd=folder, env=env, timeout=timeout)


def _message(stdout: str, stderr: str) -> str:
    """What dbt said, without the empty lines."""
    return "\n".join(line for line in (stdout + stderr).splitlines() if line.strip())


def _content_hash(folder: Path, variables: Mapping[str, str]) -> str:
    """Changes with anything `dbt parse` depends on: the project's files, its variables, dbt itself."""
    digest = hashlib.sha256(importlib.metadata.version("dbt-core").encode())
    digest.update(json.dumps(sorted(variables.items())).encode())
    for path in _source_files(folder):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in _WRITTEN_BY_DBT and not path.name.startswith("."):
            yield from _source_files(path)
        elif path.is_file() and path.suffix not in (".duckdb", ".wal"):
            yield path
