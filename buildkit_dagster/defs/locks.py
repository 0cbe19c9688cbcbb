"""State locks as people meet them: rows for the command line, a check `lock` per stack, its sensor, a job that tidies.

Which lock may be released is decided in `terraform/locks.py` and done in `terraform/recovery.py`; here only what
Dagster knows is added: the run that took it, and whether that run is over.
"""

# No `from __future__ import annotations` here: Dagster looks at the annotation of an op's context itself.
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    JobDefinition,
    OpExecutionContext,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    in_process_executor,
    job,
    multi_asset_check,
    op,
    sensor,
)

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.checks import LOCK
from buildkit_dagster.defs.failures import told_plainly
from buildkit_dagster.defs.infra import terraform_of, terraform_stacks
from buildkit_dagster.defs.instance import home_of, open_instance
from buildkit_dagster.defs.planning import stacks_in
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.errors import BuildkitError, InvalidRoot
from buildkit_dagster.naming import command_of
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.held import Held, held_locks
from buildkit_dagster.terraform.locks import Verdict, moment
from buildkit_dagster.terraform.recovery import settle_locks
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.stack import TerraformStack

RELEASE_JOB = "release_stale_locks"

#: A lock of somebody else that is older than this is worth a look.
_LONG = timedelta(hours=1)
_EVERY_SECONDS = 180


@dataclass(frozen=True)
class Row:
    """A lock, and what the instance knows of the run that took it (None: nothing)."""

    held: Held
    run_status: str | None
    run_is_over: bool

    @property
    def needs_a_person(self) -> bool:
        """Whether nothing of ours will ever end this lock."""
        foreign = self.held.verdict is Verdict.FOREIGN
        return foreign and (self.run_is_over or datetime.now(UTC) - moment(self.held.lock.created) > _LONG)

    @property
    def is_stale(self) -> bool:
        return self.held.verdict is Verdict.RELEASE or self.needs_a_person

    def __str__(self) -> str:
        return f"{self.held.stack}: held by {self.held.lock}{self._use}; {self.held.advice}"

    @property
    def _use(self) -> str:
        """What of ours took it."""
        holder = self.held.holder
        if holder is None:
            return ""
        command = command_of(holder.run)
        if command:
            return f", `{command}` (process {holder.pid} on {holder.host})"
        return f", Dagster run {holder.run} ({self.run_status or 'not known here'})"

    def data(self) -> dict[str, Any]:
        """The row as JSON."""
        lock, holder = self.held.lock, self.held.holder
        return {
            "stack": self.held.stack,
            "lock": {"id": lock.id, "operation": lock.operation, "who": lock.who, "since": lock.created},
            "holder": asdict(holder) if holder else None,
            "run_status": self.run_status,
            "verdict": self.held.verdict.name.lower(),
            "stale": self.is_stale,
            "advice": self.held.advice,
        }


def locks_of(
    platform: Platform, process: ProcessEnvironment, say: Callable[[str], None], *, release: bool
) -> list[Row]:
    """The locks of every stack; with `release`, those that are left after the dead ones of ours were let go of.

    `say` is told which these were.
    """
    engines = _engines(terraform_of(platform, aws_for(platform, process)), terraform_stacks(platform))
    home = home_of(platform, process)
    known = open_instance(home) if (home / "dagster.yaml").exists() else nullcontext()
    with told_as_ours(), known as instance:
        if release:
            for engine in engines:
                engine.tell = say
                release_dead(engine)
        return rows_of(engines, instance)


def rows_of(engines: Sequence[Engine], instance: DagsterInstance | None) -> list[Row]:
    """One row for each lock that is held."""
    return [_row(held, instance) for engine in engines for held in held_locks(engine)]


def release_dead(engine: Engine) -> list[Held]:
    """Release the locks of this stack that are proven ours and dead; which these were."""
    dead = [held for held in held_locks(engine) if held.verdict is Verdict.RELEASE]
    if dead:
        with engine.workdir.alone():
            settle_locks(engine)
    return dead


def free_slots(instance: DagsterInstance) -> list[str]:
    """Give back the pool slots of runs that are over or gone; what was freed, as `pool: run`."""
    storage, freed = instance.event_log_storage, []
    for pool in sorted(storage.get_concurrency_keys()):
        info = storage.get_concurrency_info(pool)
        for run_id in sorted(info.active_run_ids | info.assigned_run_ids | info.pending_run_ids):
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
                freed.append(f"{pool}: {run_id}")
    return freed


