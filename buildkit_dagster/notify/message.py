"""How news reads: a title, a few lines of Markdown and the same as data for machines.

One message holds everything a run says to one reader. What a channel makes of it is in `services.py`, `sns.py` and
`incidents.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from buildkit_dagster.notify.facts import Failed, RunFacts, Severity
from buildkit_dagster.notify.news import News

#: So many failures are named, with so much of their names and reasons: Discord takes 2,000 characters in all.
_MOST_LINES, _LONGEST_NAME, _LONGEST_REASON = 8, 70, 100

#: Of several events in one message, the first one here gives it its name.
_ORDER = ("build-failure", "test-failure", "freshness", "drift", "plan")
_NOUNS = {
    "build-failure": ("failure", "failures"),
    "test-failure": ("failed test", "failed tests"),
    "freshness": ("stale table", "stale tables"),
    "drift": ("unit that drifted", "units that drifted"),
    "plan": ("plan that waits for approval", "plans that wait for approval"),
}


@dataclass(frozen=True)
class Message:
    """What is sent, and kept as JSON until it is. `key` is the same from a failure to its end; `action` says what it
    does to an incident of that key: `open`, `update`, `close` or nothing."""

    event: str
    severity: int
    title: str
    body: str
    key: str
    action: str = ""
    link: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Severity:
        return Severity(self.severity)

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Writer:
    """Writes for one reader: a dbt project's, or the platform's own (`name` is the project or the platform)."""

    name: str
    environment: str
    zone: tzinfo

    def write(self, run: RunFacts, news: Sequence[News]) -> Message | None:
        """One message for all that is news in a run; None where nothing is."""
        failed = tuple(each for one in news for each in one.failed)
        ended = [one for one in news if one.recovered]
        if failed:
            return self._failure(run, news, failed)
        if ended:
            return self._end(run, ended)
        return None

    def success(self, run: RunFacts, built: int) -> Message:
        """The message of a run in which nothing failed."""
        what = _counted(built, ("model", "models")) + " built" if built else f"{run.job} succeeded"
        return self._message("build-success", Severity.INFO, f"{what} in {lasted(run)}", [], run, "")

    def pages(self, run: RunFacts, news: Iterable[News]) -> list[Message]:
        """A message per subject, for services that keep an incident for each."""
        found = []
        for one in news:
            if one.failed:
                found.append(self._failure(run, [one], one.failed))
            elif one.closes:
                found.append(self._end(run, [one]))
        return found

    def _failure(self, run: RunFacts, news: Sequence[News], failed: Sequence[Failed]) -> Message:
        counts = Counter(each.event for each in failed)
        events = [event for event in _ORDER if event in counts]
        summary = ", ".join(_counted(counts[event], _NOUNS[event]) for event in events)
        ranked = sorted(failed, key=lambda each: (-each.severity, _ORDER.index(each.event), each.name))
        ended = [f"Recovered: {one.subject}." for one in news if one.recovered]
        action = "open" if any(one.opens for one in news) else "update"
        return self._message(
            events[0],
            max(each.severity for each in failed),
            summary,
            [*_listed(ranked), *ended],
            run,
            news[0].subject,
            action,
            ranked,
        )

    def _end(self, run: RunFacts, news: Sequence[News]) -> Message:
        since = min((one.since for one in news if one.since), default=run.ended)
        subjects = [one.subject for one in news if one.subject != self.name]
        summary = f"recovered after {_duration(run.ended - since)}"
        return self._message(
            "recovered",
            Severity.INFO,
            summary,
            [f"Recovered: {', '.join(subjects)}."] if subjects else [],
            run,
            news[0].subject,
            "close",
        )

    def _message(
        self,
        event: str,
        severity: Severity,
        summary: str,
        lines: Sequence[str],
        run: RunFacts,
        subject: str,
        action: str = "",
        failed: Sequence[Failed] = (),
    ) -> Message:
        started = run.started.astimezone(self.zone)
        shown = f"[run {run.id[:8]}]({run.link})" if run.link else f"run {run.id[:8]}"
        foot = f"{severity.label} · `{run.job}` · started {clock(started)} · took {lasted(run)} · {shown}"
        return Message(
            event=event,
            severity=int(severity),
            title=f"{self.name} ({self.environment}): {summary}",
            body="\n".join([*lines, *([""] if lines else []), foot]),
            key="/".join([self.name, self.environment, *([subject] if subject not in ("", self.name) else [])]),
            action=action,
            link=run.link,
            data={
                "project": self.name,
                "environment": self.environment,
                "run": run.id,
                "job": run.job,
                "started": started.isoformat(),
                "seconds": round((run.ended - run.started).total_seconds()),
                "failed": [
                    {"name": each.name, "event": each.event, "severity": each.severity.label} for each in failed
                ],
            },
        )


def folded(messages: Sequence[Message]) -> Message:
    """Many messages as one, for a channel people read."""
    if len(messages) == 1:
        return messages[0]
    worst = max(messages, key=lambda message: message.severity)
    return Message(
        event=worst.event,
        severity=worst.severity,
        title=f"{len(messages)} messages at once",
        body="\n".join(f"- {_cut(message.title, _LONGEST_NAME)}" for message in messages),
        key="",
        link=worst.link,
    )


def lasted(run: RunFacts) -> str:
    return _duration(run.ended - run.started)


def clock(moment: datetime) -> str:
    """A time as people read it, with its zone: `2026-11-24 02:00 CET`, `2026-11-23 22:00 UTC-03:00`."""
    return moment.strftime("%Y-%m-%d %H:%M %Z")


def _listed(failed: Sequence[Failed]) -> list[str]:
    lines = [f"- `{_cut(each.name, _LONGEST_NAME)}`{_reason(each)}" for each in failed[:_MOST_LINES]]
    return [*lines, *([f"- and {len(failed) - _MOST_LINES} more"] if len(failed) > _MOST_LINES else [])]


def _reason(failed: Failed) -> str:
    """In a span of code: no service finds a mention or a link in there."""
    mark = " (critical)" if failed.severity is Severity.CRITICAL else ""
    cut = _cut(" ".join(failed.detail.replace("`", "'").split()), _LONGEST_REASON)
    return f"{mark}: `{cut}`" if cut else mark


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _counted(count: int, nouns: tuple[str, str]) -> str:
    return f"{count} {nouns[count != 1]}"


def _duration(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = divmod(seconds // 60, 60)[::-1]
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
