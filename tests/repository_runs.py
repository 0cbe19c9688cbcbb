"""A job's run in this process with its whole repository behind it, as a run worker has it; and why it failed."""

from dagster import DagsterInstance, Definitions
from dagster._core.definitions.job_base import RepoBackedJob
from dagster._core.execution.execute_in_process import core_execute_in_process


def error_of(definitions: Definitions, job: str, instance: DagsterInstance) -> str:
    """The complete error of the first step that failed; empty when the run succeeded."""
    run = core_execute_in_process(
        run_config={},
        job=RepoBackedJob(job, definitions.get_repository_def()),
        instance=instance,
        output_capturing_enabled=False,
        raise_on_error=False,
    )
    failures = [event.step_failure_data for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
    if run.success:
        return ""
    data = failures[0].user_failure_data
    return (data.description or "") if data else failures[0].error.message
