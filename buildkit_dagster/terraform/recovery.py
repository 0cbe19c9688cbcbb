"""What the next run does about a Terraform that never settled: wait for it, release its lock, save what it made.

The facts come from `journal.py`, `locks.py` and `errored.py`; this is the only place that acts on them. A lock that is
not proven ours and dead is left alone; Terraform's own error then names its holder.
"""

from __future__ import annotations

from collections.abc import Sequence

from buildkit_dagster.errors import CreationsUnknown, ErroredStateRefused, StateLocked
from buildkit_dagster.process import wait_until_gone
from buildkit_dagster.terraform import errored
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.journal import Journal, unsettled
from buildkit_dagster.terraform.locks import (
    Verdict,
    judge,
    read_s3_lock,
    read_table_lock,
    release_s3_lock,
    release_table_lock,
)
from buildkit_dagster.terraform.lost import import_lost
from buildkit_dagster.terraform.probe import check_backend
from buildkit_dagster.terraform.rendered_root import S3Backend

#: How long to wait for a Terraform whose worker was killed, in seconds.
WAIT_SECONDS = 3600.0


def settle_locks(engine: Engine) -> list[Journal]:
    """Wait for what still runs and release a lock that is proven ours and dead; the journals that are left to read.

    It is the first thing done with a stack's backend, so one that cannot hold a lock is refused here.
    """
    if isinstance(engine.stack.backend, S3Backend):
        check_backend(engine.stack.backend, engine.s3, engine.workdir.work, engine.tell)
    journals = wait_for_running(engine)
    backend = engine.stack.backend
    if journals and isinstance(backend, S3Backend):
        _release_dead(engine, backend, journals)
    return journals


def wait_for_running(engine: Engine) -> list[Journal]:
    """Wait for what still runs, as it writes the state: a killed worker's Terraform goes on; the unsettled journals."""
    journals = unsettled(engine.workdir.journal)
    for journal in journals:
        _wait_for(journal, engine)
    return journals


def save_lost(engine: Engine, journals: Sequence[Journal]) -> None:
    """Bring into the state what earlier Terraforms created and could not save; raises when something stays outside.

    First the states they left in files, then, one by one, what only their journals know.
    """
    errored.catch(engine.workdir)
    refused = _push(engine)
    unknown = [line for journal in journals for line in import_lost(engine, journal)]
    for journal in journals:
        journal.settle()
    if unknown:
        raise CreationsUnknown(engine.stack.name, unknown)
    _answer_for(engine, refused)


def _push(engine: Engine) -> list[errored.ErroredState]:
    """Store what follows from the stored state; what does not is returned."""
    refused = []
    for file in errored.set_aside_damaged(engine.workdir):
        engine.tell(f"{file} is no whole state, as after a full disk; what was made is looked for by the journal.")
    for kept in errored.kept(engine.workdir):
        if kept.why_not(engine.state()) is not None:
            refused.append(kept)
            continue
        engine.push_state(kept.file)
        if kept.lacking(engine.state()):
            refused.append(kept)
            continue
        engine.tell(f"Pushed the state that an earlier Terraform could not save ({kept.file}).")
        kept.forget()
    return refused


def _answer_for(engine: Engine, refused: Sequence[errored.ErroredState]) -> None:
    """A kept state whose resources are all known meanwhile has served; any other one is a person's to decide on."""
    for kept in refused:
        stored = engine.state()
        reason, lacking = kept.why_not(stored) or "it was pushed and reads back differently", kept.lacking(stored)
        if lacking:
            raise ErroredStateRefused(engine.stack.name, kept.file, reason, lacking)
        place = kept.set_aside()
        engine.tell(f"Not pushed: {kept.file}, because {reason}. The stored state has all it names; it is now {place}.")


def _release_dead(engine: Engine, backend: S3Backend, journals: Sequence[Journal]) -> None:
    """Both locks Terraform takes: the object beside the state, and the table's item where there is a table."""
    lock, item = read_s3_lock(engine.s3, backend.bucket, backend.key), read_table_lock(backend, engine.dynamodb)
    if lock is not None and judge(lock, journals) is Verdict.RELEASE:
        engine.tell(f"Releasing the lock of a Terraform of ours that is dead: {lock}")
        release_s3_lock(engine.s3, backend.bucket, backend.key, lock)
    if item is not None and judge(item, journals) is Verdict.RELEASE:
        engine.tell(f"Releasing the lock of a Terraform of ours that is dead in {backend.dynamodb_table}: {item}")
        release_table_lock(backend, engine.dynamodb, item)


def _wait_for(journal: Journal, engine: Engine) -> None:
    if not journal.alive:
        return
    engine.tell(f"Terraform (process {journal.pid}) of an earlier run still works on this stack; waiting for it.")
    if not wait_until_gone(journal.pid, journal.mark, WAIT_SECONDS):
        raise StateLocked(engine.stack.name, f"process {journal.pid} on this machine, since {journal.started}")
