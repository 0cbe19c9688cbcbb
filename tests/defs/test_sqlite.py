"""Dagster's SQLite files between two events of one op."""

from pathlib import Path

from dagster import AssetKey, AssetMaterialization, DagsterInstance, OpExecutionContext, job, op

from buildkit_dagster.defs.instance import open_instance
from buildkit_dagster.defs.sqlite import held_open


def logs_left(home: Path) -> set[str]:
    """Write-ahead logs that SQLite has not written back and removed."""
    return {file.name.removesuffix("-wal") for file in (home / "history" / "runs").glob("*.db-wal")}


def test_an_event_does_not_cost_the_end_of_a_write_ahead_log_while_the_files_are_held_open(tmp_path: Path) -> None:
    left: list[set[str]] = []

    @op
    def tell(context: OpExecutionContext) -> None:
        context.log_event(AssetMaterialization("before"))
        left.append(logs_left(tmp_path))
        with held_open(context.instance, context.run_id):
            for number in range(3):
                context.log_event(AssetMaterialization(f"held_{number}"))
                left.append(logs_left(tmp_path))
        context.log_event(AssetMaterialization("after"))
        left.append(logs_left(tmp_path))

    @job
    def telling() -> None:
        tell()

    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = telling.execute_in_process(instance=instance)
        both = {f"{run.run_id}.db", "index.db"}
        assert left == [set(), both, both, both, set()]
        for name in ("before", "held_0", "held_1", "held_2", "after"):
            assert instance.get_latest_materialization_event(AssetKey(name)) is not None


def test_the_files_of_runs_and_ticks_keep_their_write_ahead_logs_while_an_instance_is_open(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        other = [DagsterInstance.from_config(str(tmp_path)) for _ in range(2)]
        assert [each.get_runs() for each in (instance, *other)] == [[], [], []]
        assert {file.name for file in tmp_path.glob("*/*.db-wal")} == {"runs.db-wal", "schedules.db-wal"}
    # With nobody else there the next one to look removes it again, as for each of them before.
    assert DagsterInstance.from_config(str(tmp_path)).get_runs() == []
    assert not (tmp_path / "history" / "runs.db-wal").exists()


def test_storages_that_are_not_in_files_are_left_alone() -> None:
    with DagsterInstance.ephemeral() as instance, held_open(instance, "no_run"):
        assert not instance.has_run("no_run")
