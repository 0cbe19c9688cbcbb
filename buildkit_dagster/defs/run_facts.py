"""What a finished run says about each dbt project and each step of the platform, read from its events.

A project's outcome is that of its step and its checks; any other step is a subject of its own. Whether it is told, and
to whom, is decided in `notifications.py` and `notify/`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    AssetsDefinition,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
)
from dagster._core.storage.dagster_run import RunRecord

from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.defs.checks import DRIFT, ORPHANS
from buildkit_dagster.defs.failures import DBT_ERROR, ERROR_METADATA
from buildkit_dagster.errors import ApprovalNeeded
from buildkit_dagster.naming import dbt_job_name, dbt_schedule_name, key_text
from buildkit_dagster.notify.facts import Failed, Outcome, RunFacts, Severity

_READ = {
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.RUN_FAILURE,
}
_PAGE = 1000
_FRESHNESS = "freshness"
_MANIFEST, _UNIQUE_ID, _TABLE = "dagster_dbt/manifest", "dagster_dbt/unique_id", "dagster/table_name"
#: What a project's own failure is called where no model or test of it explains one.
BUILD = "build"


@dataclass(frozen=True)
class Owners:
    """Which project a step or an asset belongs to, and the names a table may be listed by."""

    steps: Mapping[str, str]
    jobs: Mapping[str, str]
    assets: Mapping[AssetKey, str]
    tables: Mapping[AssetKey, frozenset[str]]

    def of_step(self, step: str) -> str | None:
        """Dagster numbers an op that it splits: `build_shop_2`."""
        plain = step.partition("[")[0]
        return self.steps.get(plain) or self.steps.get(re.sub(r"_\d+$", "", plain))


def owners_of(
    projects: Sequence[DbtProject], models: Mapping[str, Sequence[AssetsDefinition]], assets: Iterable[AssetsDefinition]
) -> Owners:
    """`models` are the assets of each project, `assets` all there are."""
    found = [(name, asset) for name, assets in models.items() for asset in assets]
    return Owners(
        steps={asset.op.name: name for name, asset in found if asset.is_executable},
        jobs={job: project.name for project in projects for job in _jobs_of(project)},
        assets={key: name for name, asset in found for key in asset.keys},
        tables={
            key: names
            for asset in assets
            for key, metadata in asset.metadata_by_key.items()
            if (names := frozenset(_table_names(metadata)))
        },
    )


def _jobs_of(project: DbtProject) -> Iterator[str]:
    """The job that builds all of a project, and those that build a part of it."""
    yield dbt_job_name(project.name)
    yield from (dbt_schedule_name(project.name, each.name) for each in project.schedules if each.select)


def _table_names(metadata: Mapping[str, object]) -> Iterator[str]:
    """`orders`, `shop.orders`, `warehouse.shop.orders`: as the file's authors may write them."""
    if isinstance(relation := metadata.get(_TABLE), str):
        parts = relation.split(".")
        yield from (".".join(parts[first:]) for first in range(len(parts)))
    manifest = getattr(metadata.get(_MANIFEST), "manifest", None)
    node = (manifest or {}).get("nodes", {}).get(metadata.get(_UNIQUE_ID))
    if node:
        yield node["name"]
        if custom := node.get("config", {}).get("schema"):
            yield f"{custom}.{node.get('alias') or node['name']}"


@dataclass
class _Found:
    """What was read about one subject so far."""

    failed: list[Failed] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    built: int = 0
    ended: bool | None = None
    reason: Failed | None = None


