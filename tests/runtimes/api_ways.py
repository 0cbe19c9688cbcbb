"""The ways the tests' API knows of telling its next page, and of asking who somebody is.

Which of them one goes, and the rows, are `api.py`'s.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TOKEN = "canary-7734"
#: For the secret `TOKEN`, an OAuth server gives this.
ACCESS = "canary-5518"
LIMIT = 50

#: An answer and the headers that go with it.
Answer = tuple[dict[str, Any], dict[str, str]]
#: Of the rows, what was asked in query or body, and the endpoint's URL.
Pages = Callable[[Sequence[Any], Mapping[str, Any], str], Answer]


def _slice(rows: Sequence[Any], start: int, limit: int, **more: Any) -> dict[str, Any]:
    return {"data": {"events": rows[start : start + limit]}, **more}


def _by_offset(rows: Sequence[Any], asked: Mapping[str, Any], told: Mapping[str, Any]) -> Answer:
    return _slice(rows, int(asked.get("offset", 0)), int(asked.get("limit", LIMIT)), **told), {}


def _by_number(rows: Sequence[Any], asked: Mapping[str, Any], told: Mapping[str, Any]) -> Answer:
    return _slice(rows, (int(asked.get("page", 1)) - 1) * LIMIT, LIMIT, **told), {}


def _by_mark(tell: Callable[[str, str], Answer]) -> Pages:
    """`tell` gives what is told of the next page, of the endpoint's URL and the mark of that page."""

    def pages(rows: Sequence[Any], asked: Mapping[str, Any], url: str) -> Answer:
        start = int(asked.get("from", 0))
        told, headers = tell(url, str(start + LIMIT)) if start + LIMIT < len(rows) else ({}, {})
        return _slice(rows, start, LIMIT, **told), headers

    return pages


PAGES: Mapping[str, Pages] = {
    "offset": lambda rows, asked, _: _by_offset(rows, asked, {"total": len(rows)}),
    "offset_untold": lambda rows, asked, _: _by_offset(rows, asked, {}),
    "number": lambda rows, asked, _: _by_number(rows, asked, {"pages": -(-len(rows) // LIMIT)}),
    "number_untold": lambda rows, asked, _: _by_number(rows, asked, {}),
    "one": lambda rows, _, __: (_slice(rows, 0, len(rows)), {}),
    "link": _by_mark(lambda url, mark: ({"paging": {"next": f"{url}?from={mark}"}}, {})),
    "header_link": _by_mark(lambda url, mark: ({}, {"Link": f'<{url}?from={mark}>; rel="next"'})),
    "cursor": _by_mark(lambda _, mark: ({"after": mark}, {})),
    "header_cursor": _by_mark(lambda _, mark: ({}, {"X-After": mark})),
}

#: Whether somebody is let in, by the headers and the query of a request.
DOORS: Mapping[str, Callable[[Mapping[str, str], Mapping[str, str]], bool]] = {
    "bearer": lambda headers, _: headers.get("Authorization") == f"Bearer {TOKEN}",
    "header": lambda headers, _: headers.get("X-Key") == TOKEN,
    "query": lambda _, query: query.get("key") == TOKEN,
    "basic": lambda headers, _: headers.get("Authorization") == f"Basic {b64encode(f'u:{TOKEN}'.encode()).decode()}",
    "oauth": lambda headers, _: headers.get("Authorization") == f"Bearer {ACCESS}",
}


def access_token(asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """What an OAuth server answers."""
    wanted = {"grant_type": "client_credentials", "client_id": "u", "client_secret": TOKEN, "scope": "events"}
    return (200, {"access_token": ACCESS, "expires_in": 60}) if asked == wanted else (401, {"error": "invalid_client"})
