"""What each day cost, as an asset with history: one request for any number of days, each day kept and told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, Definitions, build_schedule_context

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.validate import validate
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.costs import cost_assets, cost_jobs, cost_schedules
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.naming import COSTS_JOB, COSTS_KEY
from tests.scenario import edited, write_platform
from tests.tags.test_costs import period, spent

__all__ = ["spent"]


def counting(folder: Path, costs: str, tag: str = "center") -> Platform:
    """A platform of its own that counts costs; `tag` is one its connector gives."""
    write_platform(folder)
    edited(folder, "config/connectors/raw.yaml", "tags: {", f"tags: {{{tag}: ENG-001, ")
    name = f"harbour-{uuid.uuid4().hex[:8]}"
    edited(folder, "config/platform.yaml", "name: harbour\n", f"name: {name}\n")
    edited(folder, "config/platform.yaml", "  region: eu-west-1\n", f"  region: us-east-1\n  costs: {costs}\n")
    return load_platform(folder, "dev")


def test_days_are_counted_kept_and_told_with_numbers_for_each_cost_center(
    tmp_path: Path, emulator: Emulator, boto: Callable[[str], Any], spent: Callable[..., None]
) -> None:
    tag = f"center_{uuid.uuid4().hex[:8]}"
    platform = counting(tmp_path, f"{{since: '2024-03-01', by: {tag}}}", tag)
    bucket = platform.names.bucket("artifacts")
    boto("s3").create_bucket(Bucket=bucket)
    first = period("2024-03-05", "2024-03-06", ENG_001="2.25", ENG_002="1", _="0.5")
    spent({"ResultsByTime": [first, period("2024-03-07", "2024-03-08", ENG_001="4")]})
    process = replace(read_environment(), endpoint=emulator.endpoint)
    definitions = Definitions(cost_assets(platform, process), jobs=cost_jobs(platform))
    instance = DagsterInstance.ephemeral()
    days = {"dagster/asset_partition_range_start": "2024-03-05", "dagster/asset_partition_range_end": "2024-03-07"}
    run = definitions.resolve_job_def(COSTS_JOB).execute_in_process(instance=instance, tags=days)

    told = {
        event.partition: event.materialization.metadata
        for event in run.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    }
    assert sorted(told) == ["2024-03-05", "2024-03-06", "2024-03-07"]
    numbers = {name: each.value for name, each in told["2024-03-05"].items() if isinstance(each.value, float)}
    assert numbers == {
        "total USD": 3.75,
        "aws ENG-001 USD": 2.25,
        "aws ENG-002 USD": 1.0,
        "aws untagged USD": 0.5,
    }
    assert told["2024-03-07"]["costs"].records[0].data["amount"] == "4"
    assert instance.get_materialized_partitions(AssetKey(COSTS_KEY)) == set(told)
    assert f"Cost Explorer has not seen '{tag}' yet" in str(list(instance.all_logs(run.run_id)))

    kept = boto("s3").get_object(Bucket=bucket, Key="costs/daily/2024-03-05.jsonl")["Body"].read().decode()
    assert json.loads(kept.splitlines()[0]) == {
        "day": "2024-03-05",
        "cloud": "aws",
        "value": "ENG-001",
        "amount": "2.25",
        "currency": "USD",
    }
    assert boto("s3").get_object(Bucket=bucket, Key="costs/daily/2024-03-06.jsonl")["Body"].read() == b""


def test_the_schedule_counts_the_last_day_that_is_complete_and_no_other_job_counts(tmp_path: Path) -> None:
    platform = counting(tmp_path, "{since: '2024-03-01'}")
    definitions = build_definitions(platform.model_copy(update={"dbt_projects": ()}), read_environment())
    (schedule,) = cost_schedules(platform)
    assert schedule.cron_schedule == "0 6 * * *"
    with DagsterInstance.ephemeral() as instance:
        tick = datetime(2024, 3, 9, 6, tzinfo=UTC)
        context = build_schedule_context(
            instance, scheduled_execution_time=tick, repository_def=definitions.get_repository_def()
        )
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert request.partition_key == "2024-03-07"
    everything = definitions.resolve_job_def("platform").asset_layer.selected_asset_keys
    assert AssetKey(COSTS_KEY) not in everything
    assert definitions.resolve_asset_graph().get(AssetKey(COSTS_KEY)).group_name == "costs"


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ("{since: '2024-02-30'}", "config/platform.yaml:4: defaults.costs.since: '2024-02-30' is no day"),
        ("{since: march}", "'march' is not allowed; allowed: a day such as 2026-10-01, in quotes"),
        ("{by: owner}", "costs.since: required key is missing"),
    ],
)
def test_a_day_that_is_none_is_a_problem(tmp_path: Path, costs: str, expected: str) -> None:
    write_platform(tmp_path)
    edited(tmp_path, "config/platform.yaml", "  region: eu-west-1\n", f"  region: eu-west-1\n  costs: {costs}\n")
    problems = [str(problem) for problem in validate(tmp_path)]
    assert any(expected in problem for problem in problems), problems
