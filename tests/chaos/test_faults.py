"""Chaos, second part: a backend, a disk, a clock, credentials and a network that fail, and runs that race."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest

from tests.chaos import faults, phases
from tests.chaos.phases import Phase
from tests.chaos.proxy import Deed, Request
from tests.chaos.scene import Outcome, Scene, gone, limit_files, makes_bucket, until
from tests.chaos.table import FAILURE, STARTED, SUCCESS, Row, judge
from tests.thorough import cases

BACKEND_MOMENTS: dict[str, Phase] = {
    "init": phases.init,
    "plan": phases.init,
    "start of apply": phases.apply_start,
    "state write": phases.state_write,
}
BACKEND_FAULTS: dict[str, tuple[Deed, str, tuple[str, ...]]] = {
    "the backend answers 500": (
        faults.internal_error,
        "InternalError|internal error|StatusCode: 500",
        tuple(BACKEND_MOMENTS),
    ),
    "the backend times out": (faults.silence, "EOF|reset|closed|exceeded", ("plan", "state write")),
    "the backend refuses connections": (
        faults.refusal,
        "refused|reset|EOF",
        ("init", "start of apply", "state write"),
    ),
}


def backend(scene: Scene, deed: Deed, moment: str) -> Outcome:
    """The state's store fails from this moment on, for Terraform and for us, until the run has ended."""
    if moment == "init":
        scene.forget_init()
    scene.proxy.add(faults.from_then_on(BACKEND_MOMENTS[moment], scene.proxy, faults.is_backend), deed)
    return scene.conclude(scene.start())


def hiccup(scene: Scene, picks: Callable[[Request], bool], deed: Deed) -> Outcome:
    """One request fails, the next one does not."""
    scene.proxy.add(picks, deed, times=1)
    return scene.conclude(scene.start())


def unlocking(scene: Scene, nth: int) -> Outcome:
    """Terraform cannot give back the lock: of the plan, or of the apply."""
    begins = {1: phases.init, 2: phases.state_write}[nth]
    picks = faults.from_then_on(begins, scene.proxy, faults.gives_lock_back)
    scene.proxy.add(picks, faults.internal_error)
    return scene.conclude(scene.start())


def credentials(scene: Scene, phase: Phase) -> Outcome:
    """They expire at this moment and stay expired."""
    scene.proxy.add(faults.from_then_on(phase, scene.proxy, faults.anything), faults.expired_token)
    return scene.conclude(scene.start())


def full_disk_for_terraform(scene: Scene, phase: Phase, *, state_too: bool = False) -> Outcome:
    """From this moment on Terraform can write nothing, its events and its plan among it."""
    held = scene.proxy.hold(phase(scene.proxy))
    if state_too:
        scene.proxy.add(faults.from_then_on(phases.state_write, scene.proxy, faults.is_backend), faults.internal_error)
    worker = scene.start()
    scene.reach(held, worker)
    (pid,) = scene.terraforms(worker)
    limit_files(pid, 0)
    held.let_go()
    return scene.conclude(worker)


def full_disk_for_the_worker(scene: Scene, phase: Phase) -> Outcome:
    """From this moment on the worker and what it starts can write nothing, Dagster's event log among it."""
    held = scene.proxy.hold(phase(scene.proxy))
    worker = scene.start()
    scene.reach(held, worker)
    assert worker.pid is not None
    limit_files(worker.pid, 0)
    held.let_go()
    return scene.conclude(worker)


def wrong_clock(scene: Scene, offset: timedelta) -> Outcome:
    """S3 finds our clock wrong for as long as the run lasts."""
    scene.proxy.add(*faults.wrong_clock(offset))
    return scene.conclude(scene.start())


def lock_of_another_clock(scene: Scene, offset: timedelta, phase: Phase) -> Outcome:
    """The clock jumps between journal and lock, and Terraform is killed while it holds that lock."""
    scene.proxy.add(faults.takes_lock, faults.lock_of_another_clock(offset))
    held = scene.proxy.hold(phase(scene.proxy))
    worker = scene.start()
    scene.reach(held, worker)
    (pid,) = scene.terraforms(worker)
    os.killpg(pid, signal.SIGKILL)
    until(gone(pid), "Terraform is dead")
    held.let_go()
    return scene.conclude(worker)


def lost(scene: Scene, picks: Callable[[Request], bool], deeds: Sequence[tuple[Deed, int | None]]) -> Outcome:
    """What becomes of this creation, attempt by attempt."""
    for deed, times in deeds:
        scene.proxy.add(picks, deed, times)
    return scene.conclude(scene.start())


