"""A connection that nobody has approved: a warning of its asset, and one clear error of the builds that need it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckEvaluation, DagsterInstance, Definitions, materialize

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.defs.connections import connection_checks
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.infra import terraform_stacks
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import ConnectionGone, ConnectionNotAvailable
from buildkit_dagster.process import run
from buildkit_dagster.runtimes.checkout import approval_link, checkout_variables, refuse_unavailable
from buildkit_dagster.runtimes.codebuild import console_link
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import make_build_project, shop_platform

GITHUB = {"type": "GITHUB", "location": "https://github.com/example-org/shop", "buildspec": "version: 0.2\n"}


@pytest.fixture
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


@pytest.fixture
def connection(boto: Callable[[str], Any]) -> str:
    arn: str = boto("codeconnections").create_connection(ConnectionName="shop", ProviderType="GitHub")["ConnectionArn"]
    return arn


@pytest.mark.parity("A-78", "A-104", "A-159", "A-262", "A-263", "A!26")
def test_a_build_whose_connection_is_pending_is_not_started_and_says_where_to_approve_it(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any], emulator: Emulator, connection: str
) -> None:
    platform = shop_platform(tmp_path / "pending")
    platform = platform.model_copy(update={"name": "pending"})
    [project] = platform.dbt_projects
    prepare_manifest(platform, project, process.variables)
    name = make_build_project(platform, boto)
    auth = {"type": "CODECONNECTIONS", "resource": connection}
    boto("codebuild").update_project(name=name, source={**GITHUB, "auth": auth})

    done = materialize(
        dbt_assets_of(platform, project, process), raise_on_error=False, instance=DagsterInstance.ephemeral()
    )

    [failed] = done.get_step_failure_events()
    said = str(failed.step_failure_data.error)
    assert f"the build of {name} was not started: its connection {connection} is PENDING" in said
    assert approval_link(connection) in said
    assert boto("codebuild").list_builds_for_project(projectName=name)["ids"] == []

    clients = boto("codebuild"), boto("codeconnections")
    with pytest.raises(ConnectionNotAvailable):
        refuse_unavailable(*clients, name)
    emulator.approve_connection(connection)
    refuse_unavailable(*clients, name)
    boto("codeconnections").delete_connection(ConnectionArn=connection)
    with pytest.raises(ConnectionGone, match=r"is not there any more\. Materialize the registry"):
        refuse_unavailable(*clients, name)


def test_what_has_no_connection_is_not_looked_at(boto: Callable[[str], Any]) -> None:
    refuse_unavailable(boto("codebuild"), boto("codeconnections"), "there-is-no-such-project")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
    ],
)
@pytest.mark.parity("A-97")
def test_the_link_is_the_consoles_of_the_partition(region: str, host: str) -> None:
    link = approval_link(f"arn:aws:codeconnections:{region}:123456789012:connection/0b7c")
    assert link == f"https://{host}/codesuite/settings/123456789012/{region}/codeconnections/connections/0b7c"
    assert console_link("shop:1", region) == f"https://{host}/codesuite/codebuild/projects/shop/build/shop:1"


@pytest.mark.parity("A-4", "A-96", "A-97", "A!26")
def test_the_check_warns_until_somebody_approves(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any], emulator: Emulator
) -> None:
    platform = shop_platform(tmp_path / "checked").model_copy(update={"name": "checked"})
    stacks = terraform_stacks(platform)
    checks = connection_checks(platform, process, stacks)

    def look() -> AssetCheckEvaluation:
        job = Definitions(asset_checks=[checks]).resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(instance=DagsterInstance.ephemeral())
        [result] = done.get_asset_check_evaluations()
        return result

    assert look().description == "There is no connection; materialize it."
    arn = boto("codeconnections").create_connection(ConnectionName="checked", ProviderType="GitHub")["ConnectionArn"]
    put_state(platform, boto, arn)
    pending = look()
    assert (pending.passed, pending.severity.value) == (False, "WARN")
    assert pending.metadata["connection_status"].value == "PENDING"
    assert pending.metadata["console"].value == approval_link(arn)
    emulator.approve_connection(arn)
    assert look().passed
    boto("codeconnections").delete_connection(ConnectionArn=arn)
    assert look().description == "There is no connection; materialize it."


def put_state(platform: Any, boto: Callable[[str], Any], arn: str) -> None:
    """The stack's state as Terraform leaves it, of one output."""
    text = (
        '{"version": 4, "serial": 1, "lineage": "x", "resources": [], "outputs": {"github_connection": '
        f'{{"value": {{"arn": "{arn}"}}, "type": ["object", {{"arn": "string"}}]}}}}}}'
    )
    bucket = platform.names.state_bucket()
    boto("s3").create_bucket(Bucket=bucket)
    boto("s3").put_object(Bucket=bucket, Key=platform.names.state_key("registry"), Body=text.encode())


#: Serves a repository as a Git host does; the last argument is the command for the far end.
SSH = """\
#!/bin/bash
cd {repositories} && eval "${{@: -1}}"
"""


@pytest.mark.parity("A-8", "A!5")
def test_a_run_builds_what_a_deploy_key_clones(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any]
) -> None:
    platform = shop_platform(tmp_path / "cloned").model_copy(update={"name": "cloned"})
    [project] = platform.dbt_projects
    serve(platform.folder / str(project.path), tmp_path / "repositories" / project.org / f"{project.repo}.git")
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin" / "ssh"
    ssh.write_text(SSH.format(repositories=tmp_path / "repositories"))
    ssh.chmod(0o755)
    secret = boto("secretsmanager").create_secret(Name="cloned", SecretString="a key")["ARN"]
    path = {"PATH": f"{ssh.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"}
    changes = {"deploy_key": secret, "environment_variables": path, "commands": ("dbt ls --resource-type model",)}
    project = project.model_copy(update=changes)
    prepare_manifest(platform, project, process.variables)
    name = make_build_project(platform, boto)
    boto("codebuild").update_project(
        name=name,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\n"},
        environment={
            **boto("codebuild").batch_get_projects(names=[name])["projects"][0]["environment"],
            "environmentVariables": [
                *(
                    {"name": key, "value": value, "type": "PLAINTEXT"}
                    for key, value in checkout_variables(project).items()
                ),
                {"name": "BUILDKIT_DEPLOY_KEY", "value": secret, "type": "SECRETS_MANAGER"},
            ],
        },
    )
    materialize(dbt_assets_of(platform, project, process), raise_on_error=False, instance=DagsterInstance.ephemeral())
    [build] = boto("codebuild").list_builds_for_project(projectName=name)["ids"]
    found = boto("codebuild").batch_get_builds(ids=[build])["builds"][0]
    assert found["buildStatus"] == "SUCCEEDED"
    assert [phase["phaseStatus"] for phase in found["phases"] if phase["phaseType"] == "PRE_BUILD"] == ["SUCCEEDED"]


def serve(folder: Path, repository: Path) -> None:
    """Make a repository of a folder's files."""
    shutil.copytree(folder, repository)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(repository)}
    identity = ("-c", "user.name=example", "-c", "user.email=example@example.com")
    for words in (("init", "-q", "-b", "main", "."), ("add", "-A"), ("commit", "-q", "-m", "All")):
        done = run(["git", *identity, *words], cwd=repository, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
