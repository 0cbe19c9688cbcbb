"""A loopback proxy between Terraform and the emulator that breaks what a rule tells it to break.

It forwards every request and keeps a record of it; a rule picks requests and says what becomes of them: held until the
test lets go, refused, lost, answered with an error. Which faults make a row of the table is in `rows.py`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "server"}
#: Longer than any row takes: a request nobody lets go is an error of the row, not a hang.
PATIENCE = 300.0


@dataclass
class Request:
    """One request as it came in; `status` is the emulator's answer, None while there is none."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def action(self) -> str:
        """The operation of a query or JSON service, such as CreateRole; "" for S3."""
        aim = self.headers.get("x-amz-target", "")
        if aim:
            return aim.rpartition(".")[2]
        form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return parse_qs(self.body.decode()).get("Action", [""])[0] if form else ""

    @property
    def sender(self) -> str:
        """`worker` (our own process), `provider`, or `backend` (Terraform itself)."""
        agent = self.headers.get("user-agent", "")
        if "Boto3" in agent:
            return "worker"
        return "provider" if "terraform-provider-aws" in agent else "backend"

    def is_object(self, method: str, key: str) -> bool:
        """Whether it is this call on an S3 object whose key ends so."""
        return self.method == method and self.path.endswith(key)

    def error(self, status: int, code: str, message: str) -> Answer:
        """An error in this request's protocol."""
        if self.headers.get("x-amz-target"):
            return Answer(
                status, json.dumps({"__type": code, "message": message}).encode(), "application/x-amz-json-1.1"
            )
        inner = f"<Code>{code}</Code><Message>{message}</Message>"
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
            if self.action
            else (f"<Error>{inner}</Error>")
        )
        return Answer(status, text.encode(), "application/xml")


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    kind: str
    headers: tuple[tuple[str, str], ...] = ()


#: What becomes of a request: an answer, or None where the connection is closed without one.
Deed = Callable[["Proxy", Request], Answer | None]


@dataclass
class Rule:
    """Which requests (those `picks` is true of, `times` of them at most) and what becomes of them.

    `done` is set when what a held request asks for has been carried out, or is lost.
    """

    picks: Callable[[Request], bool]
    deed: Deed
    times: int | None = None
    hits: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def takes(self, request: Request) -> bool:
        if (self.times is not None and self.hits >= self.times) or not self.picks(request):
            return False
        self.hits += 1
        self.reached.set()
        return True

    def let_go(self) -> None:
        self.released.set()


class Proxy:
    """Listens on a port of its own until `close`."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._guard = threading.Lock()
        self.rules: list[Rule] = []
        self.requests: list[Request] = []
        self._kept: socket.socket | None = None
        self._server = self._listen(0)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, picks: Callable[[Request], bool], deed: Deed, times: int | None = None) -> Rule:
        rule = Rule(picks, deed, times)
        with self._guard:
            self.rules.append(rule)
        return rule

    def hold(self, picks: Callable[[Request], bool], then: Deed | None = None) -> Rule:
        """Hold the first such request until the rule's `let_go`, then forward it or do something else."""

        def deed(proxy: Proxy, request: Request) -> Answer | None:
            assert rule.released.wait(PATIENCE), "nobody let go of a held request"
            try:
                return then(proxy, request) if then else proxy.forward(request)
            finally:
                rule.done.set()

        rule = self.add(picks, deed, times=1)
        return rule

    def clear(self) -> None:
        """Nothing is broken any more."""
        with self._guard:
            rules, self.rules = self.rules, []
        for rule in rules:
            rule.let_go()
        if self._kept is not None:
            self._kept.close()
            self._kept = None
            self._server = self._listen(self._server.server_port)

    def clear_at_a_wait(self, *_: object) -> float:
        """Takes the place of `Retries.wait`: what was broken before it is whole after it, without any waiting."""
        self.clear()
        return 0.0

    def refuse(self) -> None:
        """Nobody listens any more, and open connections are reset, until `clear`."""
        if self._kept is None:
            self._kept = _unbound()
            self._server.shutdown()
            self._server.server_close()
            self._kept.bind(("127.0.0.1", self._server.server_port))

    @property
    def refusing(self) -> bool:
        return self._kept is not None

    def close(self) -> None:
        self.clear()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer | None:
        with self._guard:
            self.requests.append(request)
            rule = next((rule for rule in self.rules if rule.takes(request)), None)
        return rule.deed(self, request) if rule else self.forward(request)

    def forward(self, request: Request) -> Answer:
        """What the emulator says."""
        connection = http.client.HTTPConnection(str(self._upstream.hostname), self._upstream.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(request.method, request.target, body=request.body, headers=request.headers)
            response = connection.getresponse()
            body = response.read()
        request.status = response.status
        headers = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP)
        return Answer(response.status, body, "", headers)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"proxy": self}))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


def _unbound() -> socket.socket:
    """A socket that can take the port of a closed listener; while it has it, nobody else does, and nobody answers."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._chunks() if "chunked" in headers.get("transfer-encoding", "") else self._plain(headers)
        headers.pop("transfer-encoding", None)
        if self.proxy.refusing:
            return self._reset()
        answer = self.proxy.answer(Request(self.command, self.path, headers, body))
        return self._reset() if answer is None else self._send(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve

    def _plain(self, headers: dict[str, str]) -> bytes:
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        with contextlib.suppress(ConnectionError):
            self.send_response_only(answer.status)
            names = {name.lower() for name, _ in answer.headers}
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.kind:
                self.send_header("Content-Type", answer.kind)
            if "content-length" not in names:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

    def _reset(self) -> None:
        """Close without an answer, as a machine that has gone away does."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """The record is in `Proxy.requests`."""
