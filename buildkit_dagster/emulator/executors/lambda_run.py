"""One invocation of a Lambda function: a local process that speaks the Runtime API, its log, its time, its end.

A zip package is unpacked and its handler run by AWS's own Python runtime client; of an image the configuration's entry
point and command are run on this machine. Every invocation is a cold start. Which invocations there are is `lambda_`'s.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
import zipfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from buildkit_dagster import process
from buildkit_dagster.emulator.executors import images
from buildkit_dagster.emulator.executors.lambda_api import RuntimeApi
from buildkit_dagster.emulator.executors.logs import LogStream, Tail
from buildkit_dagster.emulator.executors.world import World

_INTERVAL = 0.05
#: Seconds that starting may take without counting as the function's time:
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
_INIT = 10.0
#: Bytes of the log that an answer carries.
_TAIL = 4096


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave: its payload, whether that is an error, the end of its log."""

    payload: bytes
    failed: bool
    tail: str


class FunctionNotStarted(Exception):
    """The function cannot be run, with Lambda's name for the kind of reason."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def version_of(function: Any) -> str:
    """The version that runs: a published one carries it in its ARN."""
    found: str = function.function_arn.partition(":function:")[2].partition(":")[2]
    return found or "$LATEST"


class Invocation:
    """One run of a function as it is configured now; moto's `LambdaFunction` is its record."""

    def __init__(self, world: World, function: Any, event: bytes, request_id: str) -> None:
        self._world = world
        self._function = function
        self._id = request_id
        self._folder = world.scratch("functions", uuid4().hex)
        self._timeout = float(function.timeout)
        self._api = RuntimeApi(world.settings.host, event, request_id, function.function_arn, self._timeout)
        self._tail: deque[str] = deque()
        self._peak = 0
        self._ended = time.monotonic()
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{version_of(function)}]{uuid4().hex}"
        self._log = LogStream(world.client("logs", function.region), function.logs_group_name, stream)

    def run(self) -> Outcome:
        """Run to the end, the log written as it comes."""
        started = time.monotonic()
        try:
            self._log.create(group_too=True)
            self._say([f"START RequestId: {self._id} Version: {version_of(self._function)}"])
            payload, failed, status = self._result()
        finally:
            self._api.close()
            self._world.forget(self._folder)
        self._report(started, status)
        return Outcome(payload, failed, "\n".join(self._tail)[-_TAIL:])

    def _result(self) -> tuple[bytes, bool, str | None]:
        """Payload, whether it is an error, and the report's status where the function did not end by itself."""
        try:
            child = self._launch()
        except (FunctionNotStarted, OSError) as error:
            self._say([str(error)])
            return self._error(getattr(error, "kind", "Runtime.InvalidEntrypoint"), str(error)), True, "error"
        in_time = self._watch(child)
        if self._api.error is not None:
            return self._api.error, True, None
        if self._api.response is not None:
            return self._api.response, False, None
        if in_time:
            said = f"Error: Runtime exited with error: {_end_of(child.wait())}"
            self._say([f"RequestId: {self._id} {said}"])
            return self._error("Runtime.ExitError", f"RequestId: {self._id} {said}"), True, "error"
        said = f"Task timed out after {self._timeout:.2f} seconds"
        self._say([f"{_now()} {self._id} {said}"])
        return self._error("Sandbox.Timedout", f"RequestId: {self._id} Error: {said}"), True, "timeout"

    def _launch(self) -> process.Child:
        function = self._function
        image = function.package_type == "Image"
        command = self._image_command() if image else self._package_command()
        root = self._folder / ("home" if image else "task")
        return self._world.processes.start(
            f"{function.function_arn}/{self._id}",
            command,
            cwd=root,
            env=self._variables(root),
            output=self._folder / "output",
        )

    def _image_command(self) -> list[str]:
        function = self._function
        missing = images.missing(self._world, function.account_id, function.code["ImageUri"])
        if missing:
            raise FunctionNotStarted("ImageAccessDenied", missing)
        if not function.image_config.entry_point or not function.image_config.cmd:
            raise FunctionNotStarted(
                "Runtime.InvalidEntrypoint",
                f"{function.function_name} needs EntryPoint and Command in its ImageConfig: "
                "the emulator does not know the image's own",
            )
        return [*function.image_config.entry_point, *function.image_config.cmd]

    def _package_command(self) -> list[str]:
        function = self._function
        if not re.fullmatch(r"python3\.\d+", function.run_time or ""):
            raise FunctionNotStarted("Runtime.Unknown", f"The emulator runs Python, not {function.run_time}")
        if function.layers:
            raise FunctionNotStarted("Runtime.NoLayers", f"The emulator has no layers; {function.function_name} has")
        try:
            zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(self._folder / "task")
        except zipfile.BadZipFile as error:
            raise FunctionNotStarted("Runtime.InvalidPackage", f"Could not unzip the code: {error}") from None
        return [sys.executable, "-m", "awslambdaric", function.handler]

    def _variables(self, root: Path) -> dict[str, str]:
        """The function's own variables, then those Lambda reserves:
        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
        function = self._function
        inherited = self._world.variables(function.region, self._folder)
        reserved: Mapping[str, str] = {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time or 'Image'}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": version_of(function),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self._log.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log.stream,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(root),
            "TZ": ":UTC",
            "_HANDLER": function.handler or "",
        }
        own = {name: str(value) for name, value in function.environment_vars.items()}
        return {**inherited, "PYTHONPATH": f"{root}:{inherited['PYTHONPATH']}", **own, **reserved}

    def _watch(self, child: process.Child) -> bool:
        """Follow the process until it has answered, has ended or its time is up; whether it was in time."""
        output, started = Tail(child.stdout), time.monotonic()
        in_time = True
        while in_time and child.poll() is None and not self._api.over.wait(_INTERVAL):
            self._say(output.lines())
            begun = self._api.asked if self._api.asked is not None else started + _INIT
            in_time = time.monotonic() < begun + self._timeout
        self._ended = time.monotonic()
        self._peak = _peak_megabytes(child.pid)
        self._world.processes.ended(f"{self._function.function_arn}/{self._id}")
        child.wait()
        self._say(output.lines(last=True))
        return in_time

    def _report(self, started: float, status: str | None) -> None:
        whole = (self._ended - started) * 1000
        ran = (self._ended - self._api.asked) * 1000 if self._api.asked is not None else 0.0
        parts = [
            f"REPORT RequestId: {self._id}",
            f"Duration: {ran:.2f} ms",
            f"Billed Duration: {int(ran) + 1} ms",
            f"Memory Size: {self._function.memory_size} MB",
            f"Max Memory Used: {self._peak} MB",
            f"Init Duration: {whole - ran:.2f} ms",
            *([f"Status: {status}"] if status else []),
        ]
        self._say([f"END RequestId: {self._id}", "\t".join(parts)])

    def _error(self, kind: str, message: str) -> bytes:
        return json.dumps({"errorType": kind, "errorMessage": message}).encode()

    def _say(self, lines: list[str]) -> None:
        self._tail.extend(lines)
        while len(self._tail) > 1 and sum(len(line) + 1 for line in self._tail) > 2 * _TAIL:
            self._tail.popleft()
        if lines:
            self._log.put(lines)


def _end_of(code: int) -> str:
    return f"signal: {-code}" if code < 0 else f"exit status {code}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _peak_megabytes(pid: int) -> int:
    """The most memory the process ever held, where the system tells."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0
