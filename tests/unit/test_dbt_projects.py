"""config/codebuild-config.yml: a published file loads as it is, and what is wrong in one is said, never dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.config.validate import examine, validate
from tests.published import ALL, BASIC, COMPLETE, SCHEDULED
from tests.scenario import edited, write_platform

FILE = "config/codebuild-config.yml"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
ENTRY = """\
name: one
active: true
org: my-org
repo: my-dbt-repo
engine: athena
commands: [dbt build]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_platform(tmp_path)
    edited(tmp_path, "config/platform.yaml", "    dbt_projects:\n      shop: {engine: athena, timeout: 120}\n", "")
    return tmp_path


def loaded(folder: Path, text: str) -> Platform:
    (folder / FILE).write_text(text)
    return load_platform(folder, "dev")


def entry(more: str = "", top: str = "codebuild", text: str = ENTRY) -> str:
    """A file with one project, `more` being further keys of it."""
    lines = (text + more).splitlines()
    return f"{top}:\n  - " + "\n    ".join(lines) + "\n"


def project(folder: Path, more: str) -> DbtProject:
    (found,) = loaded(folder, entry(more)).dbt_projects
    return found


def problems(folder: Path, text: str) -> list[str]:
    (folder / FILE).write_text(text)
    return [str(problem) for problem in validate(folder)]


@pytest.mark.parity("A-30", "A-31", "A-32", "A-33", "A-34", "A-35", "A-36", "A-38", "A-39")
def test_the_basic_example_loads_as_it_is(folder: Path):
    (basic,) = loaded(folder, BASIC).dbt_projects
    assert (basic.name, basic.active, basic.org, basic.repo) == ("basic-project", True, "my-org", "my-dbt-repo")
    assert (basic.engine, basic.commands) == ("athena", ("dbt deps", "dbt build"))
    assert basic.s3_artifacts_bucket == "my-bucket"
    assert (basic.timeout, basic.compute_type, basic.schedule) == (60, "BUILD_GENERAL1_SMALL", None)


@pytest.mark.parity("A-37", "A-38")
def test_the_scheduled_example_loads_as_it_is(folder: Path):
    (scheduled,) = loaded(folder, SCHEDULED).dbt_projects
    assert scheduled.commands == ("dbt run --select tag:daily", "dbt test")
    assert (scheduled.schedule, scheduled.timezone, scheduled.timeout) == ("cron(0 2 * * ? *)", "UTC", 120)


@pytest.mark.parity(
    "A-39", "A-42", "A-43", "A-44", "A-48", "A-49", "A-50", "A-52", "A-53", "A-54", "A-56", "A-57", "A!1"
)  # fmt: skip
def test_the_complete_example_loads_as_it_is(folder: Path):
    (complete,) = loaded(folder, COMPLETE).dbt_projects
    slack, elementary, incidents = complete.slack_notification, complete.elementary, complete.incident_manager
    assert complete.compute_type == "BUILD_GENERAL1_MEDIUM"
    assert (slack.active, slack.channel, slack.secret_name) == (True, "#data-alerts", "slack-token")
    assert (elementary.active, elementary.channel, elementary.gitpages) == (True, "#elementary-data", True)
    assert (incidents.active, incidents.impact, complete.response_plan) == (True, 1, "data-response-plan")
    assert complete.environment_variables == {"LOG_LEVEL": "INFO"}
    assert complete.secrets_manager_variables == {"DB_PASSWORD": SECRET}


def test_the_three_examples_in_one_file_are_three_projects(folder: Path):
    names = [project.name for project in loaded(folder, ALL).dbt_projects]
    assert names == ["basic-project", "scheduled-project", "complete-project"]


@pytest.mark.parity("A-5", "A-30", "A!2")
@pytest.mark.parametrize("top", ["codebuild", "dbtbuildkit"])
def test_either_top_level_key_holds_a_list_or_one_project_alone(folder: Path, top: str):
    as_list = loaded(folder, entry(top=top)).dbt_projects
    alone = loaded(folder, f"{top}:\n  " + "\n  ".join(ENTRY.splitlines()) + "\n").dbt_projects
    assert [project.name for project in as_list] == ["one"]
    assert alone == as_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "codebuild: []\ndbtbuildkit: []\n",
            f"{FILE}:2: dbtbuildkit: `dbtbuildkit` beside `codebuild`: both mean the list of projects; join the lists",
        ),
        (
            "",
            f"{FILE}:1: the file is empty: list projects under `codebuild` or `dbtbuildkit`, or write `codebuild: []`",
        ),
        ("codebuild:\n", f"{FILE}:1: codebuild: no project is listed; a platform without dbt projects has `[]` here"),
        ("- name: one\n", f"{FILE}:1: the list of projects belongs under the key `codebuild` or `dbtbuildkit`"),
        ("codebuild: shop\n", f"{FILE}:1: codebuild: not a mapping with the keys of one dbt project"),
        ("codebiuld: []\n", f"{FILE}:1: codebiuld: unknown key `codebiuld`, did you mean `codebuild`? allowed: "),
    ],
)
def test_a_file_that_lists_nothing_or_twice_is_a_problem(folder: Path, text: str, expected: str):
    (problem,) = problems(folder, text)
    assert problem.startswith(expected)


