"""Which commands a partial run of a dbt project runs, and which it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from buildkit_dagster.errors import CommandNotNarrowable
from buildkit_dagster.runtimes.dbt import dbt_executable
from buildkit_dagster.runtimes.dbt_selection import MANY, asks_for_freshness, modified, narrow

ONE = ["shop.marts.orders"]


def test_a_full_selection_runs_the_commands_as_written():
    commands = ("dbt deps", "cd sub && dbt build --vars '{a: \"$B\"}'", "dbt run-operation grant", "make publish")
    assert narrow(commands, None).commands == commands


@pytest.mark.parametrize(
    ("command", "narrowed"),
    [
        ("dbt build", "dbt build --select shop.marts.orders"),
        ("dbt run", "dbt run --select shop.marts.orders"),
        ("dbt test --fail-fast", "dbt test --fail-fast --select shop.marts.orders"),
        ("dbt --log-level debug snapshot", "dbt --log-level debug snapshot --select shop.marts.orders"),
        ("DBT_THREADS=4 dbt seed", "DBT_THREADS=4 dbt seed --select shop.marts.orders"),
        ("dbt build --select tag:daily", "dbt build --select tag:daily,shop.marts.orders"),
        (
            "dbt build -s 'a b' --exclude c d",
            "dbt build --select 'a,shop.marts.orders b,shop.marts.orders' --exclude 'c d'",
        ),
        ("dbt run --models=a --select b+", "dbt run --select 'a,shop.marts.orders b+,shop.marts.orders'"),
        ("dbt run --select a --vars '{k: v}'", "dbt run --vars '{k: v}' --select a,shop.marts.orders"),
        ('dbt run --vars "{k: $V}" -t $TARGET', 'dbt run --vars "{k: $V}" -t $TARGET --select shop.marts.orders'),
    ],
)
def test_a_subset_narrows_what_runs_nodes(command: str, narrowed: str):
    assert narrow([command], ONE).commands == (narrowed,)


@pytest.mark.parametrize(
    "command", ["dbt deps", "dbt docs generate", "dbt source freshness", "export A=b", "echo 'no node here' | cat"]
)
def test_a_subset_keeps_commands_that_run_no_node(command: str):
    assert narrow([command], ONE).commands == (command,)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("dbt build && ./publish", "more than one plain dbt command"),
        ("cd sub; dbt build", "more than one plain dbt command"),
        ("poetry run dbt build", "more than one plain dbt command"),
        ("bash -c 'dbt build'", "more than one plain dbt command"),
        ("/opt/bin/dbt build", "more than one plain dbt command"),
        ('dbt run --vars "$(cat vars)"', "more than one plain dbt command"),
        ("dbt build # nightly", "more than one plain dbt command"),
        ("dbt run-operation grant", "takes no selection"),
        ("dbt retry", "takes no selection"),
        ("dbt", "names no dbt command"),
        ("dbt build --selector nightly", "--selector"),
        ("dbt build --select $MODELS", "shell variable"),
        ("dbt build -sorders", "needs a space"),
    ],
)
def test_a_subset_refuses_what_it_cannot_narrow(command: str, reason: str):
    with pytest.raises(CommandNotNarrowable, match=reason):
        narrow(["dbt deps", command], ONE)


def test_an_own_indirect_selection_is_refused_only_when_the_checks_depend_on_it():
    command = "dbt build --indirect-selection cautious"
    assert narrow([command], ONE).commands == (f"{command} --select shop.marts.orders",)
    with pytest.raises(CommandNotNarrowable, match="empty"):
        narrow([command], ONE, indirect="empty")


def test_a_large_subset_travels_as_a_selector_that_dbt_reads(tmp_path: Path):
    """The selector selects what the options would: dbt itself says so."""
    project = tmp_path / "shop"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: shop\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n")
    (project / "profiles.yml").write_text("shop: {target: a, outputs: {a: {type: duckdb, path: x.duckdb}}}\n")
    for name in ("a", "b", "c", "d"):
        (project / "models" / f"{name}.sql").write_text("{{ config(tags=['daily']) }} select 1 as x")
    names = ["shop.a", "shop.b", "shop.d", *(f"shop.unknown_{n}" for n in range(MANY))]

    narrowed = narrow(["dbt run --select tag:daily,a b d --exclude d"], names)

    assert narrowed.commands == ("dbt run --selector buildkit_selection_0",)
    [(file, text)] = narrowed.files
    assert len(yaml.safe_load(text)["selectors"]) == 1
    (project / file).write_text(text)
    command = [dbt_executable(), "--quiet", "ls", "--selector", "buildkit_selection_0", "--output", "name"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["a", "b"]


def test_without_a_node_the_commands_that_run_nodes_are_left_out():
    assert narrow(["dbt deps", "dbt source freshness", "dbt build"], []).commands == (
        "dbt deps",
        "dbt source freshness",
    )


def test_what_was_modified_is_within_what_is_selected_and_told_by_variables():
    within = narrow(["dbt seed", "dbt build --select tag:daily"], ONE).commands
    assert modified(within, '"$STATE"', defer=True).commands == (
        'export DBT_STATE="$STATE" DBT_DEFER=true',
        "dbt seed --select shop.marts.orders,state:modified+",
        "dbt build --select tag:daily,shop.marts.orders,state:modified+",
    )


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        ("dbt source freshness", True),
        ("dbt --quiet source freshness --select source:web", True),
        ("dbt source", False),
        ("echo source freshness", False),
    ],
)
def test_a_command_that_asks_for_freshness_is_known(command: str, asks: bool):
    assert asks_for_freshness(command) is asks
