"""What definitions read from disk and must not make themselves: the manifests of all dbt projects.

One project's manifest is made in `dbt.py`; this is called by every door before it loads definitions.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildkit_dagster.config.environment import ProcessEnvironment, cloud_variables, emulated_variables
from buildkit_dagster.config.models import Platform
from buildkit_dagster.runtimes.dbt import prepare_manifest


def prepare_platform(platform: Platform, process: ProcessEnvironment) -> Iterator[str]:
    """Write every dbt project's manifest that is missing or old; yields one line per project."""
    for project in platform.dbt_projects:
        yield f"{project.name}: {prepare_manifest(platform, project, _variables(platform, process))}"


def _variables(platform: Platform, process: ProcessEnvironment) -> dict[str, str]:
    """The environment of `dbt parse`, which needs no cloud and so no running emulator."""
    region = platform.config.region
    if platform.config.cloud == "emulator":
        return emulated_variables(process, "", region)
    return cloud_variables(process, region)
