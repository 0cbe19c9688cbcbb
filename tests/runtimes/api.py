"""A REST API on loopback as APIs are: a token, pages, a cursor, more rows whenever it is asked, 429 now and then."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.runtimes.api_ways import DOORS, PAGES, Answer, access_token


@dataclass
class Api:
    """`GET /v1/events?since=&offset=&limit=`: rows from `since` on, in the order of their cursor `at`.

    Each first page is answered after `growth` new rows, three of which share a moment; with `updates`, some old rows
    change too and get a new moment. Every `busy`-th request is answered by 429. `pages` and `door` are ways of
    `api_ways.py`.
    """

    growth: int = 0
    updates: bool = False
    busy: int = 0
    pages: str = "offset"
    door: str = "bearer"
    rows: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    ticks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def grow(self, count: int) -> None:
        """`count` new rows."""
        for step in range(count):
            number = len(self.rows)
            self.rows.append({"id": number, "at": self._moment(), "version": 0, "note": {"of": number}})
            if self.updates and step % 4 == 3:
                changed = self.rows.pop(number * 7 % number if number < 9 else number * 7 % (number - 8))
                self.rows.append({**changed, "at": self._moment(), "version": changed["version"] + 1})

    def answer(self, asked: Mapping[str, Any]) -> Answer:
        if asked.get("offset", "0") == "0":
            self.grow(self.growth)
        found = [row for row in self.rows if row["at"] >= asked.get("since", "")]
        return PAGES[self.pages](found, asked, f"{self.url}/events")

    def _moment(self) -> str:
        self.ticks += 1
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=self.ticks // 3)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def running_api(**how: Any) -> Iterator[Api]:
    """Serve one."""
    api = Api(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do(b"")

        def do_POST(self) -> None:
            self._do(self.rfile.read(int(self.headers["Content-Length"])))

        def _do(self, sent: bytes) -> None:
            parts = urlsplit(self.path)
            query = _plain(parts.query)
            with api._lock:
                api.requests.append((parts.path, query))
                status, body, headers = _reply(api, parts.path, query, dict(self.headers.items()), sent)
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def _plain(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _reply(
    api: Api, path: str, query: dict[str, str], headers: Mapping[str, str], sent: bytes
) -> tuple[int, dict[str, Any], dict[str, str]]:
    if path == "/v1/token":
        return *access_token(_plain(sent.decode())), {}
    if not DOORS[api.door](headers, query):
        return 401, {"error": "no such token"}, {}
    if path != "/v1/events":
        return 404, {"error": "no such endpoint"}, {}
    if api.busy and len(api.requests) % api.busy == 0:
        return 429, {"error": "slow down"}, {}
    return 200, *api.answer(json.loads(sent) if sent else query)
