"""From a process's output file to CloudWatch Logs, line by line, as it is written.

Reading log groups back is `runtimes/logs` in the package, the same on AWS and here.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

#: PutLogEvents takes this many events and characters at once.
_MOST_EVENTS = 1000
_LONGEST_LINE = 250_000


class LogStream:
    """A stream of a log group."""

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self.group = group
        self.stream = stream

    def create(self, *, group_too: bool) -> None:
        """Create the stream; raises the client's ResourceNotFoundException for a missing group unless `group_too`."""
        errors = self._client.exceptions
        if group_too:
            with contextlib.suppress(errors.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=self.group)
        self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)

    def put(self, lines: list[str]) -> None:
        """Append lines, all with the time of now."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": part} for line in lines for part in _parts(line)]
        for start in range(0, len(events), _MOST_EVENTS):
            self._client.put_log_events(
                logGroupName=self.group,
                logStreamName=self.stream,
                logEvents=events[start : start + _MOST_EVENTS],
            )


def _parts(line: str) -> list[str]:
    """A line as events; an empty one is none."""
    return [line[start : start + _LONGEST_LINE] for start in range(0, len(line), _LONGEST_LINE)]


class Tail:
    """Reads the complete lines a file has gained since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def lines(self, *, last: bool = False) -> list[str]:
        """New lines; with `last`, an unfinished one too."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *complete, self._rest = (self._rest + data).split(b"\n")
        if last and self._rest:
            complete, self._rest = [*complete, self._rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in complete]
