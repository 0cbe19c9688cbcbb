"""What the configuration says about telling people, from the file to the sensor and the stacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.environment import read_environment
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.notifications import DEFAULT_EVENTS
from buildkit_dagster.config.validate import validate
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.notifications import SENSOR
from buildkit_dagster.notify.facts import Failed, Severity, weighed
from buildkit_dagster.runtimes.dbt import prepare_manifest
from buildkit_dagster.stacks.build import platform_roots
from tests.scenario import edited, write_platform

PROJECTS, PLATFORM = "config/codebuild-config.yml", "config/platform.yaml"
WEBHOOK = "https://outlook.office.com/webhook/very-secret-part"


def platform_with(folder: Path, *lines: str) -> Platform:
    """The small platform, with lines added to its dbt project."""
    write_platform(folder)
    edited(folder, PROJECTS, "    timeout: 30\n", "".join(f"    {line}\n" for line in ("timeout: 30", *lines)))
    return load_platform(folder, "dev")


def sensors_of(platform: Platform) -> set[str]:
    process = read_environment()
    for project in platform.dbt_projects:
        prepare_manifest(platform, project, process.variables)
    return {sensor.name for sensor in build_definitions(platform, process).sensors or ()}


def test_a_platform_that_tells_nobody_has_no_sensor_for_it(tmp_path: Path):
    assert SENSOR not in sensors_of(platform_with(tmp_path))


@pytest.mark.parity("A!14", "A-42")
def test_a_bare_true_makes_slack_active(tmp_path: Path):
    platform = platform_with(tmp_path, "slack-notification: true")
    [project] = platform.dbt_projects
    assert (project.slack_notification.active, project.slack_notification.secret) == (True, "slack-token")
    assert SENSOR in sensors_of(platform)


def test_the_platform_itself_tells_too(tmp_path: Path):
    write_platform(tmp_path)
    told = "    cloud: emulator\n    notifications: {slack-notification: {active: true, channel: '#p'}, utc: -3}\n"
    edited(tmp_path, PLATFORM, "    cloud: emulator\n", told)
    platform = load_platform(tmp_path, "dev")
    assert str(platform.config.notifications.zone) == "UTC-03:00"
    assert SENSOR in sensors_of(platform)


@pytest.mark.parity("A-61")
def test_without_a_list_all_is_told_but_what_went_well(tmp_path: Path):
    [project] = platform_with(tmp_path).dbt_projects
    assert project.events == DEFAULT_EVENTS
    assert {"build-failure", "test-failure", "recovered"} <= DEFAULT_EVENTS
    assert "build-success" not in DEFAULT_EVENTS


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "auto-notifications: [build-failed]",
            "'build-failed' is not allowed, did you mean 'build-failure'? allowed: 'build-",
        ),
        ("incident-manager: {active: true, impact: 6}", "6 is not allowed; allowed: 5 or less"),
        ("teams-notification: true", "an active notification needs `secret_name` or `webhook_url`"),
        ("pagerduty-notification: true", "an active notification needs `secret_name`"),
        ("email-notification: {active: true, secret_name: mail}", "needs `secret_name` and `to`"),
        ("email-notification: {active: true, secret_name: mail, to: [data]}", "'data' is not allowed"),
        (
            "sns-notification: {active: true, topic_arn: platform}",
            "'platform' is not allowed; allowed: the ARN of an SNS",
        ),
        (
            "sns-notification: {active: true, topic_arn: 'arn:aws:sns:us-east-1:123456789012:platform.fifo'}",
            "allowed: the ARN of an SNS topic that is not FIFO",
        ),
        ("timezone: Mars/Base", "'Mars/Base' is not a time zone"),
    ],
)
def test_what_cannot_be_told_is_a_problem_with_its_line(tmp_path: Path, line: str, said: str):
    write_platform(tmp_path)
    edited(tmp_path, PROJECTS, "    timeout: 30\n", f"    timeout: 30\n    {line}\n")
    [problem] = [str(one) for one in validate(tmp_path)]
    assert f"{PROJECTS}:11: " in problem
    assert said in problem


@pytest.mark.parametrize(
    "url",
    [
        "not a url",
        "hooks.example.com/T0/secret",
        "ftp://hooks.example.com/secret",
        "https:///secret",
        "https://hooks.example.com:secret/",
        "https://hooks.example.com:99999/secret",
        "https://hooks.example.com/T0 /secret",
    ],
)
@pytest.mark.parametrize("channel", ["teams-notification", "discord-notification", "webhook-notification"])
def test_a_webhook_url_that_is_none_is_a_problem_that_does_not_quote_it(tmp_path: Path, channel: str, url: str):
    write_platform(tmp_path)
    line = f"    {channel}: {{active: true, webhook_url: '{url}'}}\n"
    edited(tmp_path, PROJECTS, "    timeout: 30\n", f"    timeout: 30\n{line}")
    [problem] = [str(one) for one in validate(tmp_path)]
    place = f"{PROJECTS}:11: codebuild[0].{channel}.webhook_url: "
    assert problem.endswith(f"{place}not a URL; allowed: https://HOST/PATH, or http")


def test_an_email_notification_is_read_from_a_file(tmp_path: Path):
    line = "email-notification: {active: true, secret_name: mail, to: [data@example.com, ops@example.com]}"
    [project] = platform_with(tmp_path, line).dbt_projects
    assert project.email_notification.to == ("data@example.com", "ops@example.com")


@pytest.mark.parity("A!19")
def test_a_webhook_url_reaches_no_stack_and_no_text_of_the_configuration(tmp_path: Path):
    platform = platform_with(tmp_path, f"teams-notification: {{active: true, webhook_url: '{WEBHOOK}'}}")
    assert platform.dbt_projects[0].teams_notification.webhook_url == WEBHOOK
    rendered = repr(platform_roots(platform, {"platform": "3f1c9a20b7de0000"}))
    assert "harbour-dbt" in rendered
    assert "very-secret-part" not in rendered + repr(platform)


@pytest.mark.parity("A-59", "A-60", "A-196")
@pytest.mark.parametrize(
    ("critical", "not_critical", "severity"),
    [
        ((), (), Severity.ERROR),
        (("shop.orders",), (), Severity.CRITICAL),
        (("ORDERS",), (), Severity.CRITICAL),
        (("other.orders",), (), Severity.ERROR),
        ((), ("shop.orders",), Severity.WARNING),
        (("orders",), ("orders",), Severity.CRITICAL),
    ],
)
def test_listed_tables_decide_how_severe_a_failure_is(
    critical: tuple[str, ...], not_critical: tuple[str, ...], severity: Severity
):
    tables = frozenset({"orders", "shop.orders", "warehouse.shop.orders"})
    failed = Failed("model:shop/orders", "build-failure", "shop/orders", Severity.ERROR, tables=tables)
    assert [one.severity for one in weighed([failed], critical, not_critical)] == [severity]
