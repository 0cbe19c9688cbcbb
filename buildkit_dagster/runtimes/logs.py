"""Reading a log while it is written, at intervals: Dagster's own reader polls without a pause. Here is CloudWatch's.

What the lines mean (dbt events, Pipes messages) and when the work has ended belong to the callers; Google's log is
read in `google_logs.py`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import GetLogEventsResponseTypeDef


class Tail(ABC):
    """A position in one log; every line is returned exactly once, in order.

    `interval` (seconds) is the least time between two polls, so no caller can hammer the API.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next_poll = 0.0

    def poll(self) -> list[str]:
        """All lines written since the last call; sleeps first when that was less than `interval` ago."""
        time.sleep(max(0.0, self._next_poll - time.monotonic()))
        try:
            return self._new_lines()
        finally:
            self._next_poll = time.monotonic() + self._interval

    def follow(self, ended: Callable[[], bool], settle: float = 5.0, *, last_line: str | None = None) -> Iterator[str]:
        """Lines as they come, until `ended()` and then no new line for `settle` seconds (CloudWatch lags).

        `last_line` is one that the work writes at its very end: it is not returned, and after it nothing is waited for.
        """
        quiet_since: float | None = None
        seen_last = False
        while quiet_since is None or time.monotonic() - quiet_since < settle:
            over = ended()
            lines = self.poll()
            yield from (line for line in lines if line != last_line)
            seen_last = seen_last or last_line in lines
            if over and seen_last:
                return
            if lines or not over:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()

    @abstractmethod
    def _new_lines(self) -> list[str]:
        """What has been written since the last call."""


class LogTail(Tail):
    """A position in one log stream of CloudWatch.

    A stream that does not exist yet is an empty one: services create it with the first line.
    """

    def __init__(self, client: CloudWatchLogsClient, group: str, stream: str, interval: float = 1.0) -> None:
        super().__init__(interval)
        self._client = client
        self._group = group
        self._stream = stream
        self._token: str | None = None

    def _new_lines(self) -> list[str]:
        """Page forward until the token stays the same, which is how the API says that this is the end for now.

        The position moves only when all pages are here: after an error the same lines are read again, none is lost.
        """
        lines: list[str] = []
        token = self._token
        while (page := self._page(token)) is not None:
            for event in page["events"]:
                lines += event["message"].rstrip("\r\n").split("\n")
            if page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]
        self._token = token
        return lines

    def _page(self, token: str | None) -> GetLogEventsResponseTypeDef | None:
        following = {"nextToken": token} if token else {}
        try:
            return self._client.get_log_events(
                logGroupName=self._group, logStreamName=self._stream, startFromHead=True, **following
            )
        except self._client.exceptions.ResourceNotFoundException:
            return None
