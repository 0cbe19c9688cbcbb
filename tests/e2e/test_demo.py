"""The demo as a newcomer runs it: the wheel installed outside the checkout, a folder made by `init`, one command."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installed import Installed, install_wheel, processes_of
from tests.e2e.raw_counts import EXPECTED, built_counts, expected_counts


@dataclass(frozen=True)
class Demo:
    """A demo that has ended: its platform folder, what it printed and what it wrote."""

    folder: Path
    printed: str
    told: dict[str, Any]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install_wheel(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def demo(installed: Installed) -> Demo:
    made = installed.run("init", "my-platform", cwd=installed.root)
    assert made.returncode == 0, made.stderr
    folder = installed.root / "my-platform"
    done = installed.run("demo", "--json", "told.json", cwd=folder, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(folder, done.stdout, json.loads((folder / "told.json").read_text()))


@pytest.mark.parity("A-18")
def test_everything_is_materialized_and_every_check_passed(demo: Demo) -> None:
    assert [asset["key"] for asset in demo.told["assets"] if not asset["materialized"]] == []
    assert [check for check in demo.told["checks"] if not check["passed"]] == []
    assert len(demo.told["assets"]) >= 38
    assert len(demo.told["checks"]) >= 43


def test_every_run_succeeded_and_no_model_was_built_twice(demo: Demo) -> None:
    runs = demo.told["runs"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    assert runs[0]["job"] == "infrastructure"
    # The infrastructure, the tables' loads, and the builds that followed them: files that arrive together are loaded
    # together, but a busy machine may take a table's files in two loads, which is one build more.
    jobs = Counter(run["job"] for run in runs)
    loads = {job: count for job, count in jobs.items() if job.startswith("ingest_")}
    builds = len(runs) - jobs["infrastructure"] - sum(loads.values())
    assert 1 <= builds <= 1 + max(loads.values())


def test_the_demo_ends_with_an_account(demo: Demo) -> None:
    assert "What was made" in demo.printed
    assert "flights/mart_daily_departures" in demo.printed
    assert "Where to look" in demo.printed


def test_the_state_backend_is_an_ancestor_of_every_mart(demo: Demo) -> None:
    parents: dict[str, set[str]] = {}
    for edge in demo.told["edges"]:
        parents.setdefault(edge["to"], set()).add(edge["from"])
    for mart in EXPECTED:
        assert "infra/bootstrap/state_backend" in _ancestors(f"flights/{mart}", parents), mart


def _ancestors(key: str, parents: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_the_marts_have_the_rows_that_sql_over_the_raw_files_gives(demo: Demo, tmp_path: Path) -> None:
    assert built_counts(demo.folder / ".buildkit/dev/warehouse.duckdb") == expected_counts(tmp_path)


def test_the_demo_leaves_no_process_behind(demo: Demo, installed: Installed) -> None:
    assert processes_of(demo.folder) == []
    assert processes_of(installed.root) == []


def test_the_wheel_was_used_and_not_the_checkout(installed: Installed) -> None:
    (site,) = (installed.root / "venv").glob("lib/python*/site-packages")
    assert (site / "buildkit_dagster/_data/modules/state_backend").is_dir()
    assert (site / "buildkit_dagster/_data/image/Dockerfile").is_file()
