"""Cloud Run functions called over HTTP: each call really runs the deployed source in a process of its own.

The source is the archive that is deployed, unpacked; nothing of the checkout is on its path. One call at a time, as for
a function of one instance with a concurrency of one; another waits a while and is then answered with 429, as Google
does.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.google.discovery import Call
from tests.google.faults import Faults, Refused
from tests.google.logs import Logs
from tests.google.processes import Container
from tests.google.storage import Answer

_HOST = Path(__file__).with_name("function_host.py")
#: Seconds that a call waits for an instance: https://cloud.google.com/run/docs/about-instance-autoscaling
_PENDING = 10.0


@dataclass
class Function:
    """A function as deployed; `container` is the instance that serves a call now."""

    name: str
    folder: Path
    entry_point: str
    env: Mapping[str, str]
    timeout: float
    one: threading.Lock = field(default_factory=threading.Lock)
    container: Container | None = None
    answered: list[int] = field(default_factory=list)


class Functions:
    """All functions, called at `/functions/<id>`."""

    def __init__(self, url: str, logs: Logs, variables: Mapping[str, str], faults: Faults) -> None:
        self._url, self._logs, self._variables, self._faults = url, logs, variables, faults
        self._functions: dict[str, Function] = {}
        self._folder = tempfile.TemporaryDirectory()

    @property
    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        return {"cloudfunctions.projects.locations.functions.get": self._get}

    def make_function(
        self, name: str, source: bytes, entry_point: str, env: Mapping[str, str] | None = None, timeout: float = 540
    ) -> Function:
        """Deploy `projects/P/locations/L/functions/F`."""
        short = name.rsplit("/", 1)[-1]
        folder = Path(self._folder.name) / short
        zipfile.ZipFile(io.BytesIO(source)).extractall(folder)
        self._functions[short] = Function(name, folder, entry_point, dict(env or {}), timeout)
        return self._functions[short]

    def uri(self, name: str) -> str:
        return f"{self._url}/functions/{name.rsplit('/', 1)[-1]}"

    def end(self) -> None:
        for function in self._functions.values():
            if function.container:
                function.container.stop(0)
        self._folder.cleanup()

    def invoke(self, verb: str, short: str, body: bytes) -> Answer:
        """One call; the answers that are no function's are those of Google's front end, which are HTML or text."""
        ordered = self._faults.next("functions.invoke")
        if ordered and not ordered[1]:
            return Answer(ordered[0].code, ordered[0].message.encode(), {"Content-Type": "text/html"})
        function = self._functions.get(short)
        if function is None or verb != "POST":
            return Answer(404, b"<html><title>404 Page not found</title></html>", {"Content-Type": "text/html"})
        if not function.one.acquire(timeout=_PENDING):
            return Answer(429, b"Rate exceeded.", {"Content-Type": "text/html"})
        try:
            answer = self._run(function, body)
        finally:
            function.one.release()
        function.answered.append(answer.code)
        return Answer(ordered[0].code, ordered[0].message.encode()) if ordered else answer

    def _run(self, function: Function, body: bytes) -> Answer:
        _, project, _, region, _, short = function.name.split("/")
        resource = {
            "type": "cloud_run_revision",
            "labels": {"project_id": project, "service_name": short, "location": region},
        }

        def line(text: str) -> None:
            try:
                content = json.loads(text)
            except ValueError:
                content = None
            if isinstance(content, dict):
                self._logs.write_structured(project, "run.googleapis.com%2Fstdout", resource, {}, content)
            else:
                self._logs.write(project, "run.googleapis.com%2Fstdout", resource, {}, text)

        with tempfile.NamedTemporaryFile() as answer:
            env = {
                **self._variables,
                **function.env,
                "PYTHONPATH": str(function.folder),
                "K_SERVICE": short,
                "FUNCTION_TARGET": function.entry_point,
                "FUNCTION_ANSWER": answer.name,
            }
            command = [sys.executable, "-P", str(_HOST)]
            container = function.container = Container(command, env, line, stdin=body)
            try:
                code = container.wait(function.timeout)
            except subprocess.TimeoutExpired:
                container.stop(0)
                return Answer(504, b"upstream request timeout", {"Content-Type": "text/plain"})
            finally:
                function.container = None
            if code != 0:
                message = b"The request failed because the instance could not start or ended."
                return Answer(503, message, {"Content-Type": "text/plain"})
            given = json.loads(Path(answer.name).read_text())
            return Answer(given["status"], json.dumps(given["body"]).encode())

    def _get(self, call: Call, _: Any) -> Any:
        function = self._functions.get(call.name.rsplit("/", 1)[-1])
        if function is None:
            raise Refused("NOT_FOUND", f"Resource '{call.name}' was not found")
        uri = self.uri(function.name)
        config = {"uri": uri, "timeoutSeconds": int(function.timeout)}
        return {"name": function.name, "state": "ACTIVE", "url": uri, "serviceConfig": config}
