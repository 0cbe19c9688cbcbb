"""Cloud Logging: entries are kept in order of arrival and listed by filter, in pages."""

from __future__ import annotations

import operator as operators
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.google.discovery import Call
from tests.google.faults import Refused

#: One comparison of the logging query language; the parts of a path may be quoted.
_TERM = re.compile(r'((?:[\w]+|"[^"]+")(?:\.(?:[\w]+|"[^"]+"))*)\s*(>=|<=|=|>|<)\s*"([^"]*)"')

#: Google may give fewer entries than asked for.
_LARGEST_PAGE = 100

_OPERATORS = {">=": operators.ge, "<=": operators.le, ">": operators.gt, "<": operators.lt}


def now_text(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Logs:
    """The entries of all projects. An entry can be seen `delay` seconds after it was written, as in Google's."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.queries = list[str]()
        self._entries: list[tuple[datetime, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._last = datetime.now(UTC)

    @property
    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        return {"logging.entries.list": self._list}

    def write(self, project: str, log: str, resource: Mapping[str, Any], labels: Mapping[str, str], line: str) -> None:
        """One line of a container's output; timestamps never go back."""
        with self._lock:
            self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
            entry = {
                "logName": f"projects/{project}/logs/{log}",
                "resource": dict(resource),
                "labels": dict(labels),
                "timestamp": now_text(self._last),
                "receiveTimestamp": now_text(self._last),
                "insertId": uuid.uuid4().hex[:16],
                "severity": "DEFAULT",
                "textPayload": line,
            }
            self._entries.append((self._last, entry))

    def write_structured(
        self, project: str, log: str, resource: Mapping[str, Any], labels: Mapping[str, str], content: dict[str, Any]
    ) -> None:
        """A line that is JSON: its special fields become the entry's, as the agent in a container does it."""
        extra = content.pop("logging.googleapis.com/labels", {})
        severity = content.pop("severity", "DEFAULT")
        self.write(project, log, resource, {**labels, **extra}, "")
        entry = self._entries[-1][1]
        del entry["textPayload"]
        entry |= {"jsonPayload": content, "severity": severity}

    def _list(self, call: Call, body: Any) -> Any:  # noqa: ARG002
        if not body.get("resourceNames"):
            raise Refused("INVALID_ARGUMENT", "resourceNames must not be empty")
        if body.get("orderBy") != "timestamp asc":
            raise Refused("UNIMPLEMENTED", "only `timestamp asc` is made in this stand-in")
        self.queries.append(body.get("filter", ""))
        terms = _terms(body.get("filter", ""))
        visible = datetime.now(UTC) - timedelta(seconds=self.delay)
        with self._lock:
            found = [entry for at, entry in self._entries if at <= visible and _fits(entry, terms)]
        projects = tuple(f"{name}/" for name in body["resourceNames"])
        found = [entry for entry in found if entry["logName"].startswith(projects)]
        first, size = int(body.get("pageToken") or 0), min(body.get("pageSize", 50), _LARGEST_PAGE)
        page: dict[str, Any] = {"entries": found[first : first + size]}
        return page | ({"nextPageToken": str(first + size)} if len(found) > first + size else {})


def _terms(query: str) -> list[tuple[list[str], str, str]]:
    rest = _TERM.sub("", query)
    if rest.replace("AND", "").strip():
        raise Refused("INVALID_ARGUMENT", f"Unparseable filter: syntax error at {rest.strip()!r}")
    return [
        ([part.strip('"') for part in re.findall(r'\w+|"[^"]+"', path)], operator, value)
        for path, operator, value in _TERM.findall(query)
    ]


def _fits(entry: Mapping[str, Any], terms: list[tuple[list[str], str, str]]) -> bool:
    return all(_compare(_value(entry, path), operator, value) for path, operator, value in terms)


def _value(entry: Any, path: list[str]) -> str | None:
    for part in path:
        entry = entry.get(part) if isinstance(entry, Mapping) else None
    return entry


def _compare(found: str | None, operator: str, wanted: str) -> bool:
    if found is None or operator == "=":
        return found == wanted
    # Only times are compared otherwise.
    return bool(_OPERATORS[operator](datetime.fromisoformat(found), datetime.fromisoformat(wanted)))
