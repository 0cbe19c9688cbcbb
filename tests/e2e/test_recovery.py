"""One local platform, started by hand as a user would, and what happens to it when processes are killed.

Everything is asked of real processes: `buildkit emulator`, a Dagster daemon, `buildkit launch`, `dagster job launch`.
The tests run in the order they stand in; each leaves the platform whole.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.commands.init import make_folder
from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.instance import dagster_variables, open_instance, prepare_home
from buildkit_dagster.defs.left_out import left_out_of
from buildkit_dagster.defs.services import daemon, wait_for_daemon
from buildkit_dagster.defs.watch import look
from buildkit_dagster.emulator.control import running_emulator, start_emulator, stop_emulator
from buildkit_dagster.runtimes.demo_data import raw_files
from tests.e2e.raw_counts import built_counts, expected_counts


@dataclass(frozen=True)
class Local:
    """A running platform: emulator and daemon, infrastructure converged, raw files in their bucket."""

    platform: Platform
    process: ProcessEnvironment
    instance: DagsterInstance
    aws: Aws

    def launch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from buildkit_dagster.cli import main; main()", "launch", *arguments]
        return self._run(command)

    def dagster(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "dagster", *arguments])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        variables = dagster_variables(self.platform, self.process)
        return subprocess.run(
            command, cwd=self.platform.folder, env=variables, capture_output=True, text=True, timeout=1200
        )

    def runs(self) -> list[DagsterRun]:
        return list(self.instance.get_runs())

    def newest(self) -> DagsterRun:
        return self.runs()[0]

    def run(self, run_id: str) -> DagsterRun:
        found = self.instance.get_run_by_id(run_id)
        assert found is not None, run_id
        return found

    def ended(self, run_id: str) -> Callable[[], bool]:
        """A condition: this run is finished."""
        return lambda: self.run(run_id).is_finished


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("recovery") / "platform"
    make_folder(folder)
    platform = load_platform(folder, "dev")
    process = replace(read_environment(), endpoint=None)
    emulator = start_emulator(
        state_dir=platform.work, repositories=platform.emulated_repositories, owner_pid=os.getpid()
    )
    try:
        with open_instance(prepare_home(platform, process)) as instance:
            local = Local(platform, process, instance, aws_for(platform, process))
            yield local
    finally:
        stop_emulator(emulator)


@pytest.fixture(scope="module")
def converged(local: Local) -> Local:
    """After `buildkit launch infrastructure --wait`, which brings and ends a daemon of its own."""
    done = local.launch("infrastructure", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "materialized infra/ingest-acme/flights" in done.stdout
    for connection in local.aws.client("codeconnections").list_connections()["Connections"]:
        running = running_emulator(local.platform.work)
        assert running is not None
        running.approve_connection(connection["ConnectionArn"])
    return local


@pytest.fixture(scope="module")
def served(converged: Local) -> Iterator[Local]:
    """With a daemon that stays, sensors and automation on."""
    with daemon(converged.platform, converged.process, converged.instance) as child:
        wait_for_daemon(child, converged.instance)
        yield converged


@pytest.fixture(scope="module")
def filled(served: Local) -> Local:
    """With the demo's data, loaded and built by what the sensor and the automation asked for."""
    s3 = served.aws.client("s3")
    before = {run.run_id for run in served.runs()}
    # Cut before the first upload: files that arrive together are loaded together.
    for key, content in list(raw_files()):
        s3.put_object(Bucket=served.platform.names.bucket("raw"), Key=key, Body=content)
    definitions = build_definitions(served.platform, served.process)
    left_out = left_out_of(served.platform.environment, definitions.resolve_asset_graph().assets_defs)
    rests: list[float] = []

    def settled() -> bool:
        """Everything is there, nothing runs, and no model waits for a build: one may stay older than what it reads
        where that was built anew and did not change."""
        situation = look(definitions, served.instance, left_out)
        assert [run.run_id for run in situation.failed if run.run_id not in before] == []
        if situation.missing or situation.unfinished:
            rests.clear()
            return False
        rests.append(time.monotonic())
        return not situation.behind or rests[-1] - rests[0] > 30

    wait_for(settled, seconds=1200)
    return served


def wait_for(condition: Callable[[], Any], over: Callable[[], bool] = lambda: False, seconds: float = 300) -> Any:
    """Until it is so; in vain once `over`."""
    deadline = time.monotonic() + seconds
    while True:
        in_vain = over()
        if found := condition():
            return found
        assert not in_vain, "what was waited for can no longer happen"
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.3)


