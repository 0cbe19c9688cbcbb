"""The workflow a platform folder gets: who may do what in it, and that each event reaches the job meant for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildkit_dagster import process
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.data import data_path
from buildkit_dagster.terraform.providers import MINIMUM_TERRAFORM

WORKFLOW = data_path("workflows") / "platform.yml"
PATH = "/usr/bin:/bin"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(WORKFLOW.read_text(), yaml.BaseLoader)
    return read


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parity("A!6")
def test_its_terraform_knows_the_lock_the_states_ask_for(workflow: dict[str, Any]) -> None:
    asked, oldest = (
        tuple(map(int, version.split("."))) for version in (workflow["env"]["TERRAFORM_VERSION"], MINIMUM_TERRAFORM)
    )
    assert asked >= oldest >= (1, 10)


@pytest.mark.parity("A!7", "A!18")
def test_it_needs_no_secret_and_no_key() -> None:
    text = WORKFLOW.read_text()
    assert "secrets." not in text
    assert "access-key" not in text
    variables = set(re.findall(r"vars\.(\w+)", text))
    explained = text.partition("\nname:")[0]
    assert variables
    assert all(variable in explained for variable in variables)


@pytest.mark.parity("A!8")
def test_each_job_that_takes_on_a_role_may_ask_for_a_token_and_for_no_more(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["plan"]["permissions"] == {
        "contents": "read",
        "id-token": "write",
        "pull-requests": "write",
    }
    assert workflow["jobs"]["apply"]["permissions"] == {"contents": "read", "id-token": "write"}


@pytest.mark.parity("A!9", "A!32")
def test_main_is_applied_whether_or_not_a_plan_ran_and_one_run_at_a_time(workflow: dict[str, Any]) -> None:
    assert workflow["on"]["push"]["branches"] == ["main"]
    apply = workflow["jobs"]["apply"]
    assert "needs" not in apply
    assert apply["if"] == "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'"
    assert apply["concurrency"] == {"group": "apply", "cancel-in-progress": "false"}


@pytest.mark.parity("A!10")
def test_it_applies_in_the_environment_the_apply_role_trusts(workflow: dict[str, Any]) -> None:
    prod = load_platform(data_path("demo"), "prod")
    assert workflow["env"]["BUILDKIT_ENV"] == "prod"
    assert workflow["jobs"]["apply"]["environment"] == prod.config.github.apply_environment


@pytest.mark.parity("A!10", "A!19")
@pytest.mark.parametrize(
    ("plans", "called"),
    [
        ("", ["launch", "infrastructure", "--wait"]),
        ("7bd74f27 99aa00bb", ["apply", "--plan", "7bd74f27", "--plan", "99aa00bb"]),
        ("$(touch${IFS}owned);", ["apply", "--plan", "$(touch${IFS}owned);"]),
    ],
)
def test_what_is_typed_into_the_form_is_an_argument_and_nothing_else(
    tmp_path: Path, workflow: dict[str, Any], plans: str, called: list[str]
) -> None:
    buildkit = tmp_path / "buildkit"
    buildkit.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    buildkit.chmod(0o755)
    script = workflow["jobs"]["apply"]["steps"][-1]["run"]
    assert "${{" not in script

    done = process.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env={"PATH": f"{tmp_path}:{PATH}", "PLANS": plans}, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "called").read_text().splitlines() == called
    assert not (tmp_path / "owned").exists()


@pytest.mark.parity("A!21")
def test_every_action_is_pinned_to_a_commit(workflow: dict[str, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action) for action in used)


@pytest.mark.parity("A!19")
def test_no_plan_leaves_the_job_as_an_artifact_and_no_token_stays_in_the_checkout(workflow: dict[str, Any]) -> None:
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)
    assert not any("upload-artifact" in step.get("uses", "") for step in steps(workflow))
