"""Chaos, first part: signals. Every signal, to the worker and to Terraform, at every moment of a run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

import pytest

from tests.chaos import phases
from tests.chaos.phases import Phase
from tests.chaos.proxy import Rule
from tests.chaos.scene import Outcome, Scene, gone, until
from tests.chaos.table import CANCELED, FAILURE, STARTED, SUCCESS, Row, judge
from tests.thorough import cases

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
MOMENTS: dict[str, Phase] = {
    "init": phases.init,
    "plan": phases.plan,
    "between plan and apply": phases.before_apply,
    "middle of apply": phases.mid_apply,
    "state write": phases.state_write,
    "after apply, before the report": phases.after_apply,
}
#: When Terraform runs.
TERRAFORM_MOMENTS = ("init", "plan", "middle of apply", "state write")
#: When it has the lock.
LOCKED_MOMENTS = ("plan", "middle of apply", "state write")
#: Terraform takes SIGINT and SIGTERM for the same.
TERRAFORM_ROWS = {
    signal.SIGINT: ("plan", "middle of apply", "state write"),
    signal.SIGTERM: ("middle of apply",),
    signal.SIGKILL: TERRAFORM_MOMENTS,
}


def to_the_worker(scene: Scene, signum: int, moment: str) -> Outcome:
    """The worker is signalled while the request of this moment is held; a killed one leaves Terraform alive."""
    held, worker = _held(scene, moment)
    pids = scene.terraforms(worker)
    if signum == signal.SIGINT:
        scene.cancel()
    assert worker.pid is not None
    os.kill(worker.pid, signum)
    if signum == signal.SIGKILL:
        scene.join(worker)
    elif pids:
        until(lambda: "Stopping Terraform" in scene.log(), "the worker stops Terraform")
        _has_heard(scene, pids[0], moment)
    held.let_go()
    return scene.conclude(worker)


def to_terraform(scene: Scene, signum: int, moment: str) -> Outcome:
    """Terraform alone is signalled; what it had begun at AWS is carried out."""
    held, worker = _held(scene, moment)
    (pid,) = scene.terraforms(worker)
    if signum == signal.SIGKILL and moment in LOCKED_MOMENTS:
        scene.know_lock()
    os.kill(pid, signum)
    if signum == signal.SIGKILL:
        until(gone(pid), "Terraform is dead")
    elif moment == "plan":
        # It says that it was interrupted before it tells the provider: answered in between, the plan would be done.
        until(gone(pid), "Terraform has given up the request")
    else:
        _has_heard(scene, pid, moment)
    held.let_go()
    return scene.conclude(worker)


def _held(scene: Scene, moment: str) -> tuple[Rule, BaseProcess]:
    """A run that has come to this moment and stays there."""
    if moment == "init":
        scene.forget_init()
    held = scene.proxy.hold(MOMENTS[moment](scene.proxy))
    worker = scene.start()
    scene.reach(held, worker)
    return held, worker


def _has_heard(scene: Scene, pid: int, moment: str) -> None:
    """Wait until Terraform has noted the signal; an init says nothing, and notes it when its request is answered."""
    ended = gone(pid)
    if moment != "init":
        until(lambda: ended() or "nterrupt" in scene.printed(), "Terraform has heard it")


def to_both(scene: Scene, moment: str) -> Outcome:
    """The machine dies: worker, Terraform and provider at one moment; what was sent to AWS is carried out."""
    held, worker = _held(scene, moment)
    (pid,) = scene.terraforms(worker)
    scene.know_lock()
    worker.kill()
    os.killpg(pid, signal.SIGKILL)
    scene.join(worker)
    until(gone(pid), "Terraform is dead")
    held.let_go()
    until(held.done.is_set, "what was sent is carried out")
    return scene.conclude(worker)


def survived_by_terraform(scene: Scene, moment: str) -> Outcome:
    """The worker dies, Terraform lives on and is still at work when the next run begins, which has to wait."""
    held, worker = _held(scene, moment)
    worker.kill()
    broken = scene.conclude(worker)
    waiting = scene.start("meanwhile")
    until(lambda: "waiting for it" in scene.log(), "the next run waits")
    held.let_go()
    scene.conclude(waiting, "meanwhile")
    return broken


def _ends(signum: int) -> frozenset[object]:
    return frozenset({signal.SIGINT: {CANCELED}, signal.SIGTERM: {FAILURE}, signal.SIGKILL: {STARTED}}[signum])


def rows() -> list[Row]:
    found = []
    for signum in SIGNALS:
        name = signal.Signals(signum).name
        for moment in MOMENTS:
            play = partial(to_the_worker, signum=signum, moment=moment)
            found.append(Row(f"{name} to the worker", moment, play, _ends(signum)))
        for moment in TERRAFORM_ROWS[signum]:
            # One that is told to stop while it writes its state is done when it has written it.
            ends = {FAILURE, SUCCESS} if moment == "state write" and signum != signal.SIGKILL else {FAILURE}
            play = partial(to_terraform, signum=signum, moment=moment)
            found.append(Row(f"{name} to Terraform", moment, play, frozenset(ends)))
    for moment in LOCKED_MOMENTS:
        found.append(Row("worker and Terraform die", moment, partial(to_both, moment=moment), frozenset({STARTED})))
    for moment in ("middle of apply", "state write"):
        play = partial(survived_by_terraform, moment=moment)
        found.append(Row("the worker dies, the next run meets its Terraform", moment, play, frozenset({STARTED})))
    return found


ROWS = rows()


@pytest.mark.parametrize(
    "row", cases(ROWS, always=lambda row: row.when == "middle of apply", name=lambda row: row.name)
)
def test_nothing_is_lost_when(row: Row, scene: Scene, record_property: Callable[[str, object], None]) -> None:
    judge(row, scene, record_property)