def killed_in_flight(scene: Scene, picks: Callable[[Request], bool], then: Deed | None = None) -> Outcome:
    """Terraform and provider die while they ask for something; it reaches AWS afterwards, unless `then` prevents it."""
    stuck = scene.proxy.hold(picks, then)
    worker = scene.start()
    scene.reach(stuck, worker)
    (pid,) = scene.terraforms(worker)
    scene.know_lock()
    os.killpg(pid, signal.SIGKILL)
    until(gone(pid), "Terraform is dead")
    stuck.let_go()
    until(stuck.done.is_set, "what was sent is carried out, or lost")
    return scene.conclude(worker)


def race_here(scene: Scene) -> Outcome:
    """A second run on the same machine while the first one applies."""
    held = scene.proxy.hold(phases.mid_apply(scene.proxy))
    first = scene.start()
    scene.reach(held, first)
    second = scene.start("second")
    until(lambda: scene.has_begun("second"), "the second run begins")
    held.let_go()
    broken = scene.conclude(first)
    assert scene.conclude(second, "second").status is SUCCESS
    return broken


def race_there(scene: Scene, lock_timeout: str, ends: str) -> Outcome:
    """A second run on another machine while the first one applies: it waits for the lock, or says who holds it."""
    held = scene.proxy.hold(phases.mid_apply(scene.proxy))
    first = scene.start()
    scene.reach(held, first)
    second = scene.start("second", place="there", lock_timeout=lock_timeout)
    until(
        lambda: any(faults.takes_lock(request) and request.status == 412 for request in scene.proxy.requests),
        "it asks for the lock",
    )
    if ends == "waits":
        held.let_go()
        broken, other = scene.conclude(first), scene.conclude(second, "second")
        assert other.status is SUCCESS, other.error
    else:
        other = scene.conclude(second, "second")
        held.let_go()
        broken = scene.conclude(first)
        assert other.status is FAILURE
        assert "is locked by" in other.error
    return broken


def overtaken(scene: Scene) -> Outcome:
    """Another machine applies between our plan and our apply, which has to refuse its plan."""
    held = scene.proxy.hold(phases.before_apply(scene.proxy))
    first = scene.start()
    scene.reach(held, first)
    assert scene.conclude(scene.start("second", place="there"), "second").status is SUCCESS
    held.let_go()
    return scene.conclude(first)


def killed_while_another_waits(scene: Scene) -> Outcome:
    """Worker and Terraform die while a second run on this machine waits for its turn."""
    held = scene.proxy.hold(phases.mid_apply(scene.proxy))
    first = scene.start()
    scene.reach(held, first)
    (pid,) = scene.terraforms(first)
    second = scene.start("second")
    until(lambda: scene.has_begun("second"), "the second run begins")
    scene.know_lock()
    # The worker last, and it may not notice the rest: the second run looks at the account as soon as it is dead.
    assert first.pid is not None
    os.kill(first.pid, signal.SIGSTOP)
    os.killpg(pid, signal.SIGKILL)
    until(gone(pid), "Terraform is dead")
    held.let_go()
    until(held.done.is_set, "what was sent is carried out")
    first.kill()
    broken = scene.conclude(first)
    assert scene.conclude(second, "second").status is SUCCESS
    return broken


def writes_state(request: Request) -> bool:
    return request.is_object("PUT", phases.STATE) and request.sender == "backend"


def makes(action: str) -> Callable[[Request], bool]:
    return lambda request: request.action == action


def row(broken: str, when: str, play: Callable[[Scene], Outcome], *ends: object, says: str = "") -> Row:
    return Row(broken, when, play, frozenset(ends), says)


def backend_rows() -> list[Row]:
    return [
        row(name, moment, partial(backend, deed=deed, moment=moment), FAILURE, says=says)
        for name, (deed, says, moments) in BACKEND_FAULTS.items()
        for moment in moments
    ] + [
        row(
            "the backend answers 500 once",
            "state write",
            partial(hiccup, picks=writes_state, deed=faults.internal_error),
            SUCCESS,
        ),
        row("the lock cannot be given back", "end of plan", partial(unlocking, nth=1), FAILURE, says="lock"),
        row("the lock cannot be given back", "end of apply", partial(unlocking, nth=2), FAILURE, says="lock"),
    ]


