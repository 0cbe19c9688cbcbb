"""Moving a stack's state from this machine into the bucket that the stack itself has made.

Which state counts is decided from facts alone, so a crash at any point is recovered by the next run: before the move
the local state is worked on, and then moved; once the bucket holds it, what is left on this machine is removed. Which
stack needs this is decided in `defs/infra.py`; running Terraform is `engine.py`.
"""

from __future__ import annotations

import enum

from buildkit_dagster.errors import InvalidRoot, StateNotMoved, StatesDiverge
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.journal import who
from buildkit_dagster.terraform.locks import read_s3_lock, release_s3_lock
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.render import S3Backend
from buildkit_dagster.terraform.stack import LocalBackend
from buildkit_dagster.terraform.state import State, read_state

#: What Terraform calls its lock on the bucket while it copies a state there.
_MOVING = "migration destination state"


class Home(enum.Enum):
    """Where a stack's state is to be worked on."""

    LOCAL = "on this machine: it has not been moved yet"
    BUCKET = "in the bucket"
    UNCLEAR = "both places have a state, and neither follows from the other"


def decide(local: State, remote: State) -> Home:
    """Where the state is, from what lies in both places (`EMPTY` where nothing does)."""
    has_local, has_remote = bool(local.resources), bool(remote.resources)
    related = local.lineage == remote.lineage
    has_moved = has_local and has_remote and related and remote.serial >= local.serial
    is_newer_here = has_local and has_remote and related and not has_moved
    known_to_bucket = remote.lineage is not None

    if has_moved or (known_to_bucket and not has_local):
        return Home.BUCKET
    if not has_remote or is_newer_here:
        return Home.LOCAL
    return Home.UNCLEAR


def find_home(engine: Engine) -> Home:
    """Settle what earlier runs left behind and say where the state is; `engine` is that of the stack in the bucket.

    Raises StatesDiverge. Removes local files that the bucket has made superfluous.
    """
    with engine.workdir.alone():
        settle_locks(engine)
        _release_lock_of_a_dead_move(engine)
        home = decide(read_state(_local(engine), None), engine.state())
        if home is Home.UNCLEAR:
            raise StatesDiverge(engine.stack.name, _local(engine).path, _address(engine))
        if home is Home.BUCKET:
            _remove_local(engine)
        return home


def move_into_bucket(engine: Engine) -> None:
    """Copy the local state into the bucket, and remove it here once the bucket holds the same; raises StateNotMoved."""
    with engine.workdir.alone():
        local = read_state(_local(engine), None)
        engine.write()
        engine.move_state()
        arrived = engine.state()
        if decide(local, arrived) is not Home.BUCKET or arrived.addresses != local.addresses:
            raise StateNotMoved(engine.stack.name, _local(engine).path, _address(engine))
        _remove_local(engine)
        engine.tell(f"The state of stack {engine.stack.name} now lies at {_address(engine)}.")


def _release_lock_of_a_dead_move(engine: Engine) -> None:
    """Only this user's moves on this machine take such a lock, and while the folder is ours none of them runs."""
    backend = _backend(engine)
    lock = read_s3_lock(engine.s3, backend.bucket, backend.key)
    if lock is not None and lock.operation == _MOVING and lock.who == who():
        engine.tell(f"Releasing the lock of a move that was killed: {lock}")
        release_s3_lock(engine.s3, backend.bucket, backend.key, lock)


def _remove_local(engine: Engine) -> None:
    state = _local(engine).path
    for file in (state, state.with_name(f"{state.name}.backup")):
        file.unlink(missing_ok=True)


def _local(engine: Engine) -> LocalBackend:
    return LocalBackend(engine.workdir.folder / "terraform.tfstate")


def _backend(engine: Engine) -> S3Backend:
    backend = engine.stack.backend
    if not isinstance(backend, S3Backend):
        raise InvalidRoot(engine.stack.name, "has no bucket its state could be moved into")
    return backend


def _address(engine: Engine) -> str:
    backend = _backend(engine)
    return f"s3://{backend.bucket}/{backend.key}"
