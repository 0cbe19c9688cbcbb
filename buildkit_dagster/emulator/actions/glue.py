"""Glue: UpdateCrawler, UpdateConnection, DeleteConnection, BatchStopJobRun, and the type of a connection.

Crawlers and jobs do not run here; starting one is refused in `refusal`.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import FakeConnection
from moto.glue.responses import GlueResponse

from buildkit_dagster.emulator.actions import replace

_CONNECTION = ("ConnectionType", "MatchCriteria")
_STOPPABLE = ("STARTING", "RUNNING", "WAITING")


def install() -> None:
    """Add the actions moto lacks; answer a connection's type."""
    moto_connection = FakeConnection.as_dict

    def as_dict(self: FakeConnection, hide_password: bool = False) -> dict[str, Any]:
        kept = {name: self.connection_input[name] for name in _CONNECTION if name in self.connection_input}
        return moto_connection(self, hide_password) | kept

    replace(FakeConnection, as_dict)
    replace(GlueResponse, update_crawler, update_connection, delete_connection, batch_stop_job_run)


def update_crawler(self: GlueResponse) -> ActionResult:
    """Replace the members that are given; the others stay."""
    given = dict(self.parameters)
    crawler = self.glue_backend.get_crawler(given.pop("Name"))
    for name, value in given.items():
        setattr(crawler, camelcase_to_underscores(name), value)
    crawler.last_updated = utcnow()
    crawler.version += 1
    return EmptyResult()


def update_connection(self: GlueResponse) -> ActionResult:
    """Replace a connection's definition, as AWS does: what is not given is gone."""
    backend, name, given = self.glue_backend, self._get_param("Name"), self._get_param("ConnectionInput")
    old = backend.connections.get(name)
    if old is None:
        raise EntityNotFoundException(f"Connection {name} not found.")
    tags = backend.get_tags(old.arn)
    new = FakeConnection(backend, old.catalog_id, {**given, "Name": name}, tags)
    new.created_time = old.created_time
    backend.connections[name] = new
    return EmptyResult()


def delete_connection(self: GlueResponse) -> ActionResult:
    """Remove a connection."""
    name = self._get_param("ConnectionName")
    if self.glue_backend.connections.pop(name, None) is None:
        raise EntityNotFoundException(f"Connection {name} not found.")
    return EmptyResult()


def batch_stop_job_run(self: GlueResponse) -> ActionResult:
    """Stop the runs that still run; the others come back as errors."""
    name = self._get_param("JobName")
    runs = {run.job_run_id: run for run in self.glue_backend.get_job(name).job_runs}
    stopped, errors = [], []
    for run_id in self._get_param("JobRunIds"):
        run: Any = runs.get(run_id)
        entry = {"JobName": name, "JobRunId": run_id}
        if run is not None and run.status in _STOPPABLE:
            run.status = "STOPPED"
            stopped.append(entry)
        else:
            said = f"it is {run.status}" if run else "there is no such run"
            errors.append({**entry, "ErrorDetail": {"ErrorCode": "JobRunNotStoppable", "ErrorMessage": said}})
    return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})
