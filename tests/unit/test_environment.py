"""Which platform folder and which environment a process is about, and what its children may see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from buildkit_dagster.config.environment import cloud_variables, emulated_variables, read_environment
from buildkit_dagster.config.folder import choose_environment, find_folder
from buildkit_dagster.errors import NoEnvironment, NotAPlatformFolder, PlatformFolderNotFound, UnknownEnvironment
from tests.scenario import write_platform

PROCESS = replace(read_environment(), environment=None, project=None)


def test_the_folder_is_the_nearest_parent_with_a_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_platform(tmp_path)
    write_platform(tmp_path / "inner")
    monkeypatch.chdir(tmp_path / "inner" / "config" / "jobs")
    assert find_folder(PROCESS) == tmp_path / "inner"
    monkeypatch.chdir(tmp_path / "dbt_projects")
    assert find_folder(PROCESS) == tmp_path


def test_a_named_folder_wins_and_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_platform(tmp_path / "named")
    monkeypatch.chdir(write_platform(tmp_path / "here"))
    assert find_folder(replace(PROCESS, project=tmp_path / "named")) == tmp_path / "named"
    with pytest.raises(NotAPlatformFolder, match=r"holds no config/platform\.yaml"):
        find_folder(replace(PROCESS, project=tmp_path))


def test_no_folder_is_an_error_that_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlatformFolderNotFound, match=r"BUILDKIT_PROJECT, or make one: buildkit init NAME"):
        find_folder(PROCESS)


@pytest.mark.parametrize(
    ("variable", "option", "chosen"),
    [("dev", None, "dev"), ("stg", None, "staging"), ("dev", "prd", "prod"), (None, "prod", "prod")],
)
def test_the_option_beats_the_variable_and_aliases_are_read(variable: str | None, option: str | None, chosen: str):
    assert choose_environment(replace(PROCESS, environment=variable), option) == chosen


def test_there_is_no_default_environment_and_no_guessing():
    with pytest.raises(NoEnvironment, match="set BUILDKIT_ENV or give --env; allowed: dev, staging, prod"):
        choose_environment(PROCESS)
    with pytest.raises(UnknownEnvironment, match="'Dev' is not an environment"):
        choose_environment(PROCESS, "Dev")


def test_a_child_of_the_emulated_platform_sees_no_credentials():
    planted = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "HTTPS_PROXY": "http://proxy",
        "TF_VAR_secret": "x",
        "GOOGLE_APPLICATION_CREDENTIALS": "real.json",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9023",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "https://run.googleapis.com",
    }
    seen = emulated_variables(replace(PROCESS, variables=planted), "http://127.0.0.1:5000", "us-east-1")
    assert seen["PATH"] == "/bin"
    assert seen["AWS_ACCESS_KEY_ID"] == "emulator"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "TF_VAR_secret"} & set(seen)
    assert (seen["GOOGLE_APPLICATION_CREDENTIALS"], seen["STORAGE_EMULATOR_HOST"]) == (
        "/dev/null",
        "http://127.0.0.1:9023",
    )
    assert "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN" not in seen


def test_a_child_in_a_real_account_keeps_its_credentials_and_loses_terraforms_settings():
    process = replace(PROCESS, variables={"AWS_PROFILE": "production", "TF_CLI_ARGS": "-auto-approve"})
    seen = cloud_variables(process, "eu-west-1")
    assert (seen["AWS_PROFILE"], seen["AWS_REGION"]) == ("production", "eu-west-1")
    assert "TF_CLI_ARGS" not in seen
