"""An HTTP server on loopback that answers as Google's APIs do: Cloud Run, Functions, Logging, Storage and Pub/Sub.

It keeps what it is told, really runs the jobs and functions it is given, and is held to Google's descriptions by
`discovery.py`. What is not made here is refused with 501, never faked. It lives and ends with a test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from buildkit_dagster.config.environment import GOOGLE_ENDPOINTS
from tests.google.discovery import Api, Call, Wrong
from tests.google.faults import Faults, Refused
from tests.google.functions import Functions
from tests.google.logs import Logs
from tests.google.pubsub import PubSub
from tests.google.run import CloudRun
from tests.google.storage import Answer, Storage

#: The API of each first part of a path; Cloud Storage's clients want their server at the root.
_APIS = {"run": "run.v2", "cloudfunctions": "cloudfunctions.v2", "logging": "logging.v2", "pubsub": "pubsub.v1"}


class GoogleStandIn:
    """The services behind one address; `variables` is the whole environment of what jobs and functions run in."""

    def __init__(self, url: str, variables: Mapping[str, str]) -> None:
        self.url, self.faults, self.problems = url, Faults(), list[str]()
        self.logs = Logs()
        self.pubsub = PubSub()
        self.storage = Storage(self.pubsub.publish)
        environment = {**variables, **self.variables}
        self.run = CloudRun(self.logs, environment)
        self.functions = Functions(url, self.logs, environment, self.faults)
        self._apis = {prefix: Api(name) for prefix, name in _APIS.items()}
        self._storage_api = Api("storage.v1")
        self._handlers: dict[str, Callable[[Call, Any], Any]] = {
            **self.run.handlers,
            **self.functions.handlers,
            **self.logs.handlers,
            **self.pubsub.handlers,
        }

    @property
    def variables(self) -> dict[str, str]:
        """Where a process finds the services."""
        places = {service: f"{self.url}/{service}" if service in _APIS else self.url for service in GOOGLE_ENDPOINTS}
        return {variable: places[service] for service, variable in GOOGLE_ENDPOINTS.items()}

    def answer(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request; whatever is wrong with it, or with the answer, is Google's error for that."""
        parts = urlsplit(target)
        prefix, _, rest = parts.path.lstrip("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            if prefix == "functions":
                return self.functions.invoke(verb, rest, body)
            if prefix in self._apis:
                return self._rest(self._apis[prefix], verb, f"/{rest}", query, body)
            return self._stored(verb, parts.path, query, headers, body)
        except Refused as refused:
            return Answer(refused.code, json.dumps(refused.body()).encode())
        except Wrong as wrong:
            self.problems.append(str(wrong))
            return Answer(400, json.dumps(Refused("INVALID_ARGUMENT", str(wrong)).body()).encode())

    def end(self) -> None:
        """End what still runs."""
        self.run.end()
        self.functions.end()

    def _rest(self, api: Api, verb: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        call = _found(api.call(verb, path, query), verb, path)
        asked = json.loads(body) if body else {}
        if "request" in call.method:
            api.check(call.method["request"]["$ref"], asked)
        handler = self._handlers.get(call.id)
        if handler is None:
            raise Refused("UNIMPLEMENTED", f"{call.id} is not made in this stand-in")
        given = self._faulty(call, lambda: handler(call, asked))
        api.check(call.method["response"]["$ref"], given)
        return Answer(200, json.dumps(given).encode())

    def _stored(
        self, verb: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        path = path.replace("/download/", "/", 1) if path.startswith("/download/") else path
        call = _found(self._storage_api.call("POST" if verb == "PUT" else verb, path, query), verb, path)
        answer: Answer = self._faulty(call, lambda: self.storage.answer(call, verb, path, headers, body))
        if answer.code in (200, 201) and answer.schema:
            self._storage_api.check(answer.schema, json.loads(answer.body))
        return answer

    def _faulty(self, call: Call, carry_out: Callable[[], Any]) -> Any:
        ordered = self.faults.next(call.id)
        if ordered and not ordered[1]:
            raise ordered[0]
        given = carry_out()
        if ordered:
            raise ordered[0]
        return given


def _found(call: Call | None, verb: str, path: str) -> Call:
    if call is None:
        raise Wrong(f"{verb} {path} is no method of this API")
    return call


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: GoogleStandIn

    def _serve(self) -> None:
        body = self._body()
        answer = self.stand_in.answer(self.command, self.path, self.headers, body)
        try:
            self.send_response(answer.code)
            for name, value in {"Content-Type": "application/json; charset=UTF-8", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is for the test."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def google(variables: Mapping[str, str]) -> Iterator[GoogleStandIn]:
    """A stand-in that runs what it is given with `variables`, and ends with the block."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    stand_in = handler.stand_in = GoogleStandIn(f"http://127.0.0.1:{server.server_port}", variables)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.end()
        server.shutdown()
        server.server_close()