def facts_of(record: RunRecord, ui_url: str | None) -> RunFacts:
    """The run as messages name it; its times are in UTC, its link is empty without the address of Dagster's pages."""
    run = record.dagster_run
    ended = record.end_time or record.update_timestamp.timestamp()
    return RunFacts(
        id=run.run_id,
        job=run.job_name,
        started=datetime.fromtimestamp(record.start_time or ended, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        link=f"{ui_url.rstrip('/')}/runs/{run.run_id}" if ui_url else "",
    )


def outcomes_of(instance: DagsterInstance, record: RunRecord, owners: Owners) -> dict[str | None, list[Outcome]]:
    """What the run says: project → its outcome, None → outcomes of the platform's steps."""
    run = record.dagster_run
    subjects: dict[tuple[str | None, str], _Found] = defaultdict(_Found)
    run_failure = ""
    for event in _events(instance, run.run_id):
        if event.event_type is DagsterEventType.RUN_FAILURE:
            run_failure = event.message or ""
        elif event.step_key:
            project = owners.of_step(event.step_key)
            _note(subjects[project, project or event.step_key], event, owners)
    own = owners.jobs.get(run.job_name)
    if run.status is DagsterRunStatus.FAILURE and not any(found.ended is False for found in subjects.values()):
        subject = subjects[own, own or run.job_name]
        subject.ended, subject.reason = False, _failure(BUILD, "build-failure", run.job_name, run_failure)
    elif run.status is DagsterRunStatus.SUCCESS and own is None:
        subjects[None, run.job_name].passed.add(BUILD)
    whole = run.asset_selection is None and run.asset_check_selection is None
    told: dict[str | None, list[Outcome]] = defaultdict(list)
    for (project, name), one in subjects.items():
        told[project].append(_outcome(name, one, complete=whole and project is not None))
    return told


def _events(instance: DagsterInstance, run: str) -> Iterator[DagsterEvent]:
    cursor, more = None, True
    while more:
        page = instance.get_records_for_run(run, cursor, of_type=_READ, limit=_PAGE)
        cursor, more = page.cursor, page.has_more
        yield from (record.event_log_entry.get_dagster_event() for record in page.records)


def _note(found: _Found, event: DagsterEvent, owners: Owners) -> None:
    kind = event.event_type
    if kind is DagsterEventType.STEP_SUCCESS:
        found.ended = True
    elif kind is DagsterEventType.STEP_FAILURE:
        found.ended, found.reason = False, _step_failure(event)
    elif kind is DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
        found.built += 1
        found.passed.add(_model(event.asset_key))
        # Another try within the run made what the first one could not.
        found.failed = [each for each in found.failed if each.item != _model(event.asset_key)]
    elif kind is DagsterEventType.ASSET_OBSERVATION and event.asset_key:
        error = event.asset_observation_data.asset_observation.metadata.get(DBT_ERROR)
        if error is not None:
            name = key_text(event.asset_key.path)
            tables = owners.tables.get(event.asset_key, frozenset())
            found.failed.append(
                Failed(_model(event.asset_key), "build-failure", name, Severity.ERROR, str(error.value), tables=tables)
            )
    elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        if evaluation.passed:
            found.passed.add(_check(evaluation))
        else:
            found.failed.append(_failed_check(evaluation, owners))


def _outcome(subject: str, found: _Found, *, complete: bool) -> Outcome:
    failed = list(found.failed)
    explained = any(each.severity >= Severity.ERROR for each in failed)
    if found.ended is False and found.reason and not explained:
        failed.append(found.reason)
    elif found.ended is not None:
        found.passed.add(BUILD)
    return Outcome(
        subject,
        tuple(failed),
        frozenset(found.passed - {each.item for each in failed}),
        complete=complete and found.ended is True,
        succeeded=found.ended is True,
        built=found.built,
    )


def _step_failure(event: DagsterEvent) -> Failed:
    """Why a step failed, as its author said it; a plan that waits for approval is no failure but a question."""
    data = event.step_failure_data
    user = data.user_failure_data
    said = (user.description if user else None) or (data.error.message if data.error else "") or ""
    error = user.metadata.get(ERROR_METADATA) if user else None
    if error is not None and error.value == ApprovalNeeded.__name__:
        first = said.splitlines()[0]
        return Failed(BUILD, "plan", str(event.step_key), Severity.WARNING, first, mark=first)
    return _failure(BUILD, "build-failure", str(event.step_key), said)


def _failure(item: str, event: str, name: str, detail: str) -> Failed:
    return Failed(item, event, name, Severity.ERROR, detail)


def _failed_check(evaluation: AssetCheckEvaluation, owners: Owners) -> Failed:
    rows = evaluation.metadata.get("dagster_dbt/failed_row_count")
    detail = _rows(rows.value) if rows is not None and isinstance(rows.value, int) else evaluation.description or ""
    asset = key_text(evaluation.asset_key.path)
    event = _check_event(evaluation.check_name)
    return Failed(
        _check(evaluation),
        event,
        asset if event == "drift" else f"{asset}: {evaluation.check_name}",
        Severity.ERROR if evaluation.severity is AssetCheckSeverity.ERROR else Severity.WARNING,
        detail,
        tables=owners.tables.get(evaluation.asset_key, frozenset()),
    )


def _check_event(name: str) -> str:
    if name in (DRIFT, ORPHANS):
        return "drift"
    return "freshness" if _FRESHNESS in name else "test-failure"


def _rows(count: int) -> str:
    return f"{count:,} rows" if count != 1 else "1 row"


def _model(key: AssetKey) -> str:
    return f"model:{key_text(key.path)}"


def _check(evaluation: AssetCheckEvaluation) -> str:
    return f"check:{key_text(evaluation.asset_key.path)}:{evaluation.check_name}"
