"""`buildkit validate --fix`: only the spelling of keys changes, and never in a file that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from buildkit_dagster.cli import app
from buildkit_dagster.config.draft import project_entries
from buildkit_dagster.config.rewrite import respelled, write_text
from buildkit_dagster.config.yaml import Document, parse_document, read_document
from tests.published import ALL
from tests.scenario import write_platform

OTHERS = [
    "slack-notification", "incident-manager", "incident-response-plan", "secret_name", "compute_type",
    "environment_variables", "secrets_manager_variables", "s3_artifacts_bucket",
]  # fmt: skip
FILE = "config/codebuild-config.yml"


def other(key: str) -> str:
    return key.replace("-", "_") if "-" in key else key.replace("_", "-")


def fix(folder: Path, path: str = "config") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["validate", "--fix", str(folder / path)])
    return done.exit_code, done.output


def respelt(keys: list[str]) -> str:
    text = ALL
    for key in keys:
        text = text.replace(f"{key}:", f"{other(key)}:")
    return text


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(OTHERS), unique=True), st.sampled_from(["\n", "\r\n"]))
def test_any_mixture_of_spellings_becomes_the_published_text(tmp_path: Path, keys: list[str], ending: str):
    file = tmp_path / "codebuild-config.yml"
    file.write_bytes(respelt(keys).replace("\n", ending).encode())
    before = project_entries(read_document(file))
    texts = respelled(read_document(file))
    assert (texts is None) == (not keys)
    if texts:
        write_text(file, texts[1])
    assert file.read_bytes().decode() == ALL.replace("\n", ending)
    assert [entry.value for entry in project_entries(read_document(file))[0]] == [entry.value for entry in before[0]]


def test_the_command_shows_the_lines_it_changed_in_every_file(tmp_path: Path):
    write_platform(tmp_path)
    platform, job = tmp_path / "config/platform.yaml", tmp_path / "config/jobs/acme/sales.yaml"
    text = platform.read_text()
    platform.write_text(
        text.replace("cost_center: DATA-1", "cost-center: DATA-1  # whose").replace(
            "timeout: 120", '"compute-type": BUILD_GENERAL1_LARGE'
        )
    )
    job.write_text(job.read_text().replace("asset_path", "asset-path"))
    job.chmod(0o640)
    code, output = fix(tmp_path)
    assert code == 0, output
    assert "-    cost-center: DATA-1  # whose\n+    cost_center: DATA-1  # whose\n" in output
    assert '-      shop: {engine: athena, "compute-type": BUILD' in output
    assert "-asset-path: assets/till/v1.0/sales.yaml\n+asset_path: assets/till/v1.0/sales.yaml\n" in output
    assert "config is valid." in output
    assert job.stat().st_mode & 0o777 == 0o640
    assert '"compute_type": BUILD_GENERAL1_LARGE' in platform.read_text()
    assert sorted(file.name for file in job.parent.iterdir()) == ["customers.yaml", "sales.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        ALL.replace("slack-notification", "slack_notification") + "    : [\n",
        ALL.replace("slack-notification:", "slack_notification: true\n    slack-notification:"),
        ALL.replace("slack-notification:", "name: again\n    slack_notification:"),
    ],
    ids=["no YAML", "both spellings", "a duplicate key"],
)
def test_a_broken_file_is_left_as_it_is(tmp_path: Path, text: str):
    write_platform(tmp_path)
    file = tmp_path / FILE
    file.write_text(text)
    code, _ = fix(tmp_path)
    assert (code, file.read_text()) == (2, text)


def test_a_file_of_no_platform_is_fixed_too(tmp_path: Path):
    file = tmp_path / "codebuild-config.yml"
    file.write_text(respelt(OTHERS))
    code, output = fix(tmp_path, file.name)
    assert (code, file.read_text()) == (0, ALL), output


def test_keys_of_the_users_own_are_not_respelled(tmp_path: Path):
    text = "codebuild:\n  - &a\n    environment_variables: {compute_type: y}\n    vpc-config: {}\n"
    file = tmp_path / "codebuild-config.yml"
    file.write_text(text)
    assert respelled(read_document(file)) == (text, text.replace("vpc-config", "vpc_config"))
    assert parse_document(text, file).problems == ()


BEFORE_KEYS = "codebuild:\n  - name: shop\n    "


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("&a_b slack_notification: {active: true}\n", "&a_b slack-notification: {active: true}\n"),
        (
            "&slack_notification slack_notification: true\n    channel: *slack_notification\n",
            "&slack_notification slack-notification: true\n    channel: *slack_notification\n",
        ),
        ("!!str 'slack_notification': true\n", "!!str 'slack-notification': true\n"),
    ],
)
def test_an_anchor_or_tag_before_a_key_stays(tmp_path: Path, written: str, becomes: str):
    texts = respelled(parsed(tmp_path, BEFORE_KEYS + written))
    assert texts
    assert texts[1] == BEFORE_KEYS + becomes


def test_a_key_behind_a_byte_order_mark_is_fixed(tmp_path: Path):
    texts = respelled(parsed(tmp_path, "\ufeffasset-path: nyc/flights\n"))
    assert texts == ("\ufeffasset-path: nyc/flights\n", "\ufeffasset_path: nyc/flights\n")


def test_a_key_written_with_escapes_is_left_as_it_is(tmp_path: Path):
    assert respelled(parsed(tmp_path, BEFORE_KEYS + '"slack\\u005fnotification": true\n')) is None


def test_a_file_behind_a_link_is_fixed_and_stays_behind_it(tmp_path: Path):
    write_platform(tmp_path)
    real = tmp_path / "shared.yml"
    real.write_text(respelt(["compute_type"]))
    link = tmp_path / FILE
    link.unlink(missing_ok=True)
    link.symlink_to(real)
    fix(tmp_path)
    assert link.is_symlink()
    assert real.read_text() == ALL


def parsed(folder: Path, text: str) -> Document:
    file = folder / "codebuild-config.yml"
    file.write_text(text, encoding="utf-8")
    return read_document(file)
