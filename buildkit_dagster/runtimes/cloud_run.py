"""A job as one execution of a Cloud Run job: the request, its start, what became of it, and its end.

Everything here takes a REST client and plain data. Following the execution inside a Pipes session is
`defs/pipes/cloud_run.py`'s, what the container does is its entrypoint's.
https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildkit_dagster.cloud.google_failures import told_as_ours
from buildkit_dagster.errors import (
    GoogleJobDeadlinePassed,
    GoogleJobFailed,
    GoogleJobNotPlaced,
    GoogleJobNotStarted,
    GoogleJobStopped,
    GoogleRefused,
    GoogleUnavailable,
)

#: What an execution carries so that a later run knows whose it is.
RUN, ATTEMPT = "BUILDKIT_RUN_ID", "BUILDKIT_ATTEMPT"

#: Reasons of an execution that could not start which pass by themselves (`Condition.reason` in the reference).
_TRANSIENT = ("IMMEDIATE_RETRY", "INTERNAL", "POSTPONED_RETRY", "WAITING_FOR_OPERATION")


@dataclass(frozen=True)
class ExecutionRequest:
    """Which job to execute, by its full name `projects/P/locations/L/jobs/J`.

    `deadline` is in seconds from its start; `run` is the Dagster run it belongs to.
    """

    job: str
    deadline: float
    run: str
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def title(self) -> str:
        return f"Cloud Run job {self.job.rsplit('/', 1)[-1]}"

    def body(self, variables: Mapping[str, str]) -> dict[str, Any]:
        """The body of `jobs.run`; the task ends itself at its deadline, also when nobody follows it any more."""
        env = {**variables, RUN: self.run, ATTEMPT: self.attempt}
        override = {"env": [{"name": name, "value": value} for name, value in sorted(env.items())]}
        return {"overrides": {"containerOverrides": [override], "timeout": f"{self.deadline:.0f}s", "taskCount": 1}}


class Executions:
    """The executions of one request's job, through a REST client of Cloud Run."""

    def __init__(self, client: Any, request: ExecutionRequest) -> None:
        jobs = client.projects().locations().jobs()
        self._jobs, self._executions = jobs, jobs.executions()
        self._request = request
        self._asked = False

    def start(self, variables: Mapping[str, str]) -> str:
        """Start one; its full name. Raises `GoogleJobNotStarted`, or `GoogleJobNotPlaced` when it can succeed later.

        Where no answer came, it may have been started all the same: it is looked for by its attempt before it is asked
        for again, so that there are never two.
        """
        title, body = self._request.title, self._request.body(variables)
        try:
            if self._asked and (found := self.own()):
                return found
            with told_as_ours(f"start {title}"):
                operation = self._jobs.run(name=self._request.job, body=body).execute()
            return str(operation["metadata"]["name"])
        except GoogleUnavailable as error:
            self._asked = self._asked or error.code != 429
            raise GoogleJobNotPlaced(title, str(error)) from None
        except GoogleRefused as error:
            raise GoogleJobNotStarted(title, str(error)) from None

    def describe(self, name: str) -> Mapping[str, Any]:
        """The execution as Cloud Run describes it now."""
        with told_as_ours(f"describe {short(name)}"):
            found: Mapping[str, Any] = self._executions.get(name=name).execute(num_retries=2)
        return found

    def cancel(self, name: str, wait: float = 60.0) -> bool:
        """Cancel it, then wait until its task has ended; False when it had not after `wait` seconds."""
        try:
            with told_as_ours(f"cancel {short(name)}"):
                self._executions.cancel(name=name, body={}).execute(num_retries=3)
        except GoogleRefused as error:
            if error.code != 400:  # It has ended already.
                raise
        deadline = time.monotonic() + wait
        while not is_over(self.describe(name)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def left_behind(self, has_ended: Callable[[str], bool]) -> list[str]:
        """Unfinished executions of this run's earlier attempts, and of runs that are over, as after a killed worker."""
        return [
            execution["name"]
            for execution in self._all()
            if not is_over(execution)
            and (run := variable(execution, RUN))
            and variable(execution, ATTEMPT) != self._request.attempt
            and (run == self._request.run or has_ended(run))
        ]

    def check_result(self, execution: Mapping[str, Any], tail: Sequence[str]) -> None:
        """Raise what an execution that is over says: nothing when it succeeded."""
        condition, title = _completion(execution), self._request.title
        if condition.get("state") == "CONDITION_SUCCEEDED":
            return
        name, reason = short(execution["name"]), condition.get("message") or "no reason was given"
        if condition.get("executionReason") in ("CANCELLED", "CANCELLING"):
            raise GoogleJobStopped(title, name, "it was cancelled in Google Cloud", console_link(execution["name"]))
        if "startTime" not in execution:
            why = condition.get("reason", "UNKNOWN")
            raise (GoogleJobNotPlaced if why in _TRANSIENT else GoogleJobNotStarted)(title, f"{why}: {reason}")
        if _seconds(execution) >= self._request.deadline:
            raise GoogleJobDeadlinePassed(title, name, self._request.deadline)
        raise GoogleJobFailed(
            title, name, self._exit_code(execution["name"]), reason, tail, console_link(execution["name"])
        )

    def _exit_code(self, execution: str) -> int | None:
        """Of its one task; 128 and the signal's number where it was ended by one."""
        try:
            with told_as_ours(f"list the tasks of {short(execution)}"):
                tasks = self._executions.tasks().list(parent=execution).execute()["tasks"]
        except (GoogleRefused, GoogleUnavailable, KeyError):
            return None
        result = tasks[0].get("lastAttemptResult", {}) if tasks else {}
        signal = result.get("termSignal")
        code: int | None = 128 + signal if signal else result.get("exitCode")
        return code

    def own(self) -> str | None:
        """The execution of this attempt, where there is one; one that never began counts for none."""
        mine = (item for item in self._all() if variable(item, ATTEMPT) == self._request.attempt)
        return next((item["name"] for item in mine if "startTime" in item or not is_over(item)), None)

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """Newest first; Cloud Run keeps the last thousand."""
        with told_as_ours(f"list the executions of {self._request.title}"):
            request = self._executions.list(parent=self._request.job, pageSize=100)
            while request is not None:
                page = request.execute(num_retries=3)
                yield from page.get("executions", ())
                request = self._executions.list_next(request, page)


def is_over(execution: Mapping[str, Any]) -> bool:
    return "completionTime" in execution


def variable(execution: Mapping[str, Any], name: str) -> str | None:
    """What an environment variable of the execution's container is."""
    containers = execution.get("template", {}).get("containers", [{}])
    return next((item.get("value") for item in containers[0].get("env", ()) if item["name"] == name), None)


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def log_query(execution: str) -> str:
    """The filter for the lines of one execution, in Cloud Logging's language."""
    job = execution.split("/")[5]
    return (
        f'resource.type="cloud_run_job" AND resource.labels.job_name="{job}" '
        f'AND labels."run.googleapis.com/execution_name"="{short(execution)}"'
    )


def console_link(execution: str) -> str:
    """Where a person looks at it."""
    _, project, _, region, _, _, _, name = execution.split("/")
    return f"https://console.cloud.google.com/run/jobs/executions/details/{region}/{name}?project={project}"


def _seconds(execution: Mapping[str, Any]) -> float:
    """How long it ran."""
    started, ended = (datetime.fromisoformat(execution[name]) for name in ("startTime", "completionTime"))
    return (ended - started).total_seconds()


def _completion(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions: Sequence[Mapping[str, Any]] = execution.get("conditions", ())
    return next((item for item in conditions if item.get("type") == "Completed"), {})
