"""`buildkit prepare`: what the definitions read from disk, made ready."""

from __future__ import annotations

from buildkit_dagster.commands.common import EnvironmentOption, open_platform, out
from buildkit_dagster.runtimes.prepare import prepare_platform


def run(env: EnvironmentOption = None) -> None:
    """Write the manifest of every dbt project; needed once, and after a change of a project."""
    opened = open_platform(env)
    for line in prepare_platform(opened.platform, opened.process):
        out.print(line)
