"""Paths of jobs may name the variables that platform.yaml lists, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.validate import validate
from tests.scenario import edited, write_platform
from tests.unit.test_cli import buildkit

SALES = "config/jobs/acme/sales.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_platform(tmp_path)
    edited(tmp_path, "config/platform.yaml", "name: harbour\n", "name: harbour\npath_variables: [ASSETS, VERSION]\n")
    return tmp_path


def _asset_path(folder: Path, path: str) -> None:
    edited(folder, SALES, "asset_path: assets/till/v1.0/sales.yaml", f'asset_path: "{path}"')


@pytest.mark.parity("B-22")
@pytest.mark.parametrize("assets", ["assets/till", "{folder}/config/assets/till"])
def test_listed_variables_are_replaced(folder: Path, assets: str):
    _asset_path(folder, "${ASSETS}/v${VERSION}/sales.yaml")
    values = {"ASSETS": assets.format(folder=folder), "VERSION": "1.0"}
    assert validate(folder, values) == []
    (job,) = (job for job in load_platform(folder, "dev", values).ingest_jobs if job.name == "sales")
    assert job.job.asset_path == "assets/till/v1.0/sales.yaml"


@pytest.mark.parity("B-22")
def test_the_command_takes_them_from_its_environment(folder: Path):
    _asset_path(folder, "${ASSETS}/v1.0/sales.yaml")
    assert buildkit("validate", cwd=folder, ASSETS="assets/till").returncode == 0
    refused = buildkit("validate", cwd=folder)
    assert refused.returncode == 2
    assert "${ASSETS} is not set; set the environment variable ASSETS where buildkit and Dagster run" in refused.stderr


@pytest.mark.parity("B-12", "B-22", "B-131")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "${HOME}/sales.yaml",
            "${HOME} is not among `path_variables` of config/platform.yaml; allowed: ASSETS, VERSION",
        ),
        ("$ASSETS/sales.yaml", "a lone $ in '$ASSETS/sales.yaml'; a variable is written ${NAME}"),
        (
            "${ASSETS}/v1.0/sale.yaml",
            "there is no asset file 'assets/till/v1.0/sale.yaml', did you mean 'assets/till/v1.0/sales.yaml'? allowed: "
            "assets/till/v1.0/customers.yaml, assets/till/v1.0/sales.yaml",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_its_line(folder: Path, path: str, expected: str):
    _asset_path(folder, path)
    problems = validate(folder, {"ASSETS": "assets/till", "VERSION": "1.0", "HOME": "secret"})
    assert [str(problem) for problem in problems] == [f"{SALES}:4: asset_path: {expected}"]
