"""Cloud Asset Inventory and BigQuery's queries on loopback, held to Google's own descriptions of the two APIs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.google.discovery import Api, Wrong

_ASSETS, _BIGQUERY = Api("cloudasset.v1"), Api("bigquery.v2")

#: Resources a page of the stand-in has, whatever is asked for: so that three are two pages.
PAGE = 2


@dataclass
class Google:
    """What there is, and what was asked. `closed` are projects that answer 403, `rows` those of every query."""

    port: int
    resources: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, str | None]] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, verb: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """`path` is still quoted. Request and answer are held to Google's description of the API."""
        api = _BIGQUERY if path.startswith("/bigquery/") else _ASSETS
        call = api.call(verb, path, query)
        assert call is not None, f"no method of the API is {verb} {path}"
        self.asked.append({"path": unquote(path), **query, "body": body})
        if body is not None:
            api.check(call.method["request"]["$ref"], _without_nulls(body))
        if any(f"projects/{project}" in unquote(path) for project in self.closed):
            message = "Permission 'cloudasset.assets.searchAllResources' denied on resource 'projects/closed-off'."
            return 403, {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}
        answer = self._queried(body) if call.id == "bigquery.jobs.query" else self._found(query)
        api.check(call.method["response"]["$ref"], answer)
        return 200, answer

    def _found(self, query: dict[str, str]) -> dict[str, Any]:
        """Resources whose labels are exactly those of the query, a page of them."""
        wanted = dict(term.removeprefix("labels.").split("=") for term in query["query"].split(" AND "))
        found = [each for each in self.resources if wanted.items() <= each.get("labels", {}).items()]
        start = int(query.get("pageToken", "0"))
        rest = {"nextPageToken": str(start + PAGE)} if len(found) > start + PAGE else {}
        return {"results": found[start : start + PAGE], **rest}

    def _queried(self, body: dict[str, Any]) -> dict[str, Any]:
        types = {"period": "DATE", "value": "STRING", "currency": "STRING", "cost": "NUMERIC"}
        return {
            "kind": "bigquery#queryResponse",
            "jobComplete": True,
            "jobReference": {"projectId": "harbour-data", "jobId": body["requestId"], "location": "EU"},
            "schema": {"fields": [{"name": name, "type": kind} for name, kind in types.items()]},
            "totalRows": str(len(self.rows)),
            "rows": [{"f": [{"v": row[name]} for name in types]} for row in self.rows],
        }


def _without_nulls(value: Any) -> Any:
    """In Google's JSON a null is a field that is not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


@contextmanager
def google() -> Iterator[Google]:
    """Serve until left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            try:
                status, answer = stand_in.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
            except (AssertionError, Wrong) as error:
                status, answer = 400, {"error": {"code": 400, "message": str(error), "status": "INVALID_ARGUMENT"}}
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in = Google(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