def test_a_platform_without_the_file_has_no_dbt_projects_and_says_so(folder: Path):
    (folder / FILE).unlink()
    assert validate(folder) == []
    assert "Left out: no dbt projects: there is no config/codebuild-config.yml." in examine(folder).remarks
    assert load_platform(folder, "dev").dbt_projects == ()


@pytest.mark.parity("A-31")
def test_inactive_projects_are_checked_and_left_out(folder: Path):
    assert loaded(folder, ALL.replace("active: true\n    org", "active: false\n    org")).dbt_projects == ()
    inactive = "dbt projects that are not active: basic-project, scheduled-project, complete-project"
    assert f"Left out: {inactive}." in examine(folder / "config").remarks
    (problem,) = problems(folder, entry("timeout: 1", text=ENTRY.replace("true", "false")))
    assert "codebuild[0].timeout" in problem


@pytest.mark.parity("A-63", "A!27")
@pytest.mark.parametrize("key", ["name", "active", "org", "repo", "engine", "commands"])
def test_an_incomplete_entry_is_a_problem_and_not_a_dropped_project(folder: Path, key: str):
    lines = [line for line in ENTRY.splitlines(keepends=True) if not line.startswith(key)]
    (problem,) = problems(folder, entry(text="".join(lines)))
    assert problem == f"{FILE}:2: codebuild[0].{key}: required key is missing"


@pytest.mark.parity("A-64", "A!27")
def test_an_unknown_key_is_a_problem(folder: Path):
    (problem,) = problems(folder, entry("slack_notifications: {active: true}"))
    assert problem.startswith(
        f"{FILE}:8: codebuild[0].slack_notifications: unknown key `slack_notifications`, did you mean "
        "`slack-notification`? allowed: "
    )


@pytest.mark.parity("A!27")
@pytest.mark.parametrize("text", ['"true"', '"false"', "yes", "1"])
def test_what_only_looks_like_a_boolean_is_a_problem(folder: Path, text: str):
    (problem,) = problems(folder, entry(text=ENTRY.replace("active: true", f"active: {text}")))
    assert problem.startswith(f"{FILE}:3: codebuild[0].active: ")
    assert problem.endswith("is not true or false")


@pytest.mark.parity("A-34")
def test_an_engine_may_be_written_in_capitals(folder: Path):
    (found,) = loaded(folder, entry(text=ENTRY.replace("athena", "Redshift"))).dbt_projects
    assert found.engine == "redshift"