def disk_rows() -> list[Row]:
    name = "disk full for Terraform"
    return [
        row(name, "plan", partial(full_disk_for_terraform, phase=phases.plan), FAILURE),
        row(name, "middle of apply", partial(full_disk_for_terraform, phase=phases.mid_apply), FAILURE, SUCCESS),
        row(
            f"{name}, backend answers 500",
            "state write",
            partial(full_disk_for_terraform, phase=phases.mid_apply, state_too=True),
            FAILURE,
        ),
        row(
            "disk full for the worker and Terraform",
            "between plan and apply",
            partial(full_disk_for_the_worker, phase=phases.before_apply),
            FAILURE,
            STARTED,
        ),
    ]


def clock_rows() -> list[Row]:
    found = []
    for offset, name in ((faults.HOUR, "an hour slow"), (-faults.HOUR, "an hour fast")):
        play = partial(wrong_clock, offset=offset)
        found.append(row(f"the clock is {name}", "plan to report", play, FAILURE, SUCCESS))
        play = partial(lock_of_another_clock, offset=offset, phase=phases.mid_apply)
        found.append(row(f"the lock's clock is {name}, Terraform is killed", "middle of apply", play, FAILURE))
    return found


def credential_rows() -> list[Row]:
    moments = {"plan": phases.plan, "middle of apply": phases.mid_apply, "state write": phases.state_write}
    return [
        row("credentials expire", moment, partial(credentials, phase=phase), FAILURE, says="ExpiredToken|expired")
        for moment, phase in moments.items()
    ]


def network_rows() -> list[Row]:
    once, always = (faults.loss_of_the_answer, 1), (faults.loss_of_the_request, None)
    return [
        row(
            "the answer is lost", "a bucket is made", partial(lost, picks=makes_bucket, deeds=[once]), FAILURE, SUCCESS
        ),
        row(
            "the answer is lost",
            "a role is made",
            partial(lost, picks=makes("CreateRole"), deeds=[once]),
            FAILURE,
            SUCCESS,
        ),
        row(
            "the answer is lost, then the network",
            "a role is made",
            partial(lost, picks=makes("CreateRole"), deeds=[once, always]),
            FAILURE,
        ),
        row(
            "the answer is lost, then the network",
            "a key without a name is made",
            partial(lost, picks=makes("CreateKey"), deeds=[once, always]),
            FAILURE,
        ),
        row(
            "Terraform is killed, its request never arrives",
            "a role is made",
            partial(killed_in_flight, picks=makes("CreateRole"), then=faults.loss_of_the_request),
            FAILURE,
        ),
        row(
            "Terraform is killed, its request arrives",
            "a key without a name is made",
            partial(killed_in_flight, picks=makes("CreateKey")),
            FAILURE,
        ),
        row(
            "Terraform is killed, its request arrives",
            "a bucket is made",
            partial(killed_in_flight, picks=makes_bucket),
            FAILURE,
        ),
    ]


def race_rows() -> list[Row]:
    return [
        row("two runs on one machine", "middle of apply", race_here, SUCCESS),
        row(
            "two runs on two machines, the second waits",
            "middle of apply",
            partial(race_there, lock_timeout="300s", ends="waits"),
            SUCCESS,
        ),
        row(
            "two runs on two machines, the second gives up",
            "middle of apply",
            partial(race_there, lock_timeout="0s", ends="gives up"),
            SUCCESS,
        ),
        row("another machine applies first", "between plan and apply", overtaken, FAILURE, says="stale"),
        row(
            "worker and Terraform die while a second run waits", "middle of apply", killed_while_another_waits, STARTED
        ),
    ]


#: Of each kind of fault the row that has most to repair.
ALWAYS = (
    "the-backend-answers-500-state-write",
    "the-backend-times-out-state-write",
    "the-backend-refuses-connections-start-of-apply",
    "the-lock-cannot-be-given-back-end-of-apply",
    "disk-full-for-terraform-middle-of-apply",
    "the-lock-s-clock-is-an-hour-slow-terraform-is-killed-middle-of-apply",
    "credentials-expire-middle-of-apply",
    "the-answer-is-lost-then-the-network-a-role-is-made",
    "terraform-is-killed-its-request-arrives-a-key-without-a-name-is-made",
    "two-runs-on-two-machines-the-second-waits-middle-of-apply",
    "worker-and-terraform-die-while-a-second-run-waits-middle-of-apply",
)
ROWS = [*backend_rows(), *disk_rows(), *clock_rows(), *credential_rows(), *network_rows(), *race_rows()]


@pytest.mark.parametrize("row", cases(ROWS, always=lambda row: row.name in ALWAYS, name=lambda row: row.name))
def test_nothing_is_lost_when(row: Row, scene: Scene, record_property: Callable[[str, object], None]) -> None:
    judge(row, scene, record_property)
