"""The locks of a stack as they are now, each with its holder, the verdict and what to do about it. Changes nothing.

The verdict is `locks.py`'s, acting on it `recovery.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.holders import Holder, read_holder
from buildkit_dagster.terraform.journal import unsettled
from buildkit_dagster.terraform.locks import Lock, Verdict, judge, read_locks
from buildkit_dagster.terraform.rendered_root import S3Backend


@dataclass(frozen=True)
class Held:
    """One lock of a stack; `folder` is where Terraform works on it."""

    stack: str
    folder: str
    lock: Lock
    verdict: Verdict
    holder: Holder | None

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.verdict is Verdict.WAIT:
            return "wait: its Terraform still runs on this machine"
        if self.verdict is Verdict.RELEASE:
            return (
                "its Terraform, one of ours, is dead: materialize the stack, or release the lock (the job "
                "release_stale_locks; with a platform also `buildkit locks --release`)"
            )
        return (
            f"not proven to be ours and dead: ask {self.lock.who}. Only when that Terraform is certainly dead: "
            f"terraform -chdir={self.folder} force-unlock {self.lock.id}"
        )


def held_locks(engine: Engine) -> list[Held]:
    """The locks on the state of the engine's stack; none for a state that is not in S3."""
    backend = engine.stack.backend
    if not isinstance(backend, S3Backend):
        return []
    journals = unsettled(engine.workdir.journal)
    locks = {lock.id: lock for lock in read_locks(backend, engine.s3, engine.dynamodb)}
    return [
        Held(
            engine.stack.name,
            str(engine.workdir.folder),
            lock,
            judge(lock, journals),
            read_holder(backend, engine.s3, lock.id),
        )
        for lock in locks.values()
    ]
