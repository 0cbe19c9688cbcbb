"""`retry_config` of a job: a load that could not start is tried again as often, one whose work failed never is."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance, PipesClientCompletedInvocation, materialize

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.defs.ingest import ingest_assets
from buildkit_dagster.defs.runtimes import table
from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load
from buildkit_dagster.errors import RuntimeFailure, TaskFailed, TaskNotPlaced
from tests.scenario import edited, write_platform

KINDS = ("STEP_START", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_FAILURE")


def _tries(folder: Path, monkeypatch: pytest.MonkeyPatch, failure: RuntimeFailure, config: str) -> list[str]:
    """What became of a load on a runtime that fails each time."""

    def fail(_load: Load) -> PipesClientCompletedInvocation:
        raise failure

    write_platform(folder)
    edited(folder, "config/jobs/acme/sales.yaml", "schedule: rate(12 hours)", config)
    edited(folder, "config/jobs/acme/sales.yaml", "{type: aws_ecs_fargate, cpu: 256, memory: 512}", "{type: local}")
    monkeypatch.setattr(table, "RUNTIMES", {**table.RUNTIMES, "local": IngestRuntime("python", lambda _: (), fail)})
    assets = ingest_assets(load_platform(folder, "dev"), read_environment())
    (sales,) = [each for each in assets if each.key.path[-1] == "sales"]
    with DagsterInstance.local_temp(str(folder)) as instance:
        done = materialize([sales], instance=instance, partition_key=None, raise_on_error=False)
    return [event.event_type_value for event in done.all_events if event.event_type_value in KINDS]


NO_ROOM = TaskNotPlaced("sales", "no capacity")
BROKEN = TaskFailed("sales", "1", 1, "broken", ())
SOON = "retry_config: {max_retries: 2, initial_delay_seconds: 0}"


@pytest.mark.parity("B-24", "B!16")
@pytest.mark.parametrize(
    ("failure", "config", "again"),
    [(NO_ROOM, SOON, 2), (NO_ROOM, "retry_config: {max_retries: 0}", 0), (NO_ROOM, "", 0), (BROKEN, SOON, 0)],
    ids=["no room, two more tries", "no room, none more", "no room, nothing said", "work that failed"],
)
def test_only_a_load_that_could_not_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: RuntimeFailure, config: str, again: int
):
    expected = ["STEP_START", *["STEP_UP_FOR_RETRY", "STEP_RESTARTED"] * again, "STEP_FAILURE"]
    assert _tries(tmp_path, monkeypatch, failure, config) == expected
