"""Reading a job's lines in Cloud Logging while they are written.

A log that cannot be read does not stop the work it is of: it is said once. Which entries are a job's is the filter of
the caller; what a runtime needs of intervals and endings is `logs.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from buildkit_dagster.cloud.google_failures import told_as_ours
from buildkit_dagster.errors import GoogleRefused, GoogleUnavailable
from buildkit_dagster.runtimes.logs import Tail

#: Entries arrive out of order; each poll looks back this far, and what was seen is known by its id.
_OVERLAP = timedelta(seconds=30)
_PAGE = 1000
#: How many intervals are waited after each failure: with Google's pace 45 s, in which most of a minute's quota is back.
_PATIENCE = (1, 2, 4, 8)


class GoogleLogTail(Tail):
    """The lines of all entries that a filter finds, from `since` on; `tell` hears why there are none to read."""

    def __init__(
        self,
        client: Any,
        project: str,
        query: str,
        since: datetime,
        tell: Callable[[str], None],
        interval: float,
    ) -> None:
        super().__init__(interval)
        self._client, self._project, self._query, self._tell = client, project, query, tell
        self._newest = since
        self._seen: dict[str, datetime] = {}
        self._refused = False

    def _new_lines(self) -> list[str]:
        if self._refused:
            return []
        try:
            entries = self._unseen()
        except GoogleRefused as error:
            self._refused = True
            self._tell(f"{error}; the work goes on, its output is not shown here")
            return []
        self._remember(entries)
        return [line for entry in entries for line in _text(entry).rstrip("\n").split("\n")]

    def _unseen(self) -> list[Mapping[str, Any]]:
        """New entries. What cannot be read now is tried again for a while: no answer is not the log's end."""
        for patience in _PATIENCE:
            try:
                with told_as_ours(f"read the log of {self._project}"):
                    return [entry for entry in self._entries() if entry["insertId"] not in self._seen]
            except GoogleUnavailable:
                time.sleep(patience * self._interval)
        return []

    def _entries(self) -> Iterator[Mapping[str, Any]]:
        since = (self._newest - _OVERLAP).isoformat().replace("+00:00", "Z")
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{self._project}"],
            "filter": f'{self._query} AND timestamp>="{since}"',
            "orderBy": "timestamp asc",
            "pageSize": _PAGE,
        }
        while True:
            page = self._client.entries().list(body=body).execute(num_retries=0)
            yield from page.get("entries", ())
            if not page.get("nextPageToken"):
                return
            body = {**body, "pageToken": page["nextPageToken"]}

    def _remember(self, entries: list[Mapping[str, Any]]) -> None:
        for entry in entries:
            written = datetime.fromisoformat(entry["timestamp"])
            self._seen[entry["insertId"]] = written
            self._newest = max(self._newest, written)
        horizon = self._newest - _OVERLAP
        self._seen = {name: written for name, written in self._seen.items() if written >= horizon}


def _text(entry: Mapping[str, Any]) -> str:
    """A line as the container wrote it, or the message of one that it wrote as JSON."""
    if "textPayload" in entry:
        return str(entry["textPayload"])
    return str(entry.get("jsonPayload", {}).get("message", ""))
