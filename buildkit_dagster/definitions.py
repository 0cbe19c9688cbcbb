"""Dagster's door: the definitions of the platform folder this process is in, for the environment of BUILDKIT_ENV.

`workspace.yaml` names this module. Loading reads local files only; what is wrong with them is raised as one message.
"""

import gc

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.folder import choose_environment, find_folder
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.build import build_definitions

# What is imported by now stays: the collector need not look at it again while it watches the graph grow.
gc.freeze()

_process = read_environment()

_platform = load_platform(find_folder(_process), choose_environment(_process), _process.variables)

defs = build_definitions(_platform, _process)
