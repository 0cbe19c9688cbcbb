"""Cloud Run jobs: an execution is one task, and the task really runs the job's command as a process.

https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs
"""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.google.discovery import Call
from tests.google.faults import Refused
from tests.google.logs import Logs, now_text
from tests.google.processes import Container

_TYPE = "type.googleapis.com/google.cloud.run.v2.Execution"


@dataclass
class Job:
    """A job as it was made; `command` runs here in place of the image's entrypoint."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    timeout: float


@dataclass
class Execution:
    """One execution and its one task; `ended` is when both have their results."""

    name: str
    job: Job
    env: Mapping[str, str]
    timeout: float
    created: str = field(default_factory=now_text)
    started: str | None = None
    completed: str | None = None
    exit_code: int | None = None
    cancelled: bool = False
    refused: tuple[str, str] | None = None
    container: Container | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        return self.name.rsplit("/", 1)[-1]


class CloudRun:
    """All jobs and executions. `image_fault` is the reason for which the next executions cannot start."""

    def __init__(self, logs: Logs, variables: Mapping[str, str]) -> None:
        self.executions = list[Execution]()
        self.unstartable = list[tuple[str, str]]()
        self._logs, self._variables = logs, variables
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    @property
    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        jobs = "run.projects.locations.jobs"
        return {
            f"{jobs}.run": self._run,
            f"{jobs}.executions.get": lambda call, _: self._resource(self._execution(call.name)),
            f"{jobs}.executions.list": self._list,
            f"{jobs}.executions.cancel": self._cancel,
            f"{jobs}.executions.tasks.list": self._tasks,
            "run.projects.locations.operations.get": self._operation,
        }

    def make_job(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 600
    ) -> None:
        """Make or change a job; `name` is `projects/P/locations/L/jobs/J`."""
        self._jobs[name] = Job(name, tuple(command), dict(env or {}), timeout)

    def end(self) -> None:
        for execution in self.executions:
            if execution.container and not execution.ended.is_set():
                execution.container.stop(0)
                execution.ended.wait(10)

    def _run(self, call: Call, body: Any) -> Any:
        job = self._jobs.get(call.name)
        if job is None:
            raise Refused("NOT_FOUND", f"Resource '{call.name.rsplit('/', 1)[-1]}' of kind 'JOB' does not exist.")
        overrides = body.get("overrides", {})
        env = {
            item["name"]: item["value"] for given in overrides.get("containerOverrides", []) for item in given["env"]
        }
        timeout = float(overrides.get("timeout", f"{job.timeout}s").removesuffix("s"))
        name = f"{job.name}/executions/{job.name.rsplit('/', 1)[-1]}-{uuid.uuid4().hex[:5]}"
        execution = Execution(name, job, {**job.env, **env}, timeout)
        with self._lock:
            self.executions.append(execution)
            execution.refused = self.unstartable.pop(0) if self.unstartable else None
        threading.Thread(target=self._carry_out, args=(execution,), daemon=True).start()
        return self._operation_of(execution)

    def _carry_out(self, execution: Execution) -> None:
        if execution.refused is None:
            execution.started = now_text()
            self._run_container(execution)
        execution.completed = now_text()
        execution.ended.set()

    def _run_container(self, execution: Execution) -> None:
        _, project, _, region, _, job, *_ = execution.name.split("/")
        resource = {"type": "cloud_run_job", "labels": {"project_id": project, "job_name": job, "location": region}}
        labels = {"run.googleapis.com/execution_name": execution.id, "run.googleapis.com/task_index": "0"}
        env = {
            **self._variables,
            "CLOUD_RUN_JOB": job,
            "CLOUD_RUN_EXECUTION": execution.id,
            "CLOUD_RUN_TASK_INDEX": "0",
            **execution.env,
        }

        def line(text: str) -> None:
            self._logs.write(project, "run.googleapis.com%2Fstdout", resource, labels, text)

        container = execution.container = Container(execution.job.command, env, line)
        if execution.cancelled:
            container.stop(0)
        try:
            execution.exit_code = container.wait(execution.timeout)
        except subprocess.TimeoutExpired:
            container.stop()
            container.wait()
            # What Cloud Run says of a task that passed its timeout: terminated, by no exit of its own.
            execution.exit_code = -15

    def _cancel(self, call: Call, _: Any) -> Any:
        execution = self._execution(call.name)
        if execution.ended.is_set():
            raise Refused("FAILED_PRECONDITION", f"Execution {execution.id} is already completed.")
        execution.cancelled = True
        if execution.container:
            threading.Thread(target=execution.container.stop, daemon=True).start()
        return self._operation_of(execution)

    def _list(self, call: Call, _: Any) -> Any:
        found = [item for item in reversed(self.executions) if item.job.name == call.path["parent"]]
        first, size = int(call.query.get("pageToken", 0)), int(call.query.get("pageSize", 100))
        page: dict[str, Any] = {"executions": [self._resource(item) for item in found[first : first + size]]}
        return page | ({"nextPageToken": str(first + size)} if len(found) > first + size else {})

    def _tasks(self, call: Call, _: Any) -> Any:
        execution = self._execution(call.path["parent"])
        task: dict[str, Any] = {"name": f"{execution.name}/tasks/{execution.id}-0", "execution": execution.id}
        if execution.started:
            task["startTime"] = execution.started
        if execution.exit_code is not None:
            code = execution.exit_code
            result = {"exitCode": code} if code >= 0 else {"termSignal": -code}
            task["lastAttemptResult"] = {**result, "status": {"code": 0 if code == 0 else 13}}
        return {"tasks": [task]}

    def _operation(self, call: Call, _: Any) -> Any:
        wanted = call.name.rsplit("/", 1)[-1]
        found = next((item for item in self.executions if item.id == wanted), None)
        if found is None:
            raise Refused("NOT_FOUND", f"Operation {wanted} does not exist.")
        return self._operation_of(found)

    def _operation_of(self, execution: Execution) -> Any:
        place = execution.name.split("/jobs/")[0]
        about = {"@type": _TYPE, **self._resource(execution)}
        operation = {"name": f"{place}/operations/{execution.id}", "metadata": about, "done": execution.ended.is_set()}
        return operation | ({"response": about} if execution.ended.is_set() else {})

    def _execution(self, name: str) -> Execution:
        found = next((item for item in self.executions if item.name == name), None)
        if found is None:
            raise Refused("NOT_FOUND", f"Resource '{name.rsplit('/', 1)[-1]}' of kind 'EXECUTION' does not exist.")
        return found

    def _resource(self, execution: Execution) -> dict[str, Any]:
        env = [{"name": name, "value": value} for name, value in execution.env.items()]
        over = execution.ended.is_set()
        succeeded = over and execution.exit_code == 0
        found: dict[str, Any] = {
            "name": execution.name,
            "job": execution.job.name.rsplit("/", 1)[-1],
            "createTime": execution.created,
            "template": {"containers": [{"image": "python", "env": env}], "timeout": f"{execution.timeout:.0f}s"},
            "taskCount": 1,
            "runningCount": int(bool(execution.started) and not over),
            "succeededCount": int(succeeded),
            "failedCount": int(over and not succeeded and not execution.cancelled),
            "cancelledCount": int(over and execution.cancelled),
            "reconciling": not over,
            "conditions": [_condition(execution, over)],
            "logUri": f"https://console.cloud.google.com/logs/viewer?execution={execution.id}",
        }
        times = {"startTime": execution.started, "completionTime": execution.completed if over else None}
        return found | {name: value for name, value in times.items() if value}


def _condition(execution: Execution, over: bool) -> dict[str, Any]:
    condition: dict[str, Any] = {"type": "Completed", "lastTransitionTime": now_text()}
    if not over:
        reason = {"executionReason": "CANCELLING"} if execution.cancelled else {}
        return {**condition, "state": "CONDITION_RECONCILING", **reason}
    if execution.refused:
        reason, message = execution.refused
        return {**condition, "state": "CONDITION_FAILED", "reason": reason, "message": message}
    if execution.cancelled:
        message = "The execution was cancelled."
        return {**condition, "state": "CONDITION_FAILED", "executionReason": "CANCELLED", "message": message}
    if execution.exit_code == 0:
        return {**condition, "state": "CONDITION_SUCCEEDED"}
    message = f"Task {execution.id}-0 failed with message: The container exited with an error."
    return {**condition, "state": "CONDITION_FAILED", "executionReason": "NON_ZERO_EXIT_CODE", "message": message}
