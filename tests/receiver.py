"""Services that take messages, on loopback: a server for any host name, with TLS and without, and a mail server.

Clients reach it as a proxy (`HTTPS_PROXY`, `REQUESTS_CA_BUNDLE`): what they ask for by name arrives here, and the
certificate they check is one of a CA made for the test.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Received:
    """One request as it arrived; `body` is its JSON."""

    host: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Receiver:
    """What arrived, and what is answered: by host name a status and a text, 200 and `ok` where nothing is said."""

    port: int
    requests: list[Received] = field(default_factory=list)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def of(self, host: str) -> list[Received]:
        return [request for request in self.requests if request.host == host]

    def take(self, host: str) -> list[Received]:
        """What arrived for a host since the last call."""
        found = self.of(host)
        self.requests = [request for request in self.requests if request.host != host]
        return found


@contextmanager
def receiver(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The services, while the block lasts; this process's requests over HTTPS end there."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    server.daemon_threads = True
    server.box = Receiver(server.server_port)  # type: ignore[attr-defined]
    server.authority = authority  # type: ignore[attr-defined]
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:{server.server_port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with _served(server):
        yield server.box  # type: ignore[attr-defined]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = LOOPBACK

    def do_CONNECT(self) -> None:
        """A tunnel: from here on the client talks TLS to the host it asked for, which we are."""
        self.host = self.path.partition(":")[0]
        self.send_response(200)
        self.end_headers()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.authority.issue_cert(self.host).configure_cert(context)  # type: ignore[attr-defined]
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")  # type: ignore[assignment]
        self.close_connection = False

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        received = Received(
            self.host, "POST", parts.path, parse_qs(parts.query), dict(self.headers), json.loads(raw) if raw else None
        )
        box = self.server.box  # type: ignore[attr-defined]
        status, text = box.answers.get(self.host, (200, "ok"))
        if status < 300:
            box.requests.append(received)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@contextmanager
def mail_server(letters: list[str]) -> Iterator[int]:
    """A mail server without encryption that takes every letter; yields its port."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 loopback")
            while line := self.rfile.readline().decode().strip():
                word = line.split()[0].upper()
                if word == "DATA":
                    self._say("354 go on")
                    letters.append(self._letter())
                self._say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

        def _letter(self) -> str:
            lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
            return "".join(lines)

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with _served(ThreadingTCPServer((LOOPBACK, 0), Handler)) as server:
        yield server.server_address[1]


@contextmanager
def _served(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
