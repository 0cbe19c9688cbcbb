"""The ladder from a first SIGINT to SIGKILL, on children that obey at different rungs and on a real Terraform."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from buildkit_dagster.cloud.aws import Ambient
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.process import Child, start
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.journal import unsettled
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.stopping import Patience, stop, stopped_on_exit
from tests.terraform_runs import copy_root, materialize_stack

SHORT = Patience(minutes=0.01, seconds=0.6)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def shell(folder: Path, script: str) -> Child:
    """A child that has said "ready" and waits for what comes."""
    child = start(["/bin/sh", "-c", script], cwd=folder, env=dict(os.environ), stdout=folder / "said.txt")
    until(lambda: "ready" in child.stdout.read_text())
    return child


def group_is_gone(pid: int) -> bool:
    """Whether no process of the group runs any more; one that nobody reaps yet may still be listed."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(group) == pid and state not in "ZX":
            return False
    return True


WAIT = "echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize(
    ("script", "rungs", "code"),
    [
        (f"trap 'exit 3' INT; {WAIT}", 1, 3),
        (f"n=0; trap 'n=$((n+1)); [ $n -eq 2 ] && exit 4' INT; {WAIT}", 2, 4),
        (f"trap '' INT; trap 'exit 5' TERM; {WAIT}", 3, 5),
        (f"trap '' INT TERM; {WAIT}", 4, -signal.SIGKILL),
    ],
)
def test_each_rung_is_climbed_only_when_the_one_below_did_not_help(
    tmp_path: Path, script: str, rungs: int, code: int
) -> None:
    told: list[str] = []
    child = shell(tmp_path, script)
    stop(child, SHORT, told.append)
    assert (len(told), child.poll()) == (rungs, code)
    until(lambda: group_is_gone(child.pid))


def test_the_budget_is_told_in_minutes(tmp_path: Path) -> None:
    told: list[str] = []
    stop(shell(tmp_path, WAIT), Patience(minutes=7), told.append)
    assert "has 7 minutes to finish" in told[0]


def test_what_the_child_started_ends_with_it(tmp_path: Path) -> None:
    child = shell(tmp_path, f"(trap '' INT TERM; sleep 300) & trap 'exit 0' INT; {WAIT}")
    stop(child, SHORT, lambda _: None)
    assert child.poll() == 0
    until(lambda: group_is_gone(child.pid))


def test_a_second_interrupt_does_not_cut_the_wait_short(tmp_path: Path) -> None:
    child = shell(tmp_path, f"trap 'sleep 1; exit 6' INT; {WAIT}")
    for delay in (0.3, 0.6):
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    stop_began = time.monotonic()
    with pytest.raises(RuntimeError), stopped_on_exit(child, Patience(minutes=0.5), lambda _: None):
        raise RuntimeError
    assert child.poll() == 6
    assert time.monotonic() - stop_began > 0.9
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_terraform_that_hears_nothing_is_killed_with_its_provisioner_and_the_next_run_goes_on(tmp_path: Path) -> None:
    root = copy_root("slow", tmp_path)
    stack = TerraformStack(root, variables={"pause": 300})
    engine = Engine(stack, Ambient(read_environment()), run="deaf", tell=lambda _: None, patience=SHORT)
    with engine.workdir.alone():
        engine.write()
        engine.init()
        events = engine.apply(engine.plan())
        next(event for batch in events for event in batch if event.kind == "provision_start")
        (journal,) = unsettled(engine.workdir.journal)
        os.kill(journal.pid, signal.SIGSTOP)
        events.close()
    until(lambda: group_is_gone(journal.pid))
    assert unsettled(engine.workdir.journal) == [journal]
    run = materialize_stack(TerraformStack(root, variables={"pause": 0}))
    assert run.success, run.error
    assert unsettled(engine.workdir.journal) == []


def test_a_cancelled_run_ends_canceled_and_leaves_neither_process_nor_journal(tmp_path: Path) -> None:
    root, home = copy_root("slow", tmp_path), tmp_path / "home"
    home.mkdir()
    argv = [sys.executable, "-m", "tests.cancel_worker", str(root), str(home)]
    worker = start(argv, cwd=Path(__file__).parents[2], env=dict(os.environ), stdout=tmp_path / "worker.txt")
    journal_folder = TerraformStack(root).work / "journal"
    until(lambda: "provision_start" in "".join(file.read_text() for file in journal_folder.glob("*apply.jsonl")), 60)
    (journal,) = unsettled(journal_folder)
    with DagsterInstance.local_temp(str(home)) as instance:
        (run,) = instance.get_runs()
        instance.report_run_canceling(run)
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        assert worker.wait(60) != 0
        (run,) = instance.get_runs()
        assert run.status is DagsterRunStatus.CANCELED
    assert group_is_gone(journal.pid)
    assert unsettled(journal_folder) == []