def terraform_lock_checks(
    assets: Iterable[object], terraform: TerraformCliResource | None = None, name: str = "locks"
) -> AssetChecksDefinition:
    """Define the check `lock` on the first unit of each stack among the assets: whether somebody dead holds its state.

    Args:
        assets: definitions; those of other kinds, and stacks whose state is not in S3, are left alone.
        terraform: the resource the assets are run with, for its account.
        name: the op's.

    Looking is the op's, watching `terraform_lock_sensor`'s. Raises InvalidRoot where no stack has its state in S3.
    """
    keys, resource = _first_units(assets, "terraform_lock_checks"), terraform or TerraformCliResource()
    description = "No run that is dead, and nobody for hours, holds the lock of this stack's state."

    @multi_asset_check(
        name=name,
        specs=[AssetCheckSpec(LOCK, asset=key, description=description) for key in keys.values()],
        can_subset=True,
    )
    def locks(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        selected = {key.asset_key for key in context.op_execution_context.selected_asset_check_keys}
        with told_plainly():
            stale = stale_rows(rows_of(_engines(resource, list(keys)), context.instance))
        for stack, key in keys.items():
            if key in selected:
                yield AssetCheckResult(asset_key=key, check_name=LOCK, **_verdict(stale.get(stack.name)))

    return locks


def terraform_lock_sensor(
    assets: Iterable[object], terraform: TerraformCliResource | None = None, name: str = "stale_locks"
) -> SensorDefinition:
    """A sensor that reports a stale lock as a failed check `lock`, and that it is gone; it writes nothing between.

    Args:
        assets, terraform: as for `terraform_lock_checks`, which defines the checks.
        name: the sensor's.
    """
    keys, resource = _first_units(assets, "terraform_lock_sensor"), terraform or TerraformCliResource()

    @sensor(
        name=name,
        description="Watches the state locks: a stale one fails the check `lock` of its stack.",
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_EVERY_SECONDS,
    )
    def stale_locks(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        try:
            with told_as_ours():
                stale = stale_rows(rows_of(_engines(resource, list(keys)), context.instance))
        except BuildkitError as error:
            return SkipReason(str(error))
        return _changes({stack.name: key for stack, key in keys.items()}, stale, context.cursor)

    return stale_locks


def terraform_release_job(
    assets: Iterable[object], terraform: TerraformCliResource | None = None, name: str = RELEASE_JOB
) -> JobDefinition:
    """A job that releases dead locks of ours and gives back pool slots of runs that are over.

    Args:
        assets: definitions; those of other kinds are left alone.
        terraform: the resource the assets are run with, for its account.
        name: the job's.
    """
    stacks, resource = stacks_in(assets)[0], terraform or TerraformCliResource()

    @op(name="release_locks")
    def release_locks(context: OpExecutionContext) -> None:
        with told_plainly():
            engines = _engines(resource, stacks)
            for engine in engines:
                for held in release_dead(engine):
                    context.log.info(f"Released: {held.stack}, {held.lock}")
            for row in rows_of(engines, context.instance):
                context.log.warning(f"Left: {row}")
        for freed in free_slots(context.instance):
            context.log.info(f"Freed a pool slot: {freed}")

    @job(name=name, executor_def=in_process_executor, description="Release stale locks and pool slots.")
    def release_stale_locks() -> None:
        release_locks()

    return release_stale_locks


def stale_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """The stale lock of each stack that has one."""
    return {row.held.stack: row for row in rows if row.is_stale}


def _changes(keys: Mapping[str, AssetKey], stale: dict[str, Row], cursor: str | None) -> SensorResult | SkipReason:
    before: dict[str, str] = json.loads(cursor or "{}")
    now = {stack: f"{row.held.lock.id} {row.held.verdict.name}" for stack, row in stale.items()}
    changed = [stack for stack in keys if now.get(stack) != before.get(stack)]
    if not changed:
        return SkipReason("nothing changed: " + (f"stale locks on {', '.join(now)}" if now else "no stale lock"))
    events = [
        AssetCheckEvaluation(asset_key=keys[stack], check_name=LOCK, **_verdict(stale.get(stack))) for stack in changed
    ]
    return SensorResult(asset_events=events, cursor=json.dumps(now))


def _verdict(row: Row | None) -> dict[str, Any]:
    """What a check says: WARN where the next run or one click helps, ERROR where a person must."""
    if row is None:
        return {"passed": True, "metadata": {}}
    severity = AssetCheckSeverity.ERROR if row.needs_a_person else AssetCheckSeverity.WARN
    lock = row.held.lock
    metadata = {"lock": lock.id, "held_by": lock.who, "since": lock.created, "what_to_do": row.held.advice}
    return {"passed": False, "severity": severity, "description": str(row), "metadata": metadata}


def _row(held: Held, instance: DagsterInstance | None) -> Row:
    run = instance.get_run_by_id(held.holder.run) if instance is not None and held.holder else None
    return Row(held, run.status.value if run else None, run.is_finished if run else False)


def _engines(terraform: TerraformCliResource, stacks: Sequence[TerraformStack]) -> list[Engine]:
    """Of the stacks whose state is, or will be, in a bucket."""
    return [terraform.engine(stack) for stack in stacks if isinstance(stack.backend, S3Backend)]


def _first_units(assets: Iterable[object], wanted_by: str) -> dict[TerraformStack, AssetKey]:
    """The asset that carries the check of each stack whose state is in S3: its first unit."""
    stacks, keys = stacks_in(assets)
    found = {stack: keys[stack.name, stack.root.names[0]] for stack in stacks if isinstance(stack.backend, S3Backend)}
    if not found:
        raise InvalidRoot(wanted_by, "was given no stack whose state is in S3; only there a lock can stay behind")
    return found
