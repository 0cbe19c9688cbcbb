"""Moving a stack's state from this machine into the bucket that the stack itself has made.

Which state counts is decided from facts alone, so a crash at any point is recovered by the next run: before the move
the local state is worked on, and then moved; once the bucket holds it, what is left on this machine is removed. Which
stack needs this is decided in `defs/infra.py`; running Terraform is `engine.py`.

The state is copied as it is, by one conditional request: there is no half-done move. Terraform's own ways (`init
-migrate-state`, `state push`) give the copy another lineage when the bucket has no state yet, and then nothing tells
whether two states belong together.
"""

from __future__ import annotations

import enum
from typing import Any

from buildkit_dagster.errors import InvalidRoot, StateNotMoved, StatesDiverge
from buildkit_dagster.terraform.backends import LocalBackend
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.private import write_private
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.state import State, read_state


class Home(enum.Enum):
    """Where a stack's state is to be worked on."""

    LOCAL = "on this machine: it has not been moved yet"
    BUCKET = "in the bucket"
    UNCLEAR = "both places have a state, and neither follows from the other"


def decide(local: State, remote: State) -> Home:
    """Where the state is, from what lies in both places (`EMPTY` where nothing does)."""
    has_local, has_remote = bool(local.resources), bool(remote.resources)
    known_to_bucket = remote.lineage is not None
    related = has_local and has_remote and local.lineage == remote.lineage
    has_moved = related and remote.serial >= local.serial

    if has_moved or (known_to_bucket and not has_local):
        return Home.BUCKET
    return Home.LOCAL if related or not has_remote else Home.UNCLEAR


def find_home(engine: Engine) -> Home:
    """Settle what earlier runs left behind and say where the state is; `engine` is that of the stack in the bucket.

    Raises StatesDiverge. Removes local files that the bucket has made superfluous.
    """
    with engine.workdir.alone():
        settle_locks(engine)
        home = decide(read_state(_local(engine), None), engine.state())
        if home is Home.UNCLEAR:
            raise StatesDiverge(engine.stack.name, _local(engine).path, _address(engine))
        if home is Home.BUCKET:
            _remove_local(engine)
        else:
            # A bucket that is gone (the emulator's is, when it ends): `init -reconfigure` alone does not forget it.
            (engine.workdir.data / "terraform.tfstate").unlink(missing_ok=True)
        return home


def move_into_bucket(engine: Engine) -> None:
    """Copy the local state into the bucket, and remove it here once the bucket holds the same.

    Raises StateNotMoved, and StatesDiverge when somebody else's state got there first.
    """
    with engine.workdir.alone():
        local, stored = read_state(_local(engine), None), engine.state()
        if decide(local, stored) is Home.LOCAL:
            _copy(engine, replacing=stored)
            stored = engine.state()
        if decide(local, stored) is Home.UNCLEAR:
            raise StatesDiverge(engine.stack.name, _local(engine).path, _address(engine))
        if (stored.lineage, stored.serial, stored.addresses) != (local.lineage, local.serial, local.addresses):
            raise StateNotMoved(engine.stack.name, _local(engine).path, _address(engine), "it reads back differently")
        _remove_local(engine)
        engine.tell(f"The state of stack {engine.stack.name} now lies at {_address(engine)}.")


def move_out_of_bucket(engine: Engine) -> None:
    """The way back, before the stack destroys its bucket: the state is written here, and only then taken from there.

    A crash before the bucket lets go leaves both, and `find_home` removes the copy here; after that it is worked on
    here. Raises StateNotMoved when somebody writes the bucket's state meanwhile.
    """
    with engine.workdir.alone():
        place = {"Bucket": _backend(engine).bucket, "Key": _backend(engine).key}
        stored = engine.s3.get_object(**place)
        body = stored["Body"].read()
        write_private(_local(engine).path, body.decode())
        local = read_state(_local(engine), None)
        if engine.s3.head_object(**place)["ETag"] != stored["ETag"]:
            _remove_local(engine)
            raise StateNotMoved(engine.stack.name, _local(engine).path, _address(engine), "it changed meanwhile")
        engine.s3.delete_object(**place)
        # `init -reconfigure` alone does not forget the bucket.
        (engine.workdir.data / "terraform.tfstate").unlink(missing_ok=True)
        engine.tell(
            f"The state of stack {engine.stack.name}, {len(local.addresses)} resources, is on this machine now."
        )


def forget_empty_state(engine: Engine) -> None:
    """Remove what is left here of a state whose resources have all been destroyed."""
    with engine.workdir.alone():
        if not read_state(_local(engine), None).resources:
            _remove_local(engine)


def _copy(engine: Engine, replacing: State) -> None:
    """One request that succeeds only while the bucket still has no state, or the empty one that was seen."""
    backend, body = _backend(engine), _local(engine).path.read_bytes()
    place = {"Bucket": backend.bucket, "Key": backend.key}
    condition: dict[str, Any] = {"IfNoneMatch": "*"}
    if replacing.lineage is not None:
        condition = {"IfMatch": engine.s3.head_object(**place)["ETag"]}
    try:
        engine.s3.put_object(**place, Body=body, ContentType="application/json", **condition)
    except engine.s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
            raise StateNotMoved(engine.stack.name, _local(engine).path, _address(engine), str(error)) from None


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
