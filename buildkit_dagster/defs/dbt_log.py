"""dbt's structured log lines, wherever they come from, as Dagster events.

dagster-dbt does the same for a dbt it started itself; the one class of it that makes events of a line is used here for
lines out of CloudWatch. It is not public, so the package is pinned and a test compares both ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dagster import AssetCheckKey, AssetCheckResult, AssetExecutionContext, Output
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.core.dbt_cli_event import DbtCliEventMessage, DbtCoreCliEventMessage

_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


class DbtLog:
    """Turns lines of one run of a project into its events, and remembers what was reported."""

    def __init__(
        self, context: AssetExecutionContext, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
    ) -> None:
        self._context = context
        self._manifest = manifest
        self._translator = translator
        self._outputs: set[str] = set()
        self._checks: set[AssetCheckKey] = set()

    def translate(self, line: str) -> tuple[list[Any], str | None]:
        """Events of a line, and its text if it says that something went wrong; the text goes into the run's log."""
        raw = _structured(line)
        if raw is None:
            if line.strip():
                self._context.log.info(line)
            return [], line
        info = raw["info"]
        if info["msg"].strip():
            self._context.log.log(_LEVELS.get(info["level"], "INFO"), info["msg"])
        events = list(self.events(DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})))
        return events, info["msg"] if info["level"] == "error" else None

    def events(self, message: DbtCliEventMessage) -> Iterator[Any]:
        """Events of a parsed line."""
        for event in message.to_default_asset_events(self._manifest, self._translator, self._context):
            if isinstance(event, Output):
                self._outputs.add(event.output_name)
            elif isinstance(event, AssetCheckResult) and event.asset_key and event.check_name:
                self._checks.add(AssetCheckKey(event.asset_key, event.check_name))
            yield event

    def missing(self) -> list[str]:
        """What is selected and was not reported, as people write it: models, or tests where only tests are selected.

        Tests of selected models do not count: a project whose commands are `dbt run` has none to report.
        """
        if assets := self._context.selected_asset_keys:
            unseen = {key for key in assets if key.to_python_identifier() not in self._outputs}
            return sorted(key.to_user_string() for key in unseen)
        unchecked = self._context.selected_asset_check_keys - self._checks
        return sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in unchecked)


def _structured(line: str) -> dict[str, Any] | None:
    """dbt's JSON, None for anything else, also for other people's JSON."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    info = found.get("info")
    known = isinstance(info, dict) and isinstance(info.get("msg"), str) and {"name", "level"} <= info.keys()
    return found if known and isinstance(found.get("data"), dict) else None
