"""What definitions read from disk and must not make themselves: the manifests of all dbt projects.

One project's manifest is made in `dbt.py` or brought in `dbt_remote.py`; this is called by every door before it loads
definitions.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.environment import ProcessEnvironment, cloud_variables, emulated_variables
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.errors import CloudRefused, CloudUnavailable, EmulatorNotRunning
from buildkit_dagster.runtimes.dbt import manifest_path, prepare_manifest
from buildkit_dagster.runtimes.dbt_artifacts import store_of
from buildkit_dagster.runtimes.dbt_remote import fetch_manifest, is_remote


def prepare_platform(platform: Platform, process: ProcessEnvironment) -> Iterator[str]:
    """Make or bring every dbt project's manifest that is missing or old; yields one line per project."""
    for project in platform.dbt_projects:
        if is_remote(project):
            yield f"{project.name}: {_brought(platform, project, process)}"
        else:
            yield f"{project.name}: {prepare_manifest(platform, project, _variables(platform, process))}"


def _brought(platform: Platform, project: DbtProject, process: ProcessEnvironment) -> str:
    """What became of a remote project; where its builds cannot be asked, what is here stays."""
    manifest = manifest_path(platform, project)
    try:
        with told_as_ours():
            build = fetch_manifest(
                platform, project, store_of(aws_for(platform, process).client("s3"), platform, project)
            )
    except (CloudRefused, CloudUnavailable, EmulatorNotRunning) as error:
        here = f"{manifest} stays" if manifest.is_file() else f"the graph shows {project.name}/build"
        return f"its artifacts cannot be read ({error}); {here}"
    if build:
        return f"{manifest}, of the build that started {build.started}"
    return str(manifest) if manifest.is_file() else f"no complete build yet; the graph shows {project.name}/build"


def _variables(platform: Platform, process: ProcessEnvironment) -> dict[str, str]:
    """The environment of `dbt parse`, which needs no cloud and so no running emulator."""
    region = platform.config.region
    if platform.config.cloud == "emulator":
        return emulated_variables(process, "", region)
    return cloud_variables(process, region)
