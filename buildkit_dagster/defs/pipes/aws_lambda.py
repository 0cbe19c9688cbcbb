"""A call of a Lambda function inside a Pipes session: its log goes into the run, its end is a typed error.

Dagster's own client waits for an answer over one connection, which a worker's death and 15 minutes do not allow. The
call itself is `runtimes/aws_lambda.py`'s; which job it is for is in `defs/runtimes/aws_lambda.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from dagster import AssetExecutionContext, PipesClientCompletedInvocation, open_pipes_session
from dagster_aws.pipes import PipesS3ContextInjector

from buildkit_dagster.defs.pipes.runs import ended_runs
from buildkit_dagster.defs.pipes.s3 import S3MessageReader
from buildkit_dagster.defs.pipes.starts import until_started
from buildkit_dagster.runtimes import aws_lambda
from buildkit_dagster.runtimes.calls import Call, Marks
from buildkit_dagster.runtimes.logs import LogTail

_TAIL_LINES = 20
#: Seconds that a cancelled run waits for its function to reach a safe point.
_GRACE = 60.0


class FunctionClient:
    """Calls of one function for one run; `clients` are the boto3 clients `lambda`, `logs` and `s3`.

    `settle` is how long (seconds) log lines may come after the function's end; none comes after Lambda's report of it.
    """

    def __init__(
        self,
        context: AssetExecutionContext,
        request: aws_lambda.FunctionRequest,
        clients: Mapping[str, Any],
        settle: float,
    ) -> None:
        self._context = context
        self._request = request
        self._clients = clients
        self._settle = settle

    def attempt(self, extras: Mapping[str, Any]) -> PipesClientCompletedInvocation:
        """Call the function once and follow it to its end; raises a `RuntimeFailure`."""
        request, s3 = self._request, self._clients["s3"]
        reader = S3MessageReader(request.folder, bucket=request.bucket, client=s3, interval=0)
        injector = PipesS3ContextInjector(bucket=request.bucket, client=s3, key_prefix=request.folder)
        with open_pipes_session(self._context, injector, reader, extras=dict(extras)) as session:
            try:
                self._call(session.get_bootstrap_env_vars())
            finally:
                reader.end()
        return PipesClientCompletedInvocation(session)

    def end_left_behind(self) -> None:
        """Have calls that nobody follows any more stop, and wait for their end."""
        has_ended = ended_runs(self._context.instance)
        for call in aws_lambda.left_behind(self._clients["s3"], self._request, has_ended):
            self._context.log.warning(f"a call of {self._request.function} was left behind by run {call.run}")
            self._stop(Marks(self._clients["s3"], call), "its Dagster run is over", None)

    def _call(self, session: Mapping[str, str]) -> None:
        """However this is left, the call has ended, or somebody will see to it."""
        call = Call.new(self._request.bucket, self._request.folder, self._request.run)
        marks = Marks(self._clients["s3"], call)
        marks.open()
        ended = False
        try:
            aws_lambda.start(self._clients["lambda"], self._request, call, session)
            claim = aws_lambda.claimed(self._request, marks)
            log, tail = self._follow(marks, claim)
            ended = True
            aws_lambda.check_result(self._request, marks, claim, log, tail)
        finally:
            if ended:
                marks.close()
            else:
                self._stop(marks, "the Dagster run was cancelled", _GRACE)

    def _follow(self, marks: Marks, claim: Mapping[str, Any]) -> tuple[aws_lambda.Log, list[str]]:
        """Show the log until the call is over; what it told, and its last lines."""
        log, tail = aws_lambda.Log(claim["request"]), deque[str](maxlen=_TAIL_LINES)
        lines = self._stream(claim).follow(lambda: aws_lambda.is_over(marks, claim, log), self._settle)
        for line in log.own(lines):
            tail.append(line)
            self._context.log.info(line)
        return log, list(tail)

    def _stop(self, marks: Marks, reason: str, wait: float | None) -> None:
        if aws_lambda.stop(marks, reason, self._has_ended, self._request.interval, wait):
            marks.close()
        else:
            self._context.log.warning(f"{self._request.function} was told to stop and still runs")

    def _has_ended(self, claim: Mapping[str, Any]) -> bool:
        """Whether Lambda has reported a request's end, which a function that died does not tell itself."""
        log = aws_lambda.Log(claim["request"])
        list(log.own(iter(self._stream(claim).poll())))
        return log.ended

    def _stream(self, claim: Mapping[str, Any]) -> LogTail:
        return LogTail(self._clients["logs"], claim["log_group"], claim["log_stream"], interval=self._request.interval)


def run_function(
    context: AssetExecutionContext,
    request: aws_lambda.FunctionRequest,
    extras: Mapping[str, Any],
    clients: Mapping[str, Any],
    settle: float = 5.0,
    pause: float = 5.0,
) -> PipesClientCompletedInvocation:
    """Call a function to its end; `clients` are the boto3 clients `lambda`, `logs` and `s3`.

    Calls of runs that are over are ended first. Only a start that failed for a passing reason is tried again, after
    `pause` seconds, doubled each time. Raises a `RuntimeFailure`.
    """
    client = FunctionClient(context, request, clients, settle)
    client.end_left_behind()
    return until_started(context, lambda: client.attempt(extras), pause)
