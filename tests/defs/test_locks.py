"""Who holds a lock, as the command, the check and the sensor tell it; dead locks and slots that one job gives back."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    SensorResult,
    SkipReason,
    build_sensor_context,
    define_asset_job,
)

from buildkit_dagster import (
    DagsterTerraformTranslator,
    TerraformCliResource,
    TerraformStack,
    terraform_lock_checks,
    terraform_lock_sensor,
    terraform_release_job,
)
from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.infra import engine_of, terraform_stacks
from buildkit_dagster.defs.locks import free_slots, locks_of, release_dead, rows_of
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import InvalidRoot
from buildkit_dagster.naming import command_use
from buildkit_dagster.process import signal_group, start, started_at
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.holders import Holder, read_holder, remove_holder, write_holder
from buildkit_dagster.terraform.journal import open_journal, who
from buildkit_dagster.terraform.rendered_root import ModuleCall, S3Backend
from tests.emulator.helpers import until
from tests.scenario import edited, write_platform
from tests.terraform_runs import REGION, assets_of, copy_root, emulated_stack

RUN = "0a0a0a0a-0000-0000-0000-000000000000"


@dataclass
class Locked:
    """A stack with a lock on its state and the record of who took it."""

    engine: Engine
    backend: S3Backend

    def lock(self, id: str = "lock-1", who: str = "ann@laptop", minutes: float = 5, run: str = RUN) -> None:
        created = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
        info = {"ID": id, "Operation": "OperationTypeApply", "Who": who, "Created": created}
        self.engine.s3.put_object(Bucket=self.backend.bucket, Key=self._key, Body=json.dumps(info))
        write_holder(self.backend, self.engine.s3, Holder(id, run, "laptop", "ann", 7, created))

    def unlock(self) -> None:
        self.engine.s3.delete_object(Bucket=self.backend.bucket, Key=self._key)

    def journal(self, pid: int, mark: str | None) -> None:
        open_journal(self.engine.workdir.journal, "run", pid, mark, {}, {}).with_lock("lock-1")

    @property
    def is_locked(self) -> bool:
        found = self.engine.s3.list_objects_v2(Bucket=self.backend.bucket).get("Contents", [])
        return self._key in {item["Key"] for item in found}

    @property
    def _key(self) -> str:
        return f"{self.backend.key}.tflock"


@pytest.fixture
def locked(tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any], request: pytest.FixtureRequest) -> Locked:
    (tmp_path / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    bucket = f"locks-{abs(hash(request.node.name)) % 10**8}"
    boto("s3").create_bucket(Bucket=bucket)
    stack = emulated_stack("held", bucket, tmp_path / "work", ModuleCall("only", "store", {"name": "held"}))
    engine = Engine(stack, Aws(read_environment(), REGION, tmp_path / "emulator.json"), run="here", tell=lambda _: None)
    assert isinstance(stack.backend, S3Backend)
    return Locked(engine, stack.backend)


def test_a_foreign_lock_is_told_with_its_run_left_alone_and_stale_only_when_it_is_old(locked: Locked) -> None:
    locked.lock()
    (row,) = rows_of([locked.engine], None)
    assert f"held: held by ann@laptop since {row.held.lock.created}" in str(row)
    assert f"Dagster run {RUN} (not known here)" in str(row)
    assert "force-unlock lock-1" in str(row)
    assert (row.data()["verdict"], row.is_stale) == ("foreign", False)
    assert release_dead(locked.engine) == []
    locked.lock(minutes=90)
    (row,) = rows_of([locked.engine], None)
    assert (row.is_stale, row.needs_a_person, locked.is_locked) == (True, True, True)


def test_a_lock_of_a_command_is_told_as_that_and_not_as_a_run(locked: Locked) -> None:
    locked.lock(run=command_use("plan"))
    with DagsterInstance.ephemeral() as instance:
        (row,) = rows_of([locked.engine], instance)
    assert ", `buildkit plan` (process 7 on laptop); " in str(row)
    assert "Dagster run" not in str(row)


def test_a_lock_whose_run_is_over_needs_a_person(locked: Locked) -> None:
    locked.lock()
    with DagsterInstance.ephemeral() as instance:
        instance.add_run(_finished_run())
        (row,) = rows_of([locked.engine], instance)
    assert (row.run_status, row.needs_a_person) == ("FAILURE", True)


def test_a_lock_of_ours_is_waited_for_while_its_terraform_lives_and_released_when_it_is_dead(locked: Locked) -> None:
    locked.lock(who=who())
    locked.journal(os.getpid(), started_at(os.getpid()))
    (row,) = rows_of([locked.engine], None)
    assert (row.data()["verdict"], row.is_stale) == ("wait", False)
    assert (release_dead(locked.engine), locked.is_locked) == ([], True)
    locked.journal(2**22 + 1, "0")
    (row,) = rows_of([locked.engine], None)
    assert (row.data()["verdict"], row.is_stale, row.needs_a_person) == ("release", True, False)
    assert [held.lock.id for held in release_dead(locked.engine)] == ["lock-1"]
    assert not locked.is_locked


def test_whoever_has_locks_of_a_platform_released_is_told_which(
    tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any]
) -> None:
    edited(write_platform(tmp_path), "config/platform.yaml", "name: harbour", "name: released")
    platform, process, said = load_platform(tmp_path, "dev"), read_environment(), list[str]()
    platform.work.mkdir(parents=True)
    (platform.work / "emulator.json").write_text(json.dumps({"endpoint": emulator.endpoint}))
    boto("s3").create_bucket(Bucket=platform.names.state_bucket())
    (lake,) = (stack for stack in terraform_stacks(platform) if stack.name == "lake")
    engine = engine_of(platform, lake, process)
    assert isinstance(lake.backend, S3Backend)
    dead = Locked(engine, lake.backend)
    dead.lock(who=who())
    dead.journal(2**22 + 1, "0")
    assert locks_of(platform, process, said.append, release=True) == []
    (line,) = said
    assert line.startswith("Releasing the lock of a Terraform of ours that is dead: ")
    assert line.endswith(", lock lock-1)")


def test_a_holders_record_counts_for_its_own_lock_and_is_removed_by_whoever_wrote_it_only(locked: Locked) -> None:
    s3 = locked.engine.s3
    first = write_holder(locked.backend, s3, Holder("lock-1", RUN, "laptop", "ann", 7, "2026-11-24T10:00:00+00:00"))
    second = write_holder(locked.backend, s3, Holder("lock-2", RUN, "laptop", "ann", 8, "2026-11-24T10:00:01+00:00"))
    assert read_holder(locked.backend, s3, "lock-1") is None
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        remove_holder(locked.backend, s3, first)
    assert read_holder(locked.backend, s3, "lock-2") is not None
    remove_holder(locked.backend, s3, second)
    assert read_holder(locked.backend, s3, "lock-2") is None


def test_the_job_releases_what_is_dead_and_ours_and_names_what_it_leaves(locked: Locked) -> None:
    job = terraform_release_job([assets_of(locked.engine.stack)], TerraformCliResource(aws=locked.engine.cloud))

    def logged() -> list[str]:
        with DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance)
            records = instance.all_logs(result.run_id)
        return [entry.user_message for entry in records if entry.user_message.startswith(("Released", "Left"))]

    locked.lock(who=who())
    locked.journal(2**22 + 1, "0")
    (told,) = logged()
    assert told.startswith("Released: held, ")
    assert "lock lock-1" in told
    assert not locked.is_locked
    locked.lock(id="lock-2", minutes=90)
    (told,) = logged()
    assert told.startswith("Left: held: held by ann@laptop")
    assert "force-unlock lock-2" in told
    assert locked.is_locked


def test_the_sensor_fails_the_check_when_a_lock_becomes_stale_passes_it_when_that_is_gone_and_writes_nothing_between(
    locked: Locked,
) -> None:
    sensor = terraform_lock_sensor([assets_of(locked.engine.stack)], TerraformCliResource(aws=locked.engine.cloud))
    with DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> Any:
            return sensor(build_sensor_context(instance=instance, cursor=cursor))

        assert tick(None).skip_message == "nothing changed: no stale lock"
        locked.lock(minutes=90)
        first = tick(None)
        (event,) = first.asset_events
        assert (event.passed, event.check_name, event.severity.value) == (False, "lock", "ERROR")
        assert event.asset_key == AssetKey(["infra", "held", "only"])
        assert "force-unlock lock-1" in event.metadata["what_to_do"].value
        assert tick(first.cursor).skip_message == "nothing changed: stale locks on held"
        locked.unlock()
        gone = tick(first.cursor)
        (event,) = gone.asset_events
        assert event.passed
        assert tick(gone.cursor).skip_message == "nothing changed: no stale lock"


def test_the_check_looks_at_the_locks_itself(locked: Locked) -> None:
    checks = terraform_lock_checks([assets_of(locked.engine.stack)], TerraformCliResource(aws=locked.engine.cloud))
    job = Definitions(
        asset_checks=[checks], jobs=[define_asset_job("look", AssetSelection.all_asset_checks())]
    ).resolve_job_def("look")

    def looked() -> AssetCheckEvaluation:
        with DagsterInstance.ephemeral() as instance:
            (found,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
        return found

    locked.lock()
    assert looked().passed
    locked.lock(who=who())
    locked.journal(2**22 + 1, "0")
    found = looked()
    assert (found.passed, found.severity.value, found.check_name) == (False, "WARN", "lock")
    assert "`buildkit locks --release`" in str(found.description)


class Ours(DagsterTerraformTranslator):
    def get_asset_spec(self, stack: TerraformStack, unit: str) -> AssetSpec:
        return super().get_asset_spec(stack, unit).replace_attributes(key=["ours", unit])


def test_a_root_of_ones_own_has_the_check_and_its_sensor_under_the_keys_of_its_assets(
    locked: Locked, tmp_path: Path
) -> None:
    root, local, key = copy_root("spaces", tmp_path), copy_root("slow", tmp_path), AssetKey(["ours", "root"])
    settings = {"bucket": locked.backend.bucket, "key": locked.backend.key, "region": REGION, "use_path_style": True}
    (root / "backend.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": settings}}}))
    assets = [assets_of(TerraformStack(root), translator=Ours()), assets_of(TerraformStack(local)), AssetSpec("other")]
    terraform = TerraformCliResource(aws=locked.engine.cloud)
    checks, sensor = terraform_lock_checks(assets, terraform), terraform_lock_sensor(assets, terraform)
    definitions = Definitions(assets, asset_checks=[checks], sensors=[sensor], resources={"terraform": terraform})
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection=set(checks.check_keys)
    )
    with DagsterInstance.ephemeral() as instance:

        def look() -> tuple[AssetKey, bool]:
            (said,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
            return said.asset_key, said.passed

        def tick(cursor: str | None = None) -> SensorResult | SkipReason:
            return sensor(build_sensor_context(instance, cursor=cursor))  # type: ignore[return-value]

        assert (look(), type(tick())) == ((key, True), SkipReason)
        locked.lock(minutes=90)
        first = tick()
        assert isinstance(first, SensorResult)
        assert [(event.asset_key, event.passed) for event in first.asset_events] == [(key, False)]
        assert "spaces: held by ann@laptop" in str(first.asset_events[0].description)
        assert (look(), type(tick(first.cursor))) == ((key, False), SkipReason)
    for made in (terraform_lock_checks, terraform_lock_sensor):
        with pytest.raises(InvalidRoot, match="no stack whose state is in S3"):
            made(assets[1:])


def test_a_killed_workers_pool_slot_is_given_back_once_its_run_is_over(tmp_path: Path) -> None:
    root, home = copy_root("slow", tmp_path), tmp_path / "home"
    home.mkdir()
    with DagsterInstance.local_temp(str(home)) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("terraform_slow", 1)
        argv = [sys.executable, "-m", "tests.cancel_worker", str(root), str(home)]
        worker = start(argv, cwd=Path(__file__).parents[2], env=dict(os.environ), stdout=tmp_path / "worker.txt")
        until(lambda: storage.get_concurrency_info("terraform_slow").active_run_ids or worker.poll() is not None, bool)
        assert worker.poll() is None, worker.stdout.read_text()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        for events in (root / ".buildkit" / "journal").glob("*.json"):
            signal_group(json.loads(events.read_text())["pid"], signal.SIGKILL)
        (run,) = instance.get_runs()
        assert free_slots(instance) == []
        instance.report_run_failed(run)
        assert free_slots(instance) == [f"terraform_slow: {run.run_id}"]
        assert storage.get_concurrency_info("terraform_slow").active_slot_count == 0


def _finished_run() -> Any:
    return DagsterRun(job_name="stack_held", run_id=RUN, status=DagsterRunStatus.FAILURE)
