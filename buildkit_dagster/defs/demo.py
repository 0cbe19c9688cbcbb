"""The local platform from nothing to data: what `buildkit demo` and `buildkit dev` share, and the demo's account of it.

Brings up emulator, instance and daemon, converges the infrastructure, drops the raw files and then only watches: the
sensor and the automation do the rest, as they would in production. Printing is in `commands/`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from dagster import DagsterInstance, DagsterRun, Definitions
from dagster._core.events.log import EventLogEntry

from buildkit_dagster.alone import alone
from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.graph import read_graph
from buildkit_dagster.defs.instance import home_of, open_instance, prepare_home
from buildkit_dagster.defs.launch import submit
from buildkit_dagster.defs.left_out import LeftOut, left_out_of
from buildkit_dagster.defs.lines import materialized, short_line
from buildkit_dagster.defs.services import daemon, end_left_over, wait_for_daemon, workspace_file
from buildkit_dagster.defs.watch import EventReader, Situation, look
from buildkit_dagster.emulator.control import Emulator, start_emulator, stop_emulator
from buildkit_dagster.errors import DemoIncomplete, LocalPlatformRuns, NotAnEmulatedEnvironment
from buildkit_dagster.graph import as_data
from buildkit_dagster.runtimes.demo_data import raw_files
from buildkit_dagster.runtimes.prepare import prepare_platform

_RAW_BUCKET = "raw"
#: Held by a session; among the emulator's own files, since those outlive what `forget_work` removes.
_SESSION_FILE = "emulator.session"
_POLL_SECONDS = 0.7
#: How long "everything is there and nothing runs" must hold where models are older than data that did not change.
_REST_SECONDS = 15.0
_DEADLINE_SECONDS = 1500.0

Say = Callable[[str], None]


@dataclass
class LocalPlatform:
    """A running local platform and everything needed to use and watch it."""

    platform: Platform
    definitions: Definitions
    instance: DagsterInstance
    emulator: Emulator
    aws: Aws
    reader: EventReader
    left_out: LeftOut
    say: Say

    def situation(self) -> Situation:
        return look(self.definitions, self.instance, self.left_out)

    def report(self) -> list[tuple[DagsterRun, EventLogEntry]]:
        """Say what happened since the last call, and return it."""
        events = list(self.reader.read())
        for run, entry in events:
            line = short_line(run, entry)
            if line:
                self.say(line)
        return events


@contextmanager
def local_platform(platform: Platform, process: ProcessEnvironment, say: Say) -> Iterator[LocalPlatform]:
    """A new emulator, a new Dagster home and a daemon; all of it has ended when the context is left.

    Raises LocalPlatformRuns beside another one: it would take the Dagster home away from it.
    """
    if platform.config.cloud != "emulator":
        raise NotAnEmulatedEnvironment(platform.environment)
    # The emulator that is about to start is the one to talk to, whatever the environment names.
    process = replace(process, endpoint=None)
    with alone(platform.work / _SESSION_FILE, otherwise=LocalPlatformRuns(platform.folder, platform.environment)):
        emulator = start_emulator(
            state_dir=platform.work, repositories=platform.emulated_repositories, owner_pid=os.getpid()
        )
        try:
            say(f"The emulator serves {emulator.endpoint}.")
            end_left_over(home_of(platform, process))
            home = prepare_home(platform, process)
            for line in prepare_platform(platform, process):
                say(f"Prepared {line}.")
            with open_instance(home) as instance, daemon(platform, process, instance) as child:
                definitions = build_definitions(platform, process)
                wait_for_daemon(child, instance)
                aws = aws_for(platform, process)
                left_out = left_out_of(platform.environment, definitions.resolve_asset_graph().assets_defs)
                if left_out.units:
                    say(left_out.remark)
                reader = EventReader(instance)
                yield LocalPlatform(platform, definitions, instance, emulator, aws, reader, left_out, say)
        finally:
            stop_emulator(emulator)


def bring_up(local: LocalPlatform) -> Situation:
    """Infrastructure, connection, raw files, and then everything that follows from them; raises DemoIncomplete."""
    converge_infrastructure(local)
    put_raw_files(local)
    return wait_for_data(local)


def converge_infrastructure(local: LocalPlatform) -> None:
    """Run the job `infrastructure` to its end, approving the connection to GitHub once it is there."""
    run = submit(local.definitions, local.instance, workspace_file(local.platform), "infrastructure")
    local.say(f"Launched infrastructure (run {run.run_id[:8]}).")
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not _finished(local, run):
        for _, entry in local.report():
            if materialized(entry) == "infra/registry/github_connection":
                approve_connections(local)
        _check_deadline(local, deadline)
        time.sleep(_POLL_SECONDS)
    local.report()
    if not _success(local, run):
        raise DemoIncomplete(_what_is_wrong(local.situation()))


def approve_connections(local: LocalPlatform) -> None:
    """Approve every pending connection, as a person does in the console."""
    for connection in local.aws.client("codeconnections").list_connections()["Connections"]:
        if connection["ConnectionStatus"] == "PENDING":
            local.emulator.approve_connection(connection["ConnectionArn"])
            local.say(f"Approved the connection {connection['ConnectionName']}.")


def put_raw_files(local: LocalPlatform) -> None:
    """Drop the raw files into the raw bucket, as the source system would."""
    s3, bucket = local.aws.client("s3"), local.platform.names.bucket(_RAW_BUCKET)
    # Cut before the first upload: files that arrive together are loaded together.
    files = list(raw_files())
    for key, content in files:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    local.say(f"Put {len(files)} raw files into s3://{bucket}.")


def wait_for_data(local: LocalPlatform) -> Situation:
    """Until everything is materialized, checked and at rest; a failed run ends the wait."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    complete_since: float | None = None
    while True:
        local.report()
        situation = local.situation()
        if situation.failed and not situation.unfinished:
            raise DemoIncomplete(_what_is_wrong(situation))
        if not situation.is_complete:
            complete_since = None
        elif not situation.behind or (complete_since and time.monotonic() - complete_since > _REST_SECONDS):
            return situation
        else:
            complete_since = complete_since or time.monotonic()
        _check_deadline(local, deadline)
        time.sleep(_POLL_SECONDS)


