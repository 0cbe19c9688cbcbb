"""A run from the command line: created from the definitions, put into the instance's queue, followed to its end.

The queue's daemon starts it, as it starts every other run. Starting a daemon is in `services.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import AssetSelection, DagsterInstance, DagsterRun, Definitions, JobDefinition
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.errors import DagsterInvalidSubsetError
from dagster._core.events.log import EventLogEntry
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT, JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from buildkit_dagster.errors import EmptySelection, InvalidSelection, RunNotTaken, UnknownJob, UnknownPartition

_MODULE, _ATTRIBUTE = "buildkit_dagster.definitions", "defs"
_PARTITION_TAG = "dagster/partition"
_POLL_SECONDS = 0.4


def job_names(definitions: Definitions) -> list[str]:
    """The platform's own jobs, sorted."""
    names = (job.name for job in definitions.resolve_all_job_defs())
    return sorted(name for name in names if not name.startswith(IMPLICIT_ASSET_JOB_NAME))


def submit(
    definitions: Definitions,
    instance: DagsterInstance,
    workspace: Path,
    job_name: str,
    *,
    partition: str | None = None,
    selection: str | None = None,
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, Any] | None = None,
) -> DagsterRun:
    """Create a run of `job_name` and queue it; `selection` is Dagster's selection syntax, within the job."""
    if job_name not in job_names(definitions):
        raise UnknownJob(job_name, job_names(definitions))
    job = definitions.resolve_job_def(job_name)
    if partition is not None:
        _check_partition(definitions, instance, job, partition)
    run = instance.create_run_for_job(
        job_def=job,
        run_config=run_config,
        tags={**job.tags, **(tags or {}), **({_PARTITION_TAG: partition} if partition else {})},
        asset_selection=_selected(definitions, job, selection) if selection else None,
        remote_job_origin=_remote_origin(workspace, job_name),
        job_code_origin=_code_origin(job_name),
    )
    # The queue needs no workspace: the daemon finds the code by the run's origin.
    return instance.submit_run(run.run_id, None)  # type: ignore[arg-type]


def follow(instance: DagsterInstance, run_id: str, queue_timeout: float = 300.0) -> Iterator[EventLogEntry]:
    """The run's events as they are written, until it is finished; raises when nobody takes it from the queue."""
    cursor: str | None = None
    started = time.monotonic()
    while True:
        finished = _run(instance, run_id).is_finished
        page = instance.get_records_for_run(run_id, cursor=cursor, limit=1000)
        cursor = page.cursor
        yield from (record.event_log_entry for record in page.records)
        if finished and not page.records:
            return
        if page.records:
            continue
        if time.monotonic() - started > queue_timeout and _run(instance, run_id).status.value == "QUEUED":
            raise RunNotTaken(run_id, queue_timeout)
        time.sleep(_POLL_SECONDS)


def succeeded(instance: DagsterInstance, run_id: str) -> bool:
    return _run(instance, run_id).is_success


def _run(instance: DagsterInstance, run_id: str) -> DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None, run_id
    return run


def _check_partition(definitions: Definitions, instance: DagsterInstance, job: JobDefinition, partition: str) -> None:
    graph = definitions.resolve_asset_graph()
    partitioned = [each for key in job.asset_layer.selected_asset_keys if (each := graph.get(key).partitions_def)]
    known = sorted({key for each in partitioned for key in each.get_partition_keys(dynamic_partitions_store=instance)})
    if partition not in known:
        raise UnknownPartition(partition, job.name, known)


def _selected(definitions: Definitions, job: JobDefinition, selection: str) -> frozenset:
    graph = definitions.resolve_asset_graph()
    try:
        keys = AssetSelection.from_string(selection).resolve(graph) & job.asset_layer.selected_asset_keys
    except DagsterInvalidAssetSelectionError:
        raise InvalidSelection(selection) from None
    except DagsterInvalidSubsetError:
        raise EmptySelection(selection, job.name) from None
    if not keys:
        raise EmptySelection(selection, job.name)
    return frozenset(keys)


def _remote_origin(workspace: Path, job_name: str) -> RemoteJobOrigin:
    (location,) = location_origins_from_yaml_paths([str(workspace)])
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name)


def _code_origin(job_name: str) -> JobPythonOrigin:
    pointer = ModuleCodePointer(_MODULE, _ATTRIBUTE, None)
    return JobPythonOrigin(
        job_name, RepositoryPythonOrigin(sys.executable, pointer, entry_point=DEFAULT_DAGSTER_ENTRY_POINT)
    )
