"""Stopping a Terraform: asked, asked again, told, killed; and nothing it started stays behind.

Terraform finishes what it has begun and saves its state after the first SIGINT; after the second it gives up at once
and may lose what it was making, which the journal then tells the next run. Which command is stopped, and what becomes
of its journal, is `engine.py`'s.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from types import FrameType

from buildkit_dagster.process import Child, interrupts_heard_by, signal_group

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Patience:
    """How long each rung of the ladder waits: minutes after the first SIGINT, seconds after each later signal.

    Terraform gives itself five seconds after a second SIGINT.
    """

    minutes: float = 10.0
    seconds: float = 15.0


@contextmanager
def stopped_on_exit(child: Child, patience: Patience, tell: Tell) -> Iterator[None]:
    """Never leave a Terraform behind: whatever ends the block early, it is stopped and waited for.

    An interrupt that reaches Dagster while it handles an event drops the op's generator without closing it, so the
    block may not end before the process does.
    """
    at_exit = Finalize(None, _stop_at_exit, (child, patience, tell), exitpriority=0)
    try:
        yield
    finally:
        ensure_ended(child, patience, tell)
        # Not before it has ended: an interrupt that comes just before they are swallowed leaves it to the exit.
        at_exit.cancel()


def ensure_ended(child: Child, patience: Patience, tell: Tell) -> int:
    """Stop it unless it has ended, whatever we are told meanwhile; the exit code."""
    with undisturbed():
        if child.poll() is None:
            stop(child, patience, tell)
        elif child.wait() < 0:
            signal_group(child.pid, signal.SIGKILL)
        return child.wait()


def _stop_at_exit(child: Child, patience: Patience, tell: Tell) -> None:
    """The same when the process ends; what took our words may be closed by then."""

    def told(words: str) -> None:
        with suppress(Exception):
            tell(words)

    ensure_ended(child, patience, told)


def stop(child: Child, patience: Patience, tell: Tell) -> None:
    """Climb the ladder until it has ended, then end its provider plugins and provisioners too."""
    rungs = (
        (signal.SIGINT, patience.minutes * 60, f"it saves its state and has {patience.minutes:g} minutes to finish"),
        (signal.SIGINT, patience.seconds, f"it did not end within {patience.minutes:g} minutes; asking again"),
        (signal.SIGTERM, patience.seconds, "it did not give up; terminating it"),
    )
    for signum, seconds, words in rungs:
        tell(f"Stopping Terraform (process {child.pid}): {words}.")
        child.signal(signum)
        if child.ended_within(seconds):
            break
    else:
        tell(f"Killing Terraform (process {child.pid}) and all it started; the next run looks for what it made.")
    signal_group(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Swallow interrupts: the one we were told about is being carried out. Only a main thread is told of any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with interrupts_heard_by(_swallow):
        yield


@contextmanager
def told_once() -> Iterator[None]:
    """Swallow further interrupts while one is being carried out, so that it is to its end; hear them otherwise."""
    ending = sys.exc_info()[1]
    is_interrupted = ending is not None and not isinstance(ending, Exception)
    with undisturbed() if is_interrupted else nullcontext():
        yield


def _swallow(_signum: int, _frame: FrameType | None) -> None:
    """An interrupt that changes nothing."""
