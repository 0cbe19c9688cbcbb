"""A REST API on loopback as APIs are: a token, pages, a cursor, more rows whenever it is asked, 429 now and then."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "canary-7734"


@dataclass
class Api:
    """`GET /v1/events?since=&offset=&limit=`: rows from `since` on, in the order of their cursor `at`.

    Each first page is answered after `growth` new rows, three of which share a moment; with `updates`, some old rows
    change too and get a new moment. Every `busy`-th request is answered by 429.
    """

    growth: int = 0
    updates: bool = False
    busy: int = 0
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

    def answer(self, query: dict[str, str]) -> dict[str, Any]:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
        if offset == 0:
            self.grow(self.growth)
        found = [row for row in self.rows if row["at"] >= query.get("since", "")]
        return {"data": {"events": found[offset : offset + limit]}, "total": len(found)}

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
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with api._lock:
                api.requests.append((parts.path, query))
                status, body = _reply(api, parts.path, query, self.headers.get("Authorization"))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
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


def _reply(api: Api, path: str, query: dict[str, str], token: str | None) -> tuple[int, dict[str, Any]]:
    if token != f"Bearer {TOKEN}":
        return 401, {"error": "no such token"}
    if path != "/v1/events":
        return 404, {"error": "no such endpoint"}
    if api.busy and len(api.requests) % api.busy == 0:
        return 429, {"error": "slow down"}
    return 200, api.answer(query)
