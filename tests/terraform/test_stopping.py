"""The ladder from a first SIGINT to SIGKILL, on children that obey at different rungs and on a real Terraform."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from buildkit_dagster.cloud.aws import Ambient
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.process import Child, interrupts_heard_by, start
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.journal import unsettled
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.stopping import Patience, stop, stopped_on_exit
from tests.terraform_runs import copy_root, materialize_stack

#: For who hears nothing; whoever is to hear something is given the time to, however busy the machine is.
SHORT = Patience(minutes=0.01, seconds=0.6)
LONG = Patience(minutes=5, seconds=300)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
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
TWICE = "n=0; trap 'n=$((n+1)); echo heard; [ $n -eq 2 ] && exit 4' INT"


@pytest.mark.parametrize(
    ("script", "patience", "rungs", "code"),
    [
        (f"trap 'exit 3' INT; {WAIT}", LONG, 1, 3),
        (f"{TWICE}; {WAIT}", Patience(SHORT.minutes, LONG.seconds), 2, 4),
        # Both signals after the first are given as many seconds.
        (f"trap '' INT; trap 'exit 5' TERM; {WAIT}", Patience(SHORT.minutes, 10), 3, 5),
        (f"trap '' INT TERM; {WAIT}", SHORT, 4, -signal.SIGKILL),
    ],
)
def test_each_rung_is_climbed_only_when_the_one_below_did_not_help(
    tmp_path: Path, script: str, patience: Patience, rungs: int, code: int
) -> None:
    told: list[str] = []
    child = shell(tmp_path, script)

    def tell(words: str) -> None:
        """What is told before each signal; two that come before the first is heard are one."""
        if told and TWICE in script:
            until(lambda: "heard" in child.stdout.read_text())
        told.append(words)

    stop(child, patience, tell)
    assert (len(told), child.poll()) == (rungs, code)
    until(lambda: group_is_gone(child.pid))


def test_the_budget_is_told_in_minutes(tmp_path: Path) -> None:
    told: list[str] = []
    stop(shell(tmp_path, WAIT), Patience(minutes=7), told.append)
    assert "has 7 minutes to finish" in told[0]


def test_what_the_child_started_ends_with_it(tmp_path: Path) -> None:
    child = shell(tmp_path, f"(trap '' INT TERM; sleep 300) & trap 'exit 0' INT; {WAIT}")
    stop(child, LONG, lambda _: None)
    assert child.poll() == 0
    until(lambda: group_is_gone(child.pid))


def test_a_second_interrupt_does_not_cut_the_wait_short(tmp_path: Path) -> None:
    # The child interrupts us itself, so only while it is being stopped: at any other time that would end the tests.
    interrupt = "kill -INT $PPID && echo sent; sleep 0.5"
    child = shell(tmp_path, f"trap '{interrupt}; {interrupt}; exit 6' INT; {WAIT}")
    with pytest.raises(RuntimeError), stopped_on_exit(child, LONG, lambda _: None):
        raise RuntimeError
    assert child.poll() == 6
    assert child.stdout.read_text().count("sent") == 2
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_second_interrupt_that_comes_before_any_is_swallowed_leaves_nothing_running(tmp_path: Path) -> None:
    stack = TerraformStack(copy_root("slow", tmp_path))
    engine = Engine(stack, Ambient(read_environment()), run="twice", tell=lambda _: None, patience=LONG)
    line = ["/bin/sh", "-c", f"trap 'exit 7' INT; {WAIT}"]

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is interrupts_heard_by.__wrapped__.__code__:  # type: ignore[attr-defined]
            sys.setprofile(None)
            raise KeyboardInterrupt

    def stopped_twice() -> None:
        with engine._journaled(line, "apply", {}) as (child, _):
            children.append(child)
            until(lambda: "ready" in child.stdout.read_text())
            sys.setprofile(interrupt)

    children: list[Child] = []
    with pytest.raises(KeyboardInterrupt):
        stopped_twice()
    assert [child.poll() for child in children] == [7]


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

    def provisions() -> bool:
        assert worker.poll() is None, worker.stdout.read_text()
        return "provision_start" in "".join(file.read_text() for file in journal_folder.glob("*apply.jsonl"))

    until(provisions)
    (journal,) = unsettled(journal_folder)
    with DagsterInstance.local_temp(str(home)) as instance:
        (run,) = instance.get_runs()
        instance.report_run_canceling(run)
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        assert worker.wait(300) != 0
        (run,) = instance.get_runs()
        assert run.status is DagsterRunStatus.CANCELED
    assert group_is_gone(journal.pid)
    assert unsettled(journal_folder) == []
