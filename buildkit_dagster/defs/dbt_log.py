"""dbt's structured log lines, wherever they come from, as Dagster events, and what became of every node.

dagster-dbt does the same for a dbt it started itself; the one class of it that makes events of a line is used here for
lines out of CloudWatch. It is not public, so the package is pinned and a test compares both ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetObservation,
    Output,
)
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_checks_on_sources_upstream_of_selected_assets
from dagster_dbt.core.dbt_cli_event import DbtCliEventMessage, DbtCoreCliEventMessage

from buildkit_dagster.defs.dbt_checks import extra_result, status_of
from buildkit_dagster.defs.failures import DBT_ERROR
from buildkit_dagster.runtimes.dbt_retry import runs

_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}

#: Lines about a node that are not what became of it.
_UNFINISHED = frozenset({"started", "compiling", "executing", "none", ""})


_PARTS = ("nodes", "unit_tests", "exposures", "metrics", "saved_queries", "semantic_models")

#: What unique ids of nodes begin with that assets or checks are made of.
_BUILT = ("model.", "seed.", "snapshot.", "test.", "unit_test.")

_PREPARE = "after a complete build, run `buildkit prepare` and reload the code location"


class PlainLog:
    """Lines of a project whose models are not known: they go into the run's log and mean nothing else."""

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context

    def translate(self, line: str) -> tuple[list[Any], str | None]:
        """Events of a line, and its text if it says that something went wrong; the text goes into the run's log."""
        raw, shown = _logged(self._context, line)
        message = DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={}) if raw else None
        return list(self.events(message)) if message else [], shown

    def events(self, message: DbtCliEventMessage) -> Iterator[Any]:  # noqa: ARG002
        """Events of a parsed line."""
        yield from ()


class DbtLog(PlainLog):
    """Turns lines of one run of a project into its events, and remembers what was reported.

    `extra` are the checks dagster-dbt does not know. Without `reports` there are no events: what is built is not what
    the graph shows. While `holding`, failed checks wait: a retry may mend them, and
    Dagster takes one result of a check from a step. `statuses` is what dbt said last of every node.
    """

    def __init__(
        self,
        context: AssetExecutionContext,
        manifest: Mapping[str, Any],
        translator: DagsterDbtTranslator,
        extra: Sequence[AssetCheckSpec] = (),
        *,
        reports: bool = True,
    ) -> None:
        super().__init__(context)
        self._reports = reports
        self._known = {uid for part in (*_PARTS, "sources") for uid in manifest.get(part, {})}
        self._unknown: set[str] = set()
        self._manifest = manifest
        self._translator = translator
        self._extra = [spec for spec in extra if spec.key in _expected(context)]
        self._outputs: set[str] = set()
        self._checks: set[AssetCheckKey] = set()
        self._reported: set[str] = set()
        self._held: dict[AssetCheckKey, AssetCheckResult] = {}
        self.holding = False
        self.statuses: dict[str, str] = {}

    def events(self, message: DbtCliEventMessage) -> Iterator[Any]:
        """Events of a parsed line; a model that failed is observed at once, with dbt's message."""
        node = self._remember(message.raw_event)
        if not self._reports or self._is_unknown(node):
            return
        if failed := _failed_node(message.raw_event):
            key = self._translator.get_asset_spec(self._manifest, failed, None).key
            said = " ".join(message.raw_event["info"]["msg"].split())
            self._context.log_event(AssetObservation(key, metadata={DBT_ERROR: said}))
        extra = extra_result(message.raw_event, self._extra)
        found = message.to_default_asset_events(self._manifest, self._translator, self._context)
        for event in [extra] if extra else found:
            if isinstance(event, AssetObservation | AssetCheckResult | Output):
                self._reported.add(node)
            if isinstance(event, AssetCheckResult):
                yield from self._checked(event)
                continue
            if isinstance(event, Output):
                self._outputs.add(event.output_name)
            yield event

    def held(self) -> Iterator[AssetCheckResult]:
        """The failed checks that waited and were not mended."""
        while self._held:
            _, result = self._held.popitem()
            yield result

    def unreported(self) -> list[str]:
        """Every node of the project without an event in this run, and why: nothing is passed over in silence."""
        nodes = {uid: node for part in _PARTS for uid, node in self._manifest.get(part, {}).items()}
        return [f"{uid} ({self._reason(node)})" for uid, node in sorted(nodes.items()) if uid not in self._reported]

    def _remember(self, raw: Mapping[str, Any]) -> str:
        node = str((raw["data"].get("node_info") or {}).get("unique_id") or "")
        status = status_of(raw)
        if node and status not in _UNFINISHED:
            self.statuses[node] = status
        return node

    def _is_unknown(self, node: str) -> bool:
        """Whether the project has this node only since the manifest was made: it is in the graph after the next one."""
        if node in self._known or not node.startswith(_BUILT):
            return False
        if node not in self._unknown:
            self._unknown.add(node)
            self._context.log.warning(f"{node} is not in the graph yet: {_PREPARE}")
        return True

    def _checked(self, result: AssetCheckResult) -> Iterator[AssetCheckResult]:
        assert result.asset_key
        assert result.check_name
        key = AssetCheckKey(result.asset_key, result.check_name)
        self._held.pop(key, None)
        self._checks.add(key)
        if self.holding and not result.passed:
            self._held[key] = result
        else:
            yield result

    def _reason(self, node: Mapping[str, Any]) -> str:
        if node.get("config", {}).get("materialized") == "ephemeral":
            return "ephemeral: part of what reads it"
        if not runs(node):
            return f"{node['resource_type']}: nothing to build"
        return self.statuses.get(node["unique_id"], "no command ran it")

    def missing(self) -> list[str]:
        """What is selected and was not reported, as people write it: models, or tests where only tests are selected.

        Tests of selected models do not count: a project whose commands are `dbt run` has none to report.
        """
        if assets := self._context.selected_asset_keys:
            unseen = {key for key in assets if key.to_python_identifier() not in self._outputs}
            return sorted(key.to_user_string() for key in unseen)
        unchecked = self._context.selected_asset_check_keys - self._checks
        return sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in unchecked)


def _logged(context: AssetExecutionContext, line: str) -> tuple[dict[str, Any] | None, str | None]:
    """Write a line into the run's log; it parsed, if it is dbt's, and its text if it tells of something wrong."""
    raw = _structured(line)
    if raw is None:
        if line.strip():
            context.log.info(line)
        return None, line
    info = raw["info"]
    if info["msg"].strip():
        context.log.log(_LEVELS.get(info["level"], "INFO"), info["msg"])
    return raw, info["msg"] if info["level"] == "error" else None


def _expected(context: AssetExecutionContext) -> set[AssetCheckKey]:
    """Selected checks, and those of what the selected assets read, which dbt runs along."""
    beside = get_checks_on_sources_upstream_of_selected_assets(context.assets_def, context.selected_asset_keys)
    return {*context.selected_asset_check_keys, *beside}


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


def _failed_node(raw: Mapping[str, Any]) -> str | None:
    """The model, seed or snapshot whose error this line tells; tests report themselves as checks."""
    unique_id = raw["data"].get("node_info", {}).get("unique_id", "")
    told = raw["info"]["name"] == "RunResultError" and raw["info"]["level"] == "error"
    return unique_id if told and unique_id.startswith(("model.", "seed.", "snapshot.")) else None
