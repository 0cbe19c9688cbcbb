"""Dagster's ECS Pipes client with our log reading, deadline and errors.

One session is one attempt to run one task. What to run and what its end means is in `runtimes/ecs.py`; which job it
is for is in `defs/runtimes/ecs.py`, what becomes of the results in `defs/ingest.py`. Local processes are in `child.py`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import botocore.exceptions
from dagster import AssetExecutionContext, OpExecutionContext, PipesClientCompletedInvocation
from dagster_aws.pipes import PipesECSClient, PipesS3ContextInjector

from buildkit_dagster.defs.pipes.runs import ended_runs
from buildkit_dagster.defs.pipes.s3 import S3MessageReader
from buildkit_dagster.defs.pipes.starts import until_started
from buildkit_dagster.errors import TaskDeadlinePassed
from buildkit_dagster.runtimes import ecs
from buildkit_dagster.runtimes.logs import LogTail

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_s3.client import S3Client

_TAIL_LINES = 20


class TaskClient(PipesECSClient):
    """One attempt at one task: its log goes into the run, its deadline is kept, its end is a typed error."""

    def __init__(
        self,
        request: ecs.TaskRequest,
        client: ECSClient,
        logs: CloudWatchLogsClient,
        s3: S3Client,
        bucket: str,
        settle: float,
    ) -> None:
        """`bucket` carries the session; `settle` is how long (seconds) log lines may come after the task's end."""
        self._reader = S3MessageReader(request.folder, bucket=bucket, client=s3, interval=0)
        starting: Any = ecs.StartingClient(client, request.family, refused=self._reader.end)
        super().__init__(
            client=starting,
            context_injector=PipesS3ContextInjector(bucket=bucket, client=s3, key_prefix=request.folder),
            message_reader=self._reader,
        )
        self._request = request
        self._logs = logs
        self._settle = settle
        self._context: OpExecutionContext | AssetExecutionContext | None = None

    def attempt(
        self, context: OpExecutionContext | AssetExecutionContext, extras: Mapping[str, Any]
    ) -> PipesClientCompletedInvocation:
        """Start the task and follow it to its end; raises a `RuntimeFailure`."""
        self._context = context
        return self.run(context=context, run_task_params=self._request.parameters(), extras=dict(extras))

    def _wait_for_completion(self, start_response: Any, cluster: Any = None, waiter_config: Any = None) -> Any:  # noqa: ARG002
        """Follow log and status together, where the base class waits for the status alone and without an end."""
        started = start_response["tasks"][0]
        arn, deadline = started["taskArn"], time.monotonic() + self._request.deadline
        tail: deque[str] = deque(maxlen=_TAIL_LINES)

        def over() -> bool:
            if time.monotonic() > deadline:
                raise TaskDeadlinePassed(self._request.family, ecs.task_id(arn), self._request.deadline)
            return bool(ecs.describe(self._client, self._request.cluster, arn)["lastStatus"] == "STOPPED")

        try:
            for line in self._lines(started, over):
                tail.append(line)
                self._log(line)
        except Exception as error:
            self._stop(arn, str(error) if isinstance(error, TaskDeadlinePassed) else "the run lost track of the task")
            raise
        finally:
            self._reader.end()
        response = self._client.describe_tasks(cluster=self._request.cluster, tasks=[arn])
        ecs.check_result(self._request.family, response["tasks"][0], list(tail))
        return response

    def _lines(self, task: Mapping[str, Any], over: Any) -> Iterator[str]:
        definition = self._client.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
        position = ecs.log_position(definition, task["taskArn"])
        if position:
            yield from LogTail(self._logs, *position).follow(over, self._settle)
            return
        self._log(f"{self._request.family} does not log to CloudWatch: its output is not shown here")
        while not over():
            time.sleep(1)

    def _terminate(self, context: Any, wait_response: Any, cluster: Any = None) -> None:  # noqa: ARG002
        """What the base class calls when the run is cancelled: stop the task and see it stopped."""
        self._stop(wait_response["tasks"][0]["taskArn"], "the Dagster run was cancelled")

    def _stop(self, arn: str, reason: str) -> None:
        try:
            if not ecs.stop(self._client, self._request.cluster, arn, reason[:255]):
                self._log(f"task {ecs.task_id(arn)} was told to stop and still runs")
        except (botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError) as error:
            self._log(f"task {ecs.task_id(arn)} could not be stopped: {error}")

    def _log(self, line: str) -> None:
        if self._context:
            self._context.log.info(line)


def run_task(
    context: AssetExecutionContext,
    request: ecs.TaskRequest,
    extras: Mapping[str, Any],
    clients: Mapping[str, Any],
    bucket: str,
    settle: float = 5.0,
    pause: float = 5.0,
) -> PipesClientCompletedInvocation:
    """Run one task to its end; `clients` are the boto3 clients `ecs`, `logs` and `s3`.

    Tasks of runs that are over are stopped first. Only a start that failed for a passing reason is tried again,
    after `pause` seconds, doubled each time. Raises a `RuntimeFailure`.
    """
    _stop_left_behind(context, request, clients["ecs"])

    def attempt() -> PipesClientCompletedInvocation:
        client = TaskClient(request, clients["ecs"], clients["logs"], clients["s3"], bucket, settle)
        return client.attempt(context, extras)

    return until_started(context, attempt, pause)


def _stop_left_behind(context: AssetExecutionContext, request: ecs.TaskRequest, client: ECSClient) -> None:
    for arn in ecs.left_behind(client, request.cluster, request.family, ended_runs(context.instance)):
        context.log.warning(f"task {ecs.task_id(arn)} was left behind by a run that is over: stopping it")
        ecs.stop(client, request.cluster, arn, "its Dagster run is over")
