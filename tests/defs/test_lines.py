"""The lines of a run that `buildkit launch --wait` prints, taken from the log of a real run."""

from pathlib import Path

from dagster import DagsterInstance, OpExecutionContext, fs_io_manager, job, op

from buildkit_dagster.defs.lines import full_line


@op
def digest(context: OpExecutionContext) -> str:
    context.log.debug("what only a developer asks for")
    context.log.info("planned")
    return "d1"


@op
def reading(context: OpExecutionContext, digest: str) -> None:
    context.log.warning(f"read {digest}")


@job(resource_defs={"io_manager": fs_io_manager})
def handing_on() -> None:
    reading(digest())


def test_debug_lines_and_the_paths_in_them_are_not_told(tmp_path: Path) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = handing_on.execute_in_process(instance=instance)
        entries = instance.all_logs(run.run_id)
    assert any(str(tmp_path) in entry.user_message for entry in entries), "Dagster tells no path any more"
    told = [line for entry in entries if (line := full_line(entry))]
    assert [line for line in told if str(tmp_path) in line or "developer" in line] == []
    assert {"digest: planned", "reading: read d1"} <= set(told)
