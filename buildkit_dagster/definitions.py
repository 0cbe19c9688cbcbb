"""Dagster's door: the definitions of the platform folder this process is in, for the environment of BUILDKIT_ENV.

`workspace.yaml` names this module. Loading reads local files only; what is wrong with them is raised as one message.
"""

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.folder import choose_environment, find_folder
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.build import build_definitions

_process = read_environment()

defs = build_definitions(load_platform(find_folder(_process), choose_environment(_process)), _process)