#: Row, further keys of an entry, what they are read as.
READ: list[tuple[str, str, dict[str, Any]]] = [
    ("A-37", "schedule: 0 2 * * ? *", {"schedule": "0 2 * * ? *"}),
    ("A-37", "schedule: \"'rate(12 hours)'\"", {"schedule": "'rate(12 hours)'"}),
    (
        "A-37",
        "schedules: [{name: weekly, schedule: cron(0 6 ? * 2#1 *), select: 'tag:weekly'}]",
        {"schedule": None},
    ),
    ("A-38", "timeout: 2160", {"timeout": 2160}),
    ("A-39", "compute_type: BUILD_GENERAL1_2XLARGE", {"compute_type": "BUILD_GENERAL1_2XLARGE"}),
    ("A-40", "ecr_repository: team/dbt", {"ecr_repository": "team/dbt", "ecr_image_tag": None}),
    ("A-41", "ecr_repository: dbt\necr_image_tag: v1.2", {"ecr_image_tag": "v1.2"}),
    ("A-42", "slack-notification: true", {"slack_notification": {"active": True}}),
    ("A-45", "teams-notification: {active: true, secret_name: t}", {"teams_notification": {"secret_name": "t"}}),
    ("A-46", "discord-notification: {active: true, secret_name: d}", {"discord_notification": {"active": True}}),
    (
        "A-47",
        "sns-notification: {active: true, topic_arn: 'arn:aws:sns:us-east-1:123456789012:t'}",
        {"sns_notification": {"active": True, "topic_arn": "arn:aws:sns:us-east-1:123456789012:t"}},
    ),
    ("A-51", "elementary: {active: true, description: d}", {"elementary": {"description": "d"}}),
    ("A-53", "incident-manager: {active: true, impact: 5}", {"incident_manager": {"impact": 5}}),
    ("A-54", "incident-manager: {incident-response-plan: nested}", {"response_plan": "nested"}),
    (
        "A-55",
        "incident-response-plan: top\nincident-manager: {incident-response-plan: nested}",
        {"response_plan": "top"},
    ),
    ("A-56", "environment_variables: {QUOTES: 'a\"b$c'}", {"environment_variables": {"QUOTES": 'a"b$c'}}),
    (
        "A-57",
        f"secrets_manager_variables: [{{A: '{SECRET}'}}, {{B: '{SECRET}'}}]",
        {"secrets_manager_variables": {"A": SECRET, "B": SECRET}},
    ),
    ("A-57", f"secrets_manager_variables: {{A: '{SECRET}'}}", {"secrets_manager_variables": {"A": SECRET}}),
    (
        "A-58",
        "vpc_config: {vpc_id: vpc-1, subnets: [subnet-1], security_group_ids: [sg-1]}",
        {"vpc_config": {"vpc_id": "vpc-1", "subnets": ("subnet-1",), "security_group_ids": ("sg-1",)}},
    ),
    ("A-59", "critical_tables: [finance.orders]", {"critical_tables": ("finance.orders",)}),
    ("A-60", "not_critical_tables: [web.clicks]", {"not_critical_tables": ("web.clicks",)}),
    (
        "A-61",
        "auto-notifications: [build-success, build-failure, test-failure]",
        {"auto_notifications": ("build-success", "build-failure", "test-failure")},
    ),
    ("A-62", "utc: -3", {"utc": -3}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"), [pytest.param(more, read, marks=pytest.mark.parity(row), id=row) for row, more, read in READ]
)
def test_every_key_is_read(folder: Path, more: str, expected: dict[str, Any]):
    found = project(folder, more)
    for key, value in expected.items():
        read = getattr(found, key)
        parts = {name: getattr(read, name) for name in value} if hasattr(read, "model_fields") else read
        assert parts == value


#: Row, further keys of an entry, the key that is wrong, what is said.
REFUSED = [
    ("A-30", "name: Shop", "name", "allowed: lower-case letters, digits, hyphens and underscores"),
    ("A-32", "org: a/b", "org", "allowed: letters, digits, dots, hyphens and underscores"),
    ("A-34", "engine: oracle", "engine", "allowed: 'duckdb', 'athena', 'redshift'"),
    ("A-35", "commands: []", "commands", "empty; at least one entry is needed"),
    ("A-35", "commands: dbt build", "commands", "'dbt build' is not a list"),
    ("A-36", "s3_artifacts_bucket: s3://bucket", "s3_artifacts_bucket", "allowed: a bucket name"),
    ("A-37", "schedule: cron(0 9 ? * MON-FRI)", "schedule", "has 5 fields; EventBridge has 6"),
    ("A-37", "schedules: [{name: a, schedule: rate(1 days)}]", "schedules[0].schedule", "EventBridge wants `rate(1 "),
    (
        "A-37",
        "schedules: [{name: a, schedule: rate(1 day)}, {name: a, schedule: rate(1 day)}]",
        "schedules",
        "schedules named twice: a",
    ),
    ("A-37", "scheduler: eventbridge", "", "starts the whole build in CodeBuild by the one `schedule`"),
    ("A-38", "timeout: 4", "timeout", "allowed: 5 or more"),
    ("A-38", "timeout: 2161", "timeout", "allowed: 2160 or less"),
    ("A-38", "timeout: 7.5", "timeout", "the number 7.5 is not a whole number"),
    ("A-39", "compute_type: LARGE", "compute_type", "allowed: 'BUILD_GENERAL1_SMALL'"),
    ("A-40", "ecr_repository: 1.dkr.ecr/x:y", "ecr_repository", "without account and region"),
    ("A-41", "ecr_image_tag: v1", "", "`ecr_image_tag` names a tag of `ecr_repository`, which is missing"),
    ("A-45", "teams-notification: true", "teams-notification", "needs `secret_name` or `webhook_url`"),
    ("A-46", "discord_notification: {active: true}", "discord_notification", "needs `secret_name` or `webhook_url`"),
    ("A-47", "sns-notification: true", "sns-notification", "needs `topic_arn`"),
    ("A-53", "incident-manager: {impact: 6}", "incident-manager.impact", "allowed: 5 or less"),
    ("A-53", "incident-manager: {impact: 0}", "incident-manager.impact", "allowed: 1 or more"),
    ("A-56", "environment_variables: {a-b: c}", "environment_variables.a-b", "allowed: a variable name"),
    ("A-56", "environment_variables: {PORT: 1}", "environment_variables.PORT", "is not text (in quotes)"),
    ("A-57", "secrets_manager_variables:\n- A: x", "secrets_manager_variables[0].A", "the full ARN"),
    ("A-57", "secrets_manager_variables: [{A: x, B: y}]", "secrets_manager_variables", "every item is one `NAME: "),
    ("A-58", "vpc_config: {subnets: [subnet-1], vpc_id: vpc-1}", "vpc_config.security_group_ids", "is missing"),
    ("A-58", "vpc_config: {subnets: [], vpc_id: x}", "vpc_config.vpc_id", "allowed: the id of a VPC, as in"),
    ("A-59", "critical_tables: orders", "critical_tables", "'orders' is not a list"),
    ("A-60", "not_critical_tables: [1]", "not_critical_tables[0]", "the number 1 is not text"),
    ("A-61", "auto-notifications: [build-sucess]", "auto-notifications[0]", "allowed: 'build-success'"),
    ("A-62", "utc: 15", "utc", "allowed: 14 or less"),
]


@pytest.mark.parametrize(
    ("more", "key", "message"), [pytest.param(*rest, marks=pytest.mark.parity(row), id=row) for row, *rest in REFUSED]
)
def test_an_impossible_value_is_a_problem_with_its_line(folder: Path, more: str, key: str, message: str):
    name = more.partition(":")[0]
    kept = "".join(line for line in ENTRY.splitlines(keepends=True) if not line.startswith(f"{name}:"))
    text = entry(more, text=kept)
    found = [problem for problem in problems(folder, text) if message in problem]
    line = text.splitlines().index(next(row for row in text.splitlines() if more.splitlines()[-1] in row)) + 1
    assert len(found) == 1, problems(folder, text)
    assert found[0].startswith(f"{FILE}:{line if key else 2}: codebuild[0]{'.' + key if key else ''}: ")


@pytest.mark.parity("A!14")
def test_a_bare_boolean_is_short_for_active_and_active_may_be_left_out(folder: Path):
    assert project(folder, "slack-notification: true").slack_notification.active
    assert not project(folder, "slack-notification: false").slack_notification.active
    quiet = project(folder, "elementary: {channel: '#x'}").elementary
    assert (quiet.active, quiet.channel) == (False, "#x")


@pytest.mark.parity("A-64")
def test_every_key_is_read_with_hyphens_and_with_underscores_at_every_depth(folder: Path):
    vpc = "vpc_config: {vpc_id: vpc-1, subnets: [subnet-1], security_group_ids: [sg-1]}\n"
    keys = f"{vpc}ecr_repository: a\necr_image_tag: b\nauto-notifications: [build-failure]\nutc: 1\n"
    text = COMPLETE + "".join(f"    {line}\n" for line in keys.splitlines())
    snake = text
    for key in ("slack-notification", "incident-manager", "incident-response-plan", "auto-notifications"):
        snake = snake.replace(f"{key}:", f"{key.replace('-', '_')}:")
    kebab = text
    for key in (
        "secret_name", "compute_type", "environment_variables", "secrets_manager_variables", "vpc_config", "vpc_id",
        "security_group_ids", "ecr_repository", "ecr_image_tag",
    ):  # fmt: skip
        kebab = kebab.replace(f"{key}:", f"{key.replace('_', '-')}:")
    assert len({text, snake, kebab}) == 3
    assert loaded(folder, text).dbt_projects == loaded(folder, snake).dbt_projects == loaded(folder, kebab).dbt_projects


def test_a_key_in_both_spellings_is_a_problem_at_the_second(folder: Path):
    both = "slack-notification: {active: true, secret_name: a, secret-name: b}\nslack_notification: false"
    assert problems(folder, entry(both)) == [
        f"{FILE}:8: codebuild[0].slack-notification.secret-name: the same key as `secret_name` in line 8; "
        "keep one of them",
        f"{FILE}:9: codebuild[0].slack_notification: the same key as `slack-notification` in line 8; keep one of them",
    ]


def test_an_environment_overrides_a_key_that_the_project_spells_otherwise(folder: Path):
    edited(
        folder,
        "config/platform.yaml",
        "    warehouse: {type: athena",
        "    dbt-projects:\n      one: {incident_manager: {impact: 3}, compute-type: BUILD_GENERAL1_LARGE}\n"
        "    warehouse: {type: athena",
    )
    (folder / FILE).write_text(entry("incident-manager: {active: true, impact: 1}\ncompute_type: BUILD_GENERAL1_SMALL"))
    (prod,) = load_platform(folder, "prod").dbt_projects
    (dev,) = load_platform(folder, "dev").dbt_projects
    assert (prod.incident_manager.active, prod.incident_manager.impact) == (True, 3)
    assert (prod.compute_type, dev.compute_type) == ("BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_SMALL")