def account(local: LocalPlatform, seconds: float) -> dict[str, Any]:
    """The demo as data: assets, edges, checks, runs, seconds."""
    situation = local.situation()
    return {
        **as_data(read_graph(local.definitions, local.instance)),
        "checks": [asdict(check) for check in situation.checks],
        "runs": [_run_data(local.instance, run) for run in reversed(list(local.instance.get_runs()))],
        "seconds": round(seconds, 1),
    }


def _run_data(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    seconds = record.end_time - record.start_time if record.end_time and record.start_time else None
    return {
        "id": run.run_id,
        "job": run.job_name,
        "status": run.status.value,
        "seconds": round(seconds, 1) if seconds is not None else None,
    }


def _finished(local: LocalPlatform, run: DagsterRun) -> bool:
    found = local.instance.get_run_by_id(run.run_id)
    return found is not None and found.is_finished


def _success(local: LocalPlatform, run: DagsterRun) -> bool:
    found = local.instance.get_run_by_id(run.run_id)
    return found is not None and found.is_success


def _check_deadline(local: LocalPlatform, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DemoIncomplete([f"not done after {_DEADLINE_SECONDS:.0f} seconds", *_what_is_wrong(local.situation())])


def _what_is_wrong(situation: Situation) -> list[str]:
    failed = [f"run {run.run_id} ({run.job_name}) ended as {run.status.value}" for run in situation.failed]
    checks = [
        f"check {check.name} of {check.asset} did not pass" for check in situation.checks if check.passed is False
    ]
    missing = [f"not materialized: {', '.join(situation.missing)}"] if situation.missing else []
    return failed + checks + missing
