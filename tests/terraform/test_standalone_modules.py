"""The modules `registry` and `dbt` as a team without Dagster uses them: by a Git address, on its own file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.data import data_path
from buildkit_dagster.errors import BuildkitError
from buildkit_dagster.process import run
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform.test_modules import EmulatedCloud

CONFIG = """\
codebuild:
  - name: complete-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: redshift
    commands: [dbt run, dbt test, dbt docs generate]
    schedule: "cron(0 3 * * ? *)"
    timeout: 180
    compute_type: BUILD_GENERAL1_MEDIUM
    s3_artifacts_bucket: my-bucket
    slack-notification: {active: true, channel: "#data-alerts", secret_name: slack-token}
    environment_variables: {LOG_LEVEL: INFO}
    secrets_manager_variables:
      - DB_PASSWORD: "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
  - {name: elsewhere, active: true, org: other-org, repo: r, engine: athena, commands: [dbt build], iam: broad}
  - {name: draft, active: false, org: my-org, repo: r, engine: athena, commands: [dbt build]}
"""


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The repository's modules behind a Git address."""
    repository = tmp_path / "repository"
    shutil.copytree(data_path("modules"), repository / "terraform" / "modules")
    identity = ("-c", "user.name=example", "-c", "user.email=example@example.com")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Modules")):
        done = run(["git", *command], cwd=repository, env={"PATH": "/usr/bin:/bin"}, timeout=60)
        assert done.returncode == 0, done.stderr
    return f"git::file://{repository}//terraform/modules/%s?ref=main"


@pytest.fixture
def engine(tmp_path: Path, address: str, aws_env: Mapping[str, str], boto: Callable[[str], Any]) -> Engine:
    root = {
        "provider": {"aws": {"s3_use_path_style": True}},
        "module": {
            "registry": {
                "source": address % "registry",
                "name": "standalone",
                "environment": "dev",
                "organizations": ["my-org", "other-org"],
            },
            "dbt": {
                "source": address % "dbt",
                "name": "standalone",
                "environment": "dev",
                "config_file": "${path.root}/codebuild-config.yml",
                "image": "${module.registry.repository_url}:3f1c9a20b7de",
                "connection_arns": "${module.registry.connection_arns}",
            },
        },
        "output": {"projects": {"value": "${module.dbt.projects}"}},
    }
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "main.tf.json").write_text(json.dumps(root))
    (folder / "codebuild-config.yml").write_text(CONFIG)
    made = Engine(TerraformStack(folder), EmulatedCloud(aws_env, boto), "standalone", lambda _: None)
    made.write()
    made.init()
    return made


@pytest.mark.parity(
    *("A-1", "A-2", "A-5", "A-6", "A-70", "A-71", "A-73", "A-74", "A-90", "A-93", "A-120", "A-121", "A-123", "A-124"),
    *("A-125", "A-126", "A-128", "A-129", "A-145", "A-146", "A-147", "A-148", "A-150", "A-151", "A-156", "A-160"),
    *("A-161", "A-162", "A-163", "A!1", "A!16", "A!24"),
)
def test_two_modules_from_git_make_a_project_with_its_own_role_for_every_active_entry(
    engine: Engine, boto: Callable[[str], Any]
) -> None:
    plan = engine.plan()
    assert list(engine.apply(plan))
    assert engine.plan().is_empty
    names = ["standalone-dev-dbt-complete-project", "standalone-dev-dbt-elsewhere"]
    projects = {one["name"]: one for one in boto("codebuild").batch_get_projects(names=names)["projects"]}
    assert sorted(projects) == names
    complete, elsewhere = (projects[name] for name in names)
    assert complete["source"]["location"] == "https://github.com/my-org/my-dbt-repo"
    assert complete["source"]["auth"]["type"] == "CODECONNECTIONS"
    assert complete["source"]["auth"]["resource"] != elsewhere["source"]["auth"]["resource"]
    assert complete["timeoutInMinutes"] == 180
    assert complete["environment"]["computeType"] == "BUILD_GENERAL1_MEDIUM"
    assert complete["serviceRole"] != elsewhere["serviceRole"]
    commands = json.loads(complete["source"]["buildspec"])["phases"]["build"]["commands"]
    assert commands[1:] == ["dbt run", "dbt test", "dbt docs generate"]
    variables = {one["name"]: one for one in complete["environment"]["environmentVariables"]}
    assert variables["LOG_LEVEL"]["value"] == "INFO"
    assert variables["DB_PASSWORD"]["type"] == "SECRETS_MANAGER"
    schedule = boto("scheduler").get_schedule(Name="standalone-dev-dbt-complete-project-start")
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert schedule["Target"]["Arn"] == complete["arn"]


@pytest.mark.parity("A-63", "A-64", "A-260", "A!27", "A-261")
def test_what_is_wrong_with_the_file_is_told_at_once_by_entry(engine: Engine) -> None:
    (engine.workdir.folder / "codebuild-config.yml").write_text(
        "codebuild:\n"
        "  - {name: shop, active: true, org: my-org, repo: shop}\n"
        "  - {name: shop, active: true, org: my-org, repo: shop, engine: athena, commands: [dbt build], shedule: x}\n"
        "  - {name: alone, active: true, org: my, repo: shop, engine: athena, commands: [dbt build]}\n"
        "  - {name: open, active: true, org: my-org, repo: shop, engine: athena, commands: [dbt build],\n"
        "     access: {work-group: x}, policy_statements: [{actions: [s3:GetObject], resources: [x], Condition: {}}]}\n"
    )
    with pytest.raises(BuildkitError) as refused:
        engine.plan()
    said = " ".join(str(refused.value).replace("│", " ").split())
    for problem in (
        "entry 1 (shop) lacks commands, engine",
        "entry 2 (shop) has unknown shedule; known are access, active,",
        "the name shop is given more than once",
        "entry 3 (alone): there is no connection for my in connection_arns",
        "entry 4 (open) has unknown access.work-group; known are cluster, database,",
        "entry 4 (open) has unknown policy_statements.Condition; known are actions, condition, effect, resources",
    ):
        assert problem in said
