"""The emulator's process: listens on loopback, answers, writes its state file, ends on time.

Requests below `/_buildkit/` are the emulator's own, everything else goes to moto. What moto lacks is in `actions/`,
what runs builds and tasks in `executors/`; starting and stopping from outside is in `control`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from buildkit_dagster import process
from buildkit_dagster.emulator.actions import (
    athena,
    awslambda,
    bucket_policies,
    codebuild,
    costs,
    ecr,
    ecs,
    glue,
    iam,
    kms,
    lambda_events,
    refusal,
    s3,
    secretsmanager,
    sqs,
    stepfunctions,
    tagging,
    turns,
)
from buildkit_dagster.emulator.actions.codeconnections import CodeConnections
from buildkit_dagster.emulator.actions.incidents import Incidents
from buildkit_dagster.emulator.executors.codebuild import CodeBuildExecutor
from buildkit_dagster.emulator.executors.ecs import EcsExecutor
from buildkit_dagster.emulator.executors.lambda_ import LambdaExecutor
from buildkit_dagster.emulator.executors.schedules import ScheduleExecutor
from buildkit_dagster.emulator.executors.world import World
from buildkit_dagster.emulator.settings import Settings

OWN_PREFIX = "/_buildkit/"

_STOP = "POST stop"
_WATCH_INTERVAL = 0.5

Route = Callable[[dict[str, Any]], Any]


class Application:
    """WSGI: the emulator's own calls by `METHOD path`, then the services moto lacks, then moto.

    `afterwards` is what a call of the emulator's own does once its answer has been sent.
    """

    def __init__(
        self, routes: Mapping[str, Route], afterwards: Mapping[str, Callable[[], None]], connections: CodeConnections
    ) -> None:
        self._routes = routes
        self._afterwards = afterwards
        self._connections = connections
        self._incidents = Incidents()
        self._moto = refusal.Dispatcher(refusal.create_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith(OWN_PREFIX):
            return self._own(request)(environ, start_response)
        if self._connections.claims(request):
            return self._connections.answer(request)(environ, start_response)
        if self._incidents.claims(request):
            return self._incidents.answer(request)(environ, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _own(self, request: Request) -> Response:
        call = f"{request.method} {request.path.removeprefix(OWN_PREFIX)}"
        route = self._routes.get(call)
        if route is None:
            return _answer({"message": f"No call {call!r}; there are: {', '.join(sorted(self._routes))}."}, 404)
        try:
            answer = _answer(route(request.get_json(silent=True) or {}), 200)
        except ValueError as error:
            return _answer({"message": str(error)}, 400)
        if call in self._afterwards:
            answer.call_on_close(self._afterwards[call])
        return answer


class Server:
    """One emulator: its listener, its end, and the state file that tells others where it is."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.id = uuid4().hex
        self._ended = threading.Event()
        connections = CodeConnections()
        self._http = make_server(
            settings.host,
            settings.port,
            Application(self._routes(connections), {_STOP: self._ended.set}, connections),
            threaded=True,
            request_handler=MotoRequestHandler,
        )
        self.endpoint = f"http://{settings.host}:{self._http.server_port}"
        self._world = World(settings, self.endpoint, connections)
        self._schedules = ScheduleExecutor(self._world)
        install(self._world)

    def run(self) -> None:
        """Serve until SIGTERM, the stop call, the end of the lifetime or of the owner."""
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: self._ended.set())
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        if self.settings.clock:
            self._schedules.start(self._ended)
        self._write_state()
        try:
            self._wait()
        finally:
            self._end()

    def _wait(self) -> None:
        settings = self.settings
        deadline = time.monotonic() + settings.lifetime if settings.lifetime is not None else None
        mark = process.started_at(settings.owner) if settings.owner is not None else None
        while not self._ended.wait(_WATCH_INTERVAL):
            if deadline is not None and time.monotonic() > deadline:
                return
            if settings.owner is not None and not process.is_alive(settings.owner, mark):
                return

    def _end(self) -> None:
        self._world.processes.end_all()
        self._http.shutdown()
        state = self.settings.state_file
        if state.exists() and json.loads(state.read_text()).get("id") == self.id:
            state.unlink()

    def _write_state(self) -> None:
        state = {
            "id": self.id,
            "endpoint": self.endpoint,
            "pid": os.getpid(),
            "mark": process.started_at(os.getpid()),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        path = self.settings.state_file
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(state, indent=2))
        draft.replace(path)

    def _routes(self, connections: CodeConnections) -> dict[str, Route]:
        return {
            "GET health": lambda _: {"id": self.id, "pid": os.getpid()},
            "GET processes": lambda _: {"processes": self._world.processes.listing()},
            "POST connections/approve": lambda given: connections.approve(str(given.get("arn"))),
            "POST schedules/fire": self._fire,
            _STOP: lambda _: {"id": self.id},
        }

    def _fire(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is due at `moment`, as if the clock were there."""
        return {"fired": self._schedules.fire(datetime.fromisoformat(str(given.get("moment"))))}


def install(world: World) -> None:
    """Put the emulator's own answers in place of moto's."""
    for service in (
        athena,
        awslambda,
        bucket_policies,
        codebuild,
        costs,
        ecr,
        ecs,
        glue,
        iam,
        kms,
        lambda_events,
        s3,
        secretsmanager,
        sqs,
        stepfunctions,
        turns,
    ):
        service.install()
    tagging.install(world.connections)
    refusal.install()
    CodeBuildExecutor(world).install()
    EcsExecutor(world).install()
    LambdaExecutor(world).install()


def _answer(body: Any, status: int) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