def changes(local: Local) -> dict[str, int]:
    """What the latest materialization of each unit says it changed; units without changes are left out."""
    found = {}
    for key in local.instance.all_asset_keys():
        event = local.instance.get_latest_materialization_event(key)
        if key.path[0] == "infra" and event is not None and event.asset_materialization is not None:
            metadata = event.asset_materialization.metadata
            found[key.to_user_string()] = sum(metadata[name].value for name in ("added", "changed", "destroyed"))
    assert len(found) >= 14
    return {key: count for key, count in found.items() if count}


def images(local: Local) -> list[dict[str, str]]:
    repository = local.platform.names.repository("platform")
    return local.aws.client("ecr").list_images(repositoryName=repository)["imageIds"]


def test_launch_exits_1_and_says_why_when_the_run_fails(local: Local) -> None:
    done = local.launch("stack_dbt", "--wait")
    assert done.returncode == 1
    assert "infra/registry/" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_first_run_of_the_infrastructure_made_every_unit(converged: Local) -> None:
    assert len(changes(converged)) >= 14


def test_dagster_validates_the_workspace(converged: Local) -> None:
    done = converged.dagster("definitions", "validate", "-w", "workspace.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_data_follows_the_raw_files(filled: Local, tmp_path: Path) -> None:
    assert built_counts(filled.platform.folder / ".buildkit/dev/warehouse.duckdb") == expected_counts(tmp_path)


def test_dagster_job_launch_is_taken_by_the_daemon(filled: Local) -> None:
    done = filled.dagster("job", "launch", "-w", "workspace.yaml", "-j", "stack_lake")
    assert done.returncode == 0, done.stdout + done.stderr
    run = filled.newest()
    assert run.job_name == "stack_lake"
    wait_for(filled.ended(run.run_id))
    assert filled.run(run.run_id).is_success


def test_dagster_materializes_a_selection(filled: Local) -> None:
    select = ["--select", "infra/lake/raw", "-m", "buildkit_dagster.definitions"]
    done = filled.dagster("asset", "materialize", *select)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_of_everything_that_changes_nothing_requests_nothing(filled: Local) -> None:
    before = images(filled)
    done = filled.launch("platform", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert changes(filled) == {}
    assert images(filled) == before
    assert filled.newest().run_id == queued(done)
    time.sleep(15)  # three ticks of sensor and automation
    assert filled.newest().run_id == queued(done)


def test_a_killed_run_worker_fails_the_run_and_the_next_one_succeeds(filled: Local) -> None:
    run_id = launch_in_background(filled, "dbt_flights")
    worker = wait_for(lambda: worker_of(filled, run_id), filled.ended(run_id))
    wait_for(lambda: processes_with("dbt", filled.platform.folder), filled.ended(run_id))
    os.kill(worker, signal.SIGKILL)
    wait_for(filled.ended(run_id))
    assert filled.run(run_id).status.value == "FAILURE"
    assert filled.launch("dbt_flights", "--wait").returncode == 0


def test_a_killed_build_fails_the_run_with_its_exit_code_and_the_next_one_succeeds(filled: Local) -> None:
    run_id = launch_in_background(filled, "dbt_flights")

    def killed() -> bool:
        """Whether it has ended; one process may be gone before its signal comes."""
        for pid in processes_with("dbt", filled.platform.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return filled.run(run_id).is_finished

    wait_for(killed)
    run = filled.run(run_id)
    assert run.status.value == "FAILURE"
    assert re.search(r"flights.*(exit code|FAILED|137)", failure_text(filled, run), re.DOTALL)
    assert filled.launch("dbt_flights", "--wait").returncode == 0


def launch_in_background(local: Local, job: str) -> str:
    """Queue a run and return its id."""
    done = local.launch(job)
    assert done.returncode == 0, done.stdout + done.stderr
    return queued(done)


def queued(launched: subprocess.CompletedProcess[str]) -> str:
    """The id of the run that `buildkit launch` queued; newer ones may be somebody else's."""
    found = re.search(r"Queued run (\S+) of", launched.stdout)
    assert found, launched.stdout
    return found[1]


def worker_of(local: Local, run_id: str) -> int | None:
    """The process that the run's events name."""
    said = (record.user_message or record.message or "" for record in local.instance.all_logs(run_id))
    return next((int(found[1]) for text in said if (found := re.search(r"\(pid: (\d+)\)", text))), None)


def failure_text(local: Local, run: DagsterRun) -> str:
    texts = []
    for record in local.instance.all_logs(run.run_id):
        event = record.dagster_event
        if event is not None and event.is_step_failure:
            texts.append(event.step_failure_data.error_display_string)
    return "\n".join(texts)


def processes_with(word: str, folder: Path) -> list[int]:
    """Processes that run `word` for builds of this platform, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            environment = (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if any(part.endswith(f"/{word}".encode()) for part in command) and str(folder).encode() in environment:
            found.append(int(entry.name))
    return sorted(found)
