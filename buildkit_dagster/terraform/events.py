"""Terraform's JSON event stream: one class for an event, and a reader that follows the file while it grows.

What an event means for a unit is `release.py`, errors are made of diagnostics in `failures.py`.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildkit_dagster.process import Child

#: Kinds whose message people want to see while Terraform runs. `apply_progress` repeats every ten seconds, and
#: `provision_progress` is the output of somebody else's program.
_TOLD = frozenset({"apply_start", "apply_complete", "apply_errored", "change_summary"})
_INTERVAL = 0.1


@dataclass(frozen=True)
class TerraformEvent:
    """One line of `-json` output."""

    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, line: str) -> TerraformEvent | None:
        """The event on a line; None where the line is something else (warnings get printed around the JSON)."""
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError):  # numbers and nesting have limits of their own
            return None
        return cls(raw) if isinstance(raw, dict) and isinstance(raw.get("type"), str) else None

    @property
    def kind(self) -> str:
        return str(self.raw["type"])

    @property
    def message(self) -> str:
        return str(self.raw.get("@message", ""))

    @property
    def address(self) -> str | None:
        """The resource instance an apply event is about."""
        resource = self._hook.get("resource")
        return _text(resource.get("addr")) if isinstance(resource, Mapping) else None

    @property
    def action(self) -> str | None:
        """What is done to it: create, update, delete, read."""
        return _text(self._hook.get("action"))

    @property
    def id(self) -> str | None:
        """The resource's `id`, which is printed when it is complete."""
        return _text(self._hook.get("id_value")) if self._hook.get("id_key") == "id" else None

    @property
    def is_complete(self) -> bool:
        return self.kind == "apply_complete"

    @property
    def is_told(self) -> bool:
        """Whether its message belongs into the run's log."""
        return self.kind in _TOLD

    @property
    def diagnostic(self) -> Mapping[str, Any] | None:
        """The body of an error or a warning."""
        body = self.raw.get("diagnostic") if self.kind == "diagnostic" else None
        return body if isinstance(body, Mapping) else None

    @property
    def _hook(self) -> Mapping[str, Any]:
        hook = self.raw.get("hook")
        return hook if isinstance(hook, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def json_object_in(text: str) -> dict[str, Any]:
    """The one JSON object on Terraform's stdout; warnings may stand around it, with braces of their own."""
    decoder, found, end, longest = json.JSONDecoder(), None, 0, 0
    for line in re.finditer(r"^[^\S\n]*(?=\{)", text, re.MULTILINE):
        if line.end() < end:
            continue
        with contextlib.suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(text, line.end())
            if end - line.end() > longest:
                found, longest = value, end - line.end()
    if not isinstance(found, dict):
        raise ValueError("no JSON object in Terraform's output")
    return found


def read_events(file: Path) -> list[TerraformEvent]:
    """All events of a finished stream."""
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return [event for line in lines if (event := TerraformEvent.parse(line))]


def follow(child: Child, on_idle: Callable[[], None]) -> Iterator[list[TerraformEvent]]:
    """What the child has written since the last look, nothing at times, until it has ended and all of it is read."""
    with child.stdout.open(encoding="utf-8", errors="replace") as stream:
        part = ""
        while True:
            ended = child.poll() is not None
            *lines, part = (part + stream.read()).split("\n")
            yield [event for line in lines if (event := TerraformEvent.parse(line))]
            if ended:
                return
            on_idle()
            time.sleep(_INTERVAL)
