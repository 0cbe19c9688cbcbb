"""Elementary's commands in a real shell, with a real repository to publish to and a stand-in for `edr`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from buildkit_dagster import process
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.runtimes import elementary
from buildkit_dagster.runtimes.elementary import Said

PREFIX = "dbt-artifacts/project=shop/"

#: Notes what it was called with and what it could read; fails for the command named in FAIL.
EDR = """\
#!/bin/sh
{ echo "$@"; env | grep ^EDR_ | sort; } >> "$NOTES"
[ "$1" = "$FAIL" ] && exit 1
[ "$1" = report ] && echo "<html>$EDR_REPORT_PROJECT_NAME</html>" > "$3"
exit 0
"""


ENTRY = {
    "name": "shop",
    "active": True,
    "org": "Example-Org",
    "repo": "shop-dbt",
    "engine": "duckdb",
    "commands": ["dbt build"],
}
SLACK = {"active": True, "channel": "#builds", "secret_name": "slack-token"}


def project(elementary: dict[str, object], **more: object) -> DbtProject:
    return DbtProject.model_validate_json(json.dumps({**ENTRY, **more, "elementary": elementary}))


def git(*arguments: str, cwd: Path) -> str:
    done = process.run(["git", *arguments], cwd=cwd, env=dict(os.environ), timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of a repository, as a build has it."""
    origin, clone = tmp_path / "origin.git", tmp_path / "checkout"
    git("init", "-q", "--bare", str(origin), cwd=tmp_path)
    git("clone", "-q", str(origin), str(clone), cwd=tmp_path)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "edr").write_text(EDR)
    (bin_folder / "edr").chmod(0o755)
    return clone


def run(checkout: Path, of: DbtProject, fail: str = "") -> list[str]:
    """The lines the commands say, one after the other in one shell as CodeBuild runs a phase."""
    env = {
        "PATH": f"{checkout.parent / 'bin'}:/usr/bin:/bin",
        "HOME": str(checkout.parent),
        "NOTES": str(checkout.parent / "notes"),
        "FAIL": fail,
        **elementary.variables(of, "dev", "artifacts", PREFIX),
    }
    script = "\n".join(elementary.commands(of))
    done = process.run(["sh", "-e", "-c", script], cwd=checkout, env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def notes(checkout: Path) -> str:
    return (checkout.parent / "notes").read_text()


def published(checkout: Path) -> str:
    return git("show", "gh-pages:index.html", cwd=checkout.parent / "origin.git")


@pytest.mark.parity("A-48")
def test_nothing_is_added_where_elementary_is_not_active() -> None:
    quiet = project({"active": False, "channel": "#data"}, **{"slack-notification": SLACK})
    assert elementary.commands(quiet) == ()
    assert elementary.variables(quiet, "dev", "artifacts", PREFIX) == {}
    assert elementary.secrets(quiet) == {}


@pytest.mark.parity("A-51", "A-194", "A!39")
def test_the_report_goes_to_the_artifacts_bucket_under_the_description(checkout: Path) -> None:
    of = project({"active": True, "description": "The shop's data"})
    assert [elementary.said(line) for line in run(checkout, of)] == [Said("report", ok=True)]
    told = notes(checkout)
    assert told.startswith("send-report\n")
    assert "EDR_SEND_REPORT_S3_BUCKET_NAME=artifacts" in told
    assert f"EDR_SEND_REPORT_BUCKET_FILE_PATH={PREFIX}elementary/index.html" in told
    assert "EDR_SEND_REPORT_PROJECT_NAME=The shop's data" in told
    assert git("status", "--porcelain", cwd=checkout) == ""


@pytest.mark.parity("A-50")
def test_pages_are_begun_then_replaced_and_the_checkout_stays_as_it_is(checkout: Path) -> None:
    first = project({"active": True, "gitpages": True})
    assert [elementary.said(line) for line in run(checkout, first)] == [Said("report", ok=True)]
    assert published(checkout) == "<html>shop</html>\n"
    run(checkout, first)
    run(checkout, project({"active": True, "gitpages": True, "description": "second"}))
    assert published(checkout) == "<html>second</html>\n"
    assert len(git("log", "--format=%h", "gh-pages", cwd=checkout.parent / "origin.git").split()) == 2
    assert git("status", "--porcelain", cwd=checkout) == ""


@pytest.mark.parity("A-50", "A!39")
@pytest.mark.parametrize(
    ("repository", "link"),
    [
        ("shop-dbt", "https://example-org.github.io/shop-dbt/"),
        ("example-org.github.io", "https://example-org.github.io/"),
    ],
)
def test_the_link_is_where_github_serves_the_pages(repository: str, link: str) -> None:
    of = project({"active": True, "gitpages": True}, repo=repository)
    assert elementary.pages_link(of) == link


@pytest.mark.parity("A-49", "A-190")
def test_alerts_go_to_the_channel_with_the_token_of_the_projects_slack_secret(checkout: Path) -> None:
    of = project({"active": True, "channel": "#data"}, **{"slack-notification": SLACK})
    assert [elementary.said(line) for line in run(checkout, of)] == [Said("alerts", ok=True), Said("report", ok=True)]
    assert "EDR_MONITOR_SLACK_CHANNEL_NAME=data" in notes(checkout)
    assert elementary.secrets(of) == {"EDR_MONITOR_SLACK_TOKEN": "slack-token:token"}


def test_alerts_use_the_secret_that_messages_use_where_none_is_named() -> None:
    of = project({"active": True, "channel": "#data"}, **{"slack-notification": True})
    assert elementary.secrets(of) == {"EDR_MONITOR_SLACK_TOKEN": f"{of.slack_notification.secret}:token"}
    assert elementary.secrets(project({"active": True, "channel": "#data"})) == {}


@pytest.mark.parametrize("fails", ["monitor", "send-report"])
def test_what_fails_is_said_and_the_rest_still_runs(checkout: Path, fails: str) -> None:
    of = project({"active": True, "channel": "#data"}, **{"slack-notification": SLACK})
    told = [elementary.said(line) for line in run(checkout, of, fail=fails)]
    assert told == [Said("alerts", ok=fails != "monitor"), Said("report", ok=fails != "send-report")]


def test_a_repository_that_cannot_be_pushed_to_is_a_failed_report(checkout: Path) -> None:
    git("remote", "set-url", "origin", str(checkout.parent / "nowhere.git"), cwd=checkout)
    told = run(checkout, project({"active": True, "gitpages": True}))
    assert [elementary.said(line) for line in told] == [Said("report", ok=False)]
