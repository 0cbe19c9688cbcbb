"""Dagster's Pipes client for CodeBuild: one session is one build, its log goes into the run as it is written.

A program that uses `dagster-pipes` reports through the build's log; the lines of any other can be turned into events by
the caller while the build runs (`stream`), as `defs/dbt_run.py` does. The build itself is in `runtimes/codebuild.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetExecutionContext,
    MetadataValue,
    OpExecutionContext,
    Output,
    PipesClient,
    PipesClientCompletedInvocation,
    PipesContextInjector,
    PipesEnvContextInjector,
    PipesMessageReader,
    open_pipes_session,
)
from dagster._core.definitions.resource_annotation import TreatAsResourceParam
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.pipes.context import PipesMessageHandler, PipesSession, build_external_execution_context_data
from dagster_pipes import PIPES_PROTOCOL_VERSION_FIELD, PipesDefaultMessageWriter, PipesParams

from buildkit_dagster.runtimes import codebuild

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_logs.client import CloudWatchLogsClient

Context = OpExecutionContext | AssetExecutionContext

#: What a line of the log means to the caller: events to yield, and what to show of it (None: nothing).
Translate = Callable[[str], tuple[list[Any], str | None]]

#: Which run a build belongs to: a build whose run is over was left behind by a killed worker.
RUN_VARIABLE = "BUILDKIT_RUN_ID"


class LogMessageReader(PipesMessageReader):
    """Pipes messages out of the build's log; lines are handed in by the client, which reads the log anyway."""

    def __init__(self) -> None:
        self._handler: PipesMessageHandler | None = None

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[PipesParams]:
        self._handler = handler
        try:
            yield {PipesDefaultMessageWriter.STDIO_KEY: PipesDefaultMessageWriter.STDOUT}
        finally:
            self._handler = None

    def take(self, line: str) -> bool:
        """Handle the line if it is a Pipes message; whether it was."""
        if self._handler is None or PIPES_PROTOCOL_VERSION_FIELD not in line:
            return False
        try:
            message = json.loads(line)
        except ValueError:
            return False
        if not isinstance(message, dict) or PIPES_PROTOCOL_VERSION_FIELD not in message:
            return False
        self._handler.handle_message(message)  # type: ignore[arg-type]
        return True

    def no_messages_debug_text(self) -> str:
        return "Attempted to read messages from the build's log in CloudWatch."


