"""What a dbt build's buildspec does: the commands as written, each once, and dbt's files kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster import process
from buildkit_dagster.runtimes.dbt_buildspec import dbt_buildspec

AWKWARD = [
    "dbt run --vars '{a: b}' # nightly",
    'echo "key: value" \'$HOME\' "$HOME" `pwd` %{x} ${y:-z}',
    "dbt build --select 'tag:daily'\nprintf '%s\\n' two",
    ": ",
    "- echo: [not, yaml]",
    'echo ü > out && echo "it\'s"',
]

#: Stands in for dbt: writes what dbt would, with what it was called with.
DBT = """#!/bin/sh
sleep 0.05  # longer than the clock of files ticks, as any dbt is
mkdir -p target
echo '{"args": {"which": "'$1'"}, "n": "'$2'"}' > target/run_results.json
echo '{}' > target/manifest.json
test "$1" != build
"""


def run(spec: dict[str, Any], folder: Path) -> Path:
    """Run the commands as CodeBuild does, up to the first that fails; the kept folder."""
    checkout = folder / "src"
    (folder / "bin").mkdir()
    (folder / "bin" / "dbt").write_text(DBT)
    (folder / "bin" / "dbt").chmod(0o755)
    env = {"CODEBUILD_SRC_DIR": str(checkout), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    phase = spec["phases"]["build"]
    for command in phase["commands"]:
        if process.run(["sh", "-c", command], cwd=checkout, env=env, timeout=120).returncode:
            break
    for command in phase["finally"]:
        assert process.run(["sh", "-c", command], cwd=checkout, env=env, timeout=120).returncode == 0
    return folder / "buildkit.kept"


@pytest.mark.parity("A!13", "A!22", "A-183")
def test_commands_are_in_it_as_written_and_once():
    commands = json.loads(dbt_buildspec(AWKWARD))["phases"]["build"]["commands"]
    assert [command for command in commands if command in AWKWARD] == AWKWARD


@pytest.mark.parity("A-181", "A-182", "A-184", "A!15")
def test_it_installs_nothing_and_writes_beside_the_checkout(tmp_path: Path):
    spec = json.loads(dbt_buildspec(["dbt run 1", "true"]))
    assert set(spec["phases"]) == {"build", "post_build"}
    assert len(spec["phases"]["post_build"]["commands"]) == 1
    checkout = tmp_path / "src"
    checkout.mkdir()
    files = {"pyproject.toml": "mine", "Dockerfile": "mine", "manifest.json": "not dbt's"}
    for name, text in files.items():
        (checkout / name).write_text(text)
    run(spec, tmp_path)
    assert {path.name: path.read_text() for path in checkout.iterdir() if path.is_file()} == files
    assert sorted(path.name for path in checkout.iterdir() if path.is_dir()) == ["target"]


def test_results_of_every_command_that_runs_nodes_are_kept_also_of_the_one_that_fails(tmp_path: Path):
    (tmp_path / "src").mkdir()
    spec = json.loads(dbt_buildspec(["dbt seed 1", "dbt run 2", "dbt docs 3", "dbt build 4", "dbt run 5"]))
    kept = run(spec, tmp_path)
    found = {path.name: json.loads(path.read_text()).get("n") for path in kept.glob("run_results*")}
    assert found == {
        "run_results.1.json": "1",
        "run_results.2.json": "2",
        "run_results.3.json": "4",
        "run_results.json": "4",
    }


def test_there_is_something_to_upload_whatever_the_commands_do(tmp_path: Path):
    (tmp_path / "src").mkdir()
    spec = json.loads(dbt_buildspec(["false"], about={"run": "r"}))
    kept = run(spec, tmp_path)
    assert spec["artifacts"]["files"] == ["*.json", "index.html"]
    assert json.loads((kept / "build.json").read_text()) == {"run": "r"}


@pytest.mark.parametrize("there", [False, True])
def test_a_file_of_the_user_is_never_replaced(tmp_path: Path, there: bool):
    checkout = tmp_path / "src"
    checkout.mkdir()
    if there:
        (checkout / "selectors.yml").write_text("mine")
    run(json.loads(dbt_buildspec(["echo ran > ran"], files=[("selectors.yml", "ours")])), tmp_path)
    assert (checkout / "selectors.yml").read_text() == ("mine" if there else "ours")
    assert (checkout / "ran").exists() is not there
