"""What Google calls: one request is one load, as `function_main.py` of the package serves it."""

from buildkit_dagster.runtimes.entrypoints.function_main import run as run
