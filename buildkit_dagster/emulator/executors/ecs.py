"""ECS tasks, really run: RunTask, DescribeTasks and StopTask over local processes.

A task goes through ECS's states in a thread of its own; its container's command is one local process with the task
definition's environment and secrets. Clusters, services and task definitions stay with moto; what they lack there is in
`actions/ecs`. The image's own command is not known here, so the task definition or the call must give one.
"""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task, TaskDefinition
from moto.ecs.responses import EC2ContainerServiceResponse

from buildkit_dagster import process
from buildkit_dagster.emulator.actions import replace
from buildkit_dagster.emulator.executors import images, secrets
from buildkit_dagster.emulator.executors.logs import LogStream, Tail
from buildkit_dagster.emulator.executors.world import World

_INTERVAL = 0.1
_STOP_TIMEOUT = 30


class TaskNotStarted(Exception):
    """The container cannot be started, with ECS's name for the reason."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")


class TaskRun:
    """One running task; moto's `Task` is its record."""

    def __init__(self, world: World, task: Any, definition: dict[str, Any]) -> None:
        # Members that moto's classes do not declare are answered all the same.
        self.task = task
        container = task.containers[0]
        self._world = world
        self._definition = definition
        overrides = (task.overrides or {}).get("containerOverrides") or []
        named = [one for one in overrides if one.get("name") == definition["name"]]
        self._override: dict[str, Any] = named[0] if named else {}
        self._stop_asked = threading.Event()
        self._log: LogStream | None = None
        self._folder = world.scratch("tasks", task.id)
        self.task.created_at = _now()
        self.task.last_status = "PROVISIONING"
        container.exitCode, container.runtime_id = None, None
        container.task_arn = task.task_arn
        container.last_status = "PENDING"

    def start(self) -> None:
        threading.Thread(target=self._run, name=self.task.id, daemon=True).start()

    def stop(self, reason: str | None) -> None:
        """Ask for the end: SIGTERM now, SIGKILL after the container's stop timeout."""
        if self.task.last_status == "STOPPED":
            return
        self.task.desired_status = "STOPPED"
        self.task.stop_code = "UserInitiated"
        self.task.stopped_reason = reason or "Task stopped by user"
        self.task.stopping_at = _now()
        self._stop_asked.set()

    def _run(self) -> None:
        try:
            child = self._launch()
        except (TaskNotStarted, OSError) as error:
            self._say([str(error)])
            self._ended("TaskFailedToStart", str(error), None)
            return
        code = self._watch(child)
        self._ended("EssentialContainerExited", "Essential container in task exited", code)

    def _launch(self) -> process.Child:
        task = self.task
        missing = images.missing(self._world, task._account_id, self._definition.get("image", ""))
        if missing:
            raise TaskNotStarted("CannotPullContainerError", missing)
        self._open_log()
        child = self._world.processes.start(
            task.task_arn, self._command(), cwd=self._cwd(), env=self._variables(), output=self._folder / "output"
        )
        task.started_at = _now()
        container = task.containers[0]
        container.runtime_id = f"{uuid4().hex}-{child.pid}"
        container.last_status = task.last_status = "RUNNING"
        return child

    def _command(self) -> list[str]:
        command = self._override.get("command") or self._definition.get("command") or []
        whole = [*(self._definition.get("entryPoint") or []), *command]
        if not whole:
            raise TaskNotStarted(
                "CannotStartContainerError",
                f"container {self._definition['name']} has no command; the emulator does not know the image's own",
            )
        return whole

    def _cwd(self) -> Path:
        return self._folder / "home"

    def _variables(self) -> dict[str, str]:
        region = self.task.region_name
        declared = [*(self._definition.get("environment") or []), *(self._override.get("environment") or [])]
        try:
            secret = {
                one["name"]: secrets.referenced(self._world, region, one["valueFrom"])
                for one in self._definition.get("secrets") or []
            }
        except secrets.UnreadableReference as error:
            raise TaskNotStarted("ResourceInitializationError", f"unable to pull secrets: {error}") from error
        plain = {one["name"]: one["value"] for one in declared}
        return {**self._world.variables(region, self._folder), **secret, **plain}

    def _open_log(self) -> None:
        log = self._definition.get("logConfiguration") or {}
        if not log:
            return
        if log["logDriver"] != "awslogs":
            raise TaskNotStarted("CannotStartContainerError", f"no log driver {log['logDriver']!r}; there is awslogs")
        options = log["options"]
        stream = f"{options['awslogs-stream-prefix']}/{self._definition['name']}/{self.task.id}"
        client = self._world.client("logs", options.get("awslogs-region") or self.task.region_name)
        opened = LogStream(client, options["awslogs-group"], stream)
        try:
            opened.create(group_too=options.get("awslogs-create-group") == "true")
        except (ClientError, BotoCoreError) as error:
            raise TaskNotStarted("ResourceInitializationError", f"{options['awslogs-group']}: {error}") from error
        self._log = opened

    def _watch(self, child: process.Child) -> int:
        """Follow the process to its end; its exit code."""
        output = Tail(child.stdout)
        kill_at: float | None = None
        while child.poll() is None:
            if self._stop_asked.is_set() and kill_at is None:
                child.signal(signal.SIGTERM)
                kill_at = time.monotonic() + (self._definition.get("stopTimeout") or _STOP_TIMEOUT)
                self.task.last_status = "DEACTIVATING"
            if kill_at is not None and time.monotonic() > kill_at:
                process.signal_group(child.pid, signal.SIGKILL)
            self._say(output.lines())
            time.sleep(_INTERVAL)
        self._world.processes.ended(self.task.task_arn)
        self._say(output.lines(last=True))
        return child.wait()

    def _say(self, lines: list[str]) -> None:
        if self._log is not None and lines:
            self._log.put(lines)

    def _ended(self, stop_code: str, reason: str, code: int | None) -> None:
        """Write the end into the record; a signal shows as 128 plus its number, as in a container."""
        task, container = self.task, self.task.containers[0]
        container.exitCode = 128 - code if code is not None and code < 0 else code
        container.last_status = "STOPPED"
        if code is None:
            container.reason = reason
        if not self._stop_asked.is_set():
            task.stop_code, task.stopped_reason, task.stopping_at = stop_code, reason, _now()
        task.desired_status = "STOPPED"
        task.stopped_at = task.execution_stopped_at = _now()
        self._world.forget(self._folder)
        self._release_network()
        task.last_status = "STOPPED"

    def _release_network(self) -> None:
        """A task's network interface goes with it; it would keep its security group from being deleted."""
        ec2 = self._world.client("ec2", self.task.region_name)
        for attachment in self.task.attachments:
            details = {one["name"]: one["value"] for one in attachment["details"]}
            ec2.delete_network_interface(NetworkInterfaceId=details["networkInterfaceId"])
            attachment["status"] = "DELETED"


