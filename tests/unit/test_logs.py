"""The CloudWatch log reader, on a hand-written stream that pages, lags and fails like the real one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from buildkit_dagster.runtimes.logs import LogTail


class _NotFound(Exception):
    pass


class FakeLogs:
    """A log stream of `pages` events per answer; `messages` may grow, `fail_at` breaks one call."""

    class exceptions:
        ResourceNotFoundException = _NotFound

    def __init__(self, messages: list[str] | None, page: int = 2) -> None:
        self.messages = messages
        self.page = page
        self.fail_at: int | None = None
        self.calls = 0

    def get_log_events(self, *, nextToken: str = "f/0", **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls == self.fail_at:
            raise ConnectionError("reset")
        if self.messages is None:
            raise _NotFound
        start = int(nextToken[2:])
        events = self.messages[start : start + self.page]
        return {"events": [{"message": m} for m in events], "nextForwardToken": f"f/{start + len(events)}"}


def tail(logs: FakeLogs, interval: float = 0.0) -> LogTail:
    return LogTail(logs, "group", "stream", interval)  # type: ignore[arg-type]


def test_every_line_comes_once_over_pages_and_polls():
    logs = FakeLogs(["a\n", "b\nc\n", "", "d\r\n", "e"])
    reader = tail(logs)
    assert reader.poll() == ["a", "b", "c", "", "d", "e"]
    assert reader.poll() == []
    assert logs.messages is not None
    logs.messages += ["f", "g", "h"]
    assert reader.poll() == ["f", "g", "h"]


def test_a_stream_that_does_not_exist_yet_is_empty():
    logs = FakeLogs(None)
    reader = tail(logs)
    assert reader.poll() == []
    logs.messages = ["first"]
    assert reader.poll() == ["first"]


def test_a_page_that_fails_loses_no_line():
    logs = FakeLogs(["a", "b", "c", "d"])
    logs.fail_at = 2
    reader = tail(logs)
    with pytest.raises(ConnectionError):
        reader.poll()
    assert reader.poll() == ["a", "b", "c", "d"]


def test_polls_keep_the_interval():
    reader = tail(FakeLogs(["a"]), interval=0.2)
    started = time.monotonic()
    reader.poll()
    reader.poll()
    assert time.monotonic() - started >= 0.2


def test_what_is_written_after_the_work_has_ended_is_waited_for():
    logs = FakeLogs(["one"])
    looks: list[int] = []

    def ended() -> bool:
        looks.append(len(logs.messages or []))
        if len(looks) == 5:  # when it has been quiet for some polls
            logs.messages = ["one", "written late"]
        if len(looks) == 7:
            logs.messages = ["one", "written late", "the end"]
        return True

    # The last line ends it, so a busy machine may take its time: nothing else does within the hour.
    seen = list(tail(logs, interval=0.01).follow(ended, settle=3600.0, last_line="the end"))
    assert seen == ["one", "written late"]
    assert len(looks) == 7


def test_following_ends_only_when_the_work_has_ended_and_the_stream_is_quiet():
    logs = FakeLogs(["one"])
    ends: list[float] = []

    def ended() -> bool:
        if logs.calls >= 4:
            ends.append(time.monotonic())
        return bool(ends)

    assert list(tail(logs, interval=0.01).follow(ended, settle=0.2)) == ["one"]
    assert time.monotonic() - ends[0] >= 0.2
