"""A run's events as lines people read: all of them for `launch`, what was made and what failed for the demo.

Reading events is in `launch.py` and `watch.py`, printing them is the caller's.
"""

from __future__ import annotations

import logging

from dagster import DagsterEvent, DagsterEventType, DagsterRun
from dagster._core.events.log import EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from buildkit_dagster.naming import key_text

#: Events about Dagster's own workings.
_SILENT = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.RUN_ENQUEUED,
    DagsterEventType.RUN_STARTING,
    DagsterEventType.RESOURCE_INIT_STARTED,
    DagsterEventType.RESOURCE_INIT_SUCCESS,
    DagsterEventType.HANDLED_OUTPUT,
    DagsterEventType.LOADED_INPUT,
    DagsterEventType.STEP_OUTPUT,
    DagsterEventType.STEP_INPUT,
    DagsterEventType.LOGS_CAPTURED,
    DagsterEventType.STEP_WORKER_STARTING,
    DagsterEventType.STEP_WORKER_STARTED,
}
_OF_THE_RUN = (DagsterEventType.RUN_START, DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE)


def full_line(entry: EventLogEntry) -> str | None:
    """The event as it stands in the run's log; None for debug lines and events about Dagster's own workings."""
    event = entry.dagster_event
    if event is None and entry.level == logging.DEBUG:  # I/O managers tell where on this machine they write
        return None
    if event is not None and (event.event_type in _SILENT or _is_quiet_engine_event(event)):
        return None
    step = f"{entry.step_key}: " if entry.step_key else ""
    if event is not None and event.event_type is DagsterEventType.STEP_FAILURE:
        return f"{step}failed: {cause_of(event)}"
    if event is not None and event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
        return f"{step}materialized {_materialized_with_partition(entry)}"
    if event is not None and event.is_engine_event and event.engine_event_data.error is not None:
        return f"{step}{event.message} {innermost(event.engine_event_data.error)}"
    return f"{step}{entry.user_message or (event.message if event else '')}" or None


def short_line(run: DagsterRun, entry: EventLogEntry) -> str | None:
    """One line per materialization, check that did not pass, failed step, start and end of a run."""
    event = entry.dagster_event
    if event is None:
        return None
    if event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
        return f"  {_materialized_with_partition(entry)}"
    if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        return None if check.passed else f"  check {check.check_name} of {key_text(check.asset_key.path)} did not pass"
    if event.event_type is DagsterEventType.STEP_FAILURE:
        return f"  {entry.step_key} failed: {cause_of(event)}"
    if event.event_type in _OF_THE_RUN:
        return f"{run.job_name} ({run.run_id[:8]}): {event.event_type.value.removeprefix('PIPELINE_').lower()}"
    return None


def materialized(entry: EventLogEntry) -> str | None:
    """The key of the asset the event materializes, written a/b/c."""
    event = entry.dagster_event
    if event is None or event.event_type is not DagsterEventType.ASSET_MATERIALIZATION or event.asset_key is None:
        return None
    return key_text(event.asset_key.path)


def _materialized_with_partition(entry: EventLogEntry) -> str:
    partition = entry.dagster_event.partition if entry.dagster_event else None
    return f"{materialized(entry)} [{partition}]" if partition else str(materialized(entry))


def cause_of(event: DagsterEvent) -> str:
    """The innermost error of a failed step, without the name of its class."""
    return innermost(event.step_failure_data.error)


def innermost(error: SerializableErrorInfo | None) -> str:
    """The message of the error that caused all others."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "no error was recorded"
    return error.message.strip().removeprefix("dagster._core.definitions.events.Failure: ")


def _is_quiet_engine_event(event: DagsterEvent) -> bool:
    return event.is_engine_event and event.engine_event_data.error is None