class EcsExecutor:
    """All tasks of one emulator, and ECS's calls about them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[str, TaskRun] = {}

    def install(self) -> None:
        """Answer the calls about tasks in moto's place."""
        moto_run = EC2ContainerServiceBackend.run_task

        def run_task(backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any) -> list[Task]:
            definition = _container(backend.describe_task_definition(args[1]))
            _check_overrides(args[3], definition["name"])
            tasks = moto_run(backend, *args, **kwargs)
            for task in tasks:
                self._runs[task.id] = TaskRun(self._world, task, definition)
                self._runs[task.id].start()
            return tasks

        def stop_task(backend: EC2ContainerServiceBackend, cluster_str: str, task_str: str, reason: str) -> Task:
            backend._get_cluster(cluster_str)
            run = self._runs.get(task_str.rpartition("/")[2])
            if run is None:
                raise InvalidParameterException("The referenced task was not found.")
            run.stop(reason)
            stopped: Task = run.task
            return stopped

        def start_task(_: EC2ContainerServiceResponse) -> ActionResult:
            raise EcsClientException("The emulator does not do StartTask; it does RunTask")

        replace(EC2ContainerServiceBackend, run_task, stop_task, describe_tasks)
        replace(EC2ContainerServiceResponse, start_task, _describe_tasks_with_failures())


def describe_tasks(backend: EC2ContainerServiceBackend, cluster_str: str, tasks: list[str]) -> list[Task]:
    """The tasks of the cluster by ARN or id, as they are; moto's would move them on at every look."""
    cluster = backend._get_cluster(cluster_str)
    if not tasks:
        raise InvalidParameterException("Tasks cannot be empty.")
    wanted = {one.rpartition("/")[2] for one in tasks}
    return [task for task in backend.tasks.get(cluster.name, {}).values() if task.id in wanted]


def _describe_tasks_with_failures() -> Any:
    moto_describe = EC2ContainerServiceResponse.describe_tasks

    def describe_tasks(response: EC2ContainerServiceResponse) -> ActionResult:
        result: Any = moto_describe(response)
        found = {task.id for task in result.result["tasks"]}
        wanted: list[str] = response._get_param("tasks", [])
        result.result["failures"] = [
            {"arn": arn, "reason": "MISSING"} for arn in wanted if arn.rpartition("/")[2] not in found
        ]
        return ActionResult(result.result)

    return describe_tasks


def _container(definition: TaskDefinition) -> dict[str, Any]:
    """The one container of a task definition; raises ClientException for more."""
    containers: list[dict[str, Any]] = definition.container_definitions
    if len(containers) != 1:
        names = ", ".join(str(one["name"]) for one in containers)
        raise EcsClientException(f"The emulator runs tasks of one container; {definition.family} has {names}")
    return containers[0]


def _check_overrides(overrides: dict[str, Any] | None, name: str) -> None:
    for one in (overrides or {}).get("containerOverrides") or []:
        if one.get("name") != name:
            raise InvalidParameterException(
                f"Override for container named {one.get('name')} is not a container in the TaskDefinition."
            )


def _now() -> datetime:
    return datetime.now(UTC)
