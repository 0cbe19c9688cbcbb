"""Which of several builds is the latest, also when they end at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from buildkit_dagster.runtimes.dbt_artifacts import ArtifactStore, BuildFolder


@pytest.fixture
def store(boto: Callable[[str], Any], request: pytest.FixtureRequest) -> ArtifactStore:
    boto("s3").create_bucket(Bucket="latest-of-several")
    return ArtifactStore(boto("s3"), "latest-of-several", f"dbt-artifacts/project={request.node.name[-20:]}/")


def test_a_build_that_started_earlier_does_not_take_the_place_of_a_later_one(store: ArtifactStore):
    assert store.latest() is None
    early, late = BuildFolder.new("a"), BuildFolder.new("b")
    assert early.started < late.started
    assert store.complete(late)
    assert not store.complete(early)
    assert store.latest() == late


def test_of_builds_that_end_together_the_last_started_stays(store: ArtifactStore):
    builds = [BuildFolder.new(f"run-{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.complete, builds))
    assert store.latest() == builds[-1]


def test_results_of_a_run_come_in_the_order_they_were_written(store: ArtifactStore, boto: Callable[[str], Any]):
    first, second = BuildFolder.new("r"), BuildFolder.new("r")
    for build, name in ((second, "run_results.1"), (first, "run_results.10"), (first, "run_results.2")):
        key = f"{store.prefix}{build.path}{name}.json"
        boto("s3").put_object(Bucket=store.bucket, Key=key, Body=f'{{"of": "{name}"}}'.encode())
    assert [each["of"] for each in store.results_of("r")] == ["run_results.2", "run_results.10", "run_results.1"]
