"""What the command line asks of Dagster: the graph, and a run followed to its end.

`commands/` reach Dagster through here, `demo.py`, `services.py` and `instance.py` only, and when they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.graph import read_graph
from buildkit_dagster.defs.instance import home_of, open_instance, prepare_home
from buildkit_dagster.defs.launch import follow, submit, succeeded
from buildkit_dagster.defs.lines import full_line
from buildkit_dagster.defs.services import daemon, daemon_lives, wait_for_daemon, workspace_file
from buildkit_dagster.emulator.control import running_emulator
from buildkit_dagster.errors import EmulatorNotRunning
from buildkit_dagster.graph import Graph
from buildkit_dagster.runtimes.prepare import prepare_platform

Say = Callable[[str], None]


def graph_of(platform: Platform, process: ProcessEnvironment) -> Graph:
    """The platform's graph; manifests that are missing or old are made first."""
    list(prepare_platform(platform, process))
    definitions = build_definitions(platform, process)
    home = home_of(platform, process)
    if not (home / "dagster.yaml").exists():
        return read_graph(definitions)
    with open_instance(home) as instance:
        return read_graph(definitions, instance)


def launch(
    platform: Platform,
    process: ProcessEnvironment,
    job: str,
    say: Say,
    *,
    partition: str | None,
    selection: str | None,
    wait: bool,
) -> bool:
    """Queue a run; with `wait`, follow it and return whether it succeeded, bringing a daemon when none runs."""
    _check_endpoint(platform, process)
    home = prepare_home(platform, process)
    list(prepare_platform(platform, process))
    definitions = build_definitions(platform, process)
    with open_instance(home) as instance:
        workspace = workspace_file(platform)
        run = submit(definitions, instance, workspace, job, partition=partition, selection=selection)
        say(f"Queued run {run.run_id} of {job}.")
        if not wait:
            return True
        with _some_daemon(platform, process, instance):
            return stream(instance, run.run_id, say)


def stream(instance: DagsterInstance, run_id: str, say: Say) -> bool:
    """Say each event of the run worth reading; returns whether the run succeeded."""
    for entry in follow(instance, run_id):
        line = full_line(entry)
        if line:
            say(line)
    done = succeeded(instance, run_id)
    say(f"Run {run_id} {'succeeded' if done else 'failed'}.")
    return done


def _check_endpoint(platform: Platform, process: ProcessEnvironment) -> None:
    """A wrong one, or an emulator that has ended, is told before anything is queued."""
    _ = aws_for(platform, process).endpoint
    if platform.config.cloud == "emulator" and not process.endpoint and running_emulator(platform.work) is None:
        raise EmulatorNotRunning(platform.environment)


@contextmanager
def _some_daemon(platform: Platform, process: ProcessEnvironment, instance: DagsterInstance) -> Iterator[None]:
    """The daemon that runs already, else one of our own."""
    if daemon_lives(instance):
        yield
        return
    with daemon(platform, process, instance) as child:
        wait_for_daemon(child, instance)
        yield