class PipesCodeBuildClient(PipesClient, TreatAsResourceParam):
    """Runs CodeBuild builds with the Pipes protocol.

    `client` and `logs` are the boto3 clients of CodeBuild and CloudWatch Logs; `interval` (seconds) is how often each
    is asked. Without a `message_reader`, messages are read from the build's log.
    """

    def __init__(
        self,
        client: CodeBuildClient,
        logs: CloudWatchLogsClient,
        *,
        context_injector: PipesContextInjector | None = None,
        message_reader: PipesMessageReader | None = None,
        interval: float = 1.0,
    ) -> None:
        self._client = client
        self._logs = logs
        self._injector = context_injector or PipesEnvContextInjector()
        self._reader = message_reader or LogMessageReader()
        self._interval = interval

    def run(  # type: ignore[override]
        self,
        *,
        context: Context,
        start_build_params: Mapping[str, Any],
        extras: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> PipesClientCompletedInvocation:
        """Run a build to its end; raises a `RuntimeFailure` unless it succeeds.

        `start_build_params` are the arguments of boto3's `start_build`; the session's variables are added to its
        overrides. `deadline` in seconds defaults to the build's own timeouts.
        """
        session_of = open_pipes_session(context, self._injector, self._reader, dict(extras or {}))
        with session_of as session, self._build(context, session, start_build_params, deadline) as build:
            for line in build.lines():
                if not self._take(line):
                    context.log.info(line)
                    build.quote(line)
            build.check()
        return PipesClientCompletedInvocation(session, metadata=build_metadata(build.state))

    def follow(self, *, context: Context, start_build_params: Mapping[str, Any]) -> codebuild.BuildState:
        """Run a build that reports nothing but its log and its end; raises a `RuntimeFailure` unless it succeeds."""
        with (
            self._quiet_session(context, None) as session,
            self._build(context, session, start_build_params, None) as build,
        ):
            for line in build.lines():
                context.log.info(line)
                build.quote(line)
            build.check()
        return build.state

    def stream(
        self,
        *,
        context: Context,
        start_build_params: Mapping[str, Any],
        translate: Translate,
        metadata: Mapping[str, Any] | None = None,
        extras: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Generator[Any, None, codebuild.BuildState]:
        """Run a build and yield events while it runs: those `translate` makes of a line, and Pipes results.

        Outputs say which build made them, and `metadata`.
        Returns how the build ended; raises a `RuntimeFailure` unless that is success.
        """
        with (
            self._quiet_session(context, extras) as session,
            self._build(context, session, start_build_params, deadline) as build,
        ):
            reported = 0
            for line in build.lines():
                if self._take(line):
                    results = session.get_reported_results()
                    yield from results[reported:]
                    reported = len(results)
                    continue
                events, shown = translate(line)
                build.quote(shown)
                yield from _with_metadata(events, {**build_metadata(build.state), **(metadata or {})})
            build.check()
        return build.state

    def _take(self, line: str) -> bool:
        return isinstance(self._reader, LogMessageReader) and self._reader.take(line)

    @contextmanager
    def _build(
        self, context: Context, session: PipesSession, params: Mapping[str, Any], deadline: float | None
    ) -> Iterator[codebuild.Build]:
        """A started build, which does not outlive the block."""
        self._stop_left_behind(context, params["projectName"])
        variables = {RUN_VARIABLE: context.run.run_id, **session.get_bootstrap_env_vars()}
        overrides = [*params.get("environmentVariablesOverride", ()), *codebuild.environment(variables, {})]
        params = {**params, "environmentVariablesOverride": overrides}
        build = codebuild.start(
            self._client, self._logs, params, interval=self._interval, deadline=deadline, tell=context.log.warning
        )
        context.log.info(f"build {build.id} started: {build.state.log}")
        try:
            yield build
        except BaseException:
            # Also for an interrupt and for GeneratorExit; nothing may be yielded here.
            self._stop(context, build)
            raise

    def _stop(self, context: Context, build: codebuild.Build) -> None:
        if build.state.complete:
            return
        context.log.warning(f"stopping build {build.id}")
        try:
            ended = build.stop()
        except DagsterExecutionInterruptedError:
            # The second Ctrl-C of someone impatient.
            ended = build.stop()
        if not ended:
            context.log.error(f"build {build.id} was told to stop and has not ended yet: {build.state.log}")

    def _stop_left_behind(self, context: Context, project: str) -> None:
        for left, run_id in codebuild.running(self._client, project, RUN_VARIABLE):
            run = context.instance.get_run_by_id(run_id)
            if run_id == context.run.run_id or (run is not None and run.is_finished):
                context.log.warning(f"build {left} was left behind by run {run_id}, which is over: stopping it")
                codebuild.stop(self._client, left)

    @contextmanager
    def _quiet_session(self, context: Context, extras: Mapping[str, Any] | None) -> Iterator[PipesSession]:
        """`open_pipes_session` without its warning about a program that sends no messages: dbt sends none."""
        data = build_external_execution_context_data(context, dict(extras or {}))
        handler = PipesMessageHandler(context, self._reader)
        with self._injector.inject_context(data) as injected, handler.handle_messages() as messages:
            yield PipesSession(data, handler, injected, messages, context)


def build_metadata(state: codebuild.BuildState) -> dict[str, Any]:
    """What an asset says about the build that made it."""
    return {"build_id": state.id, "build_log": MetadataValue.url(state.log)}


def _with_metadata(events: Iterable[Any], metadata: Mapping[str, Any]) -> Iterator[Any]:
    for event in events:
        yield event.with_metadata({**event.metadata, **metadata}) if isinstance(event, Output) else event
