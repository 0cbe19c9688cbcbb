"""Elementary's report after a build in CodeBuild: an asset of its own, made also by a build that failed.

`edr` itself needs dbt packages from a network; a stand-in on the build's PATH does what `edr send-report` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, ExecuteInProcessResult, define_asset_job

from buildkit_dagster.config.environment import ProcessEnvironment, read_environment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.config.notifications import Elementary, SlackNotification
from buildkit_dagster.defs.automation import project_selection
from buildkit_dagster.defs.dbt import dbt_assets_of
from buildkit_dagster.defs.dbt_elementary import elementary_specs
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.runtimes.dbt import prepare_manifest
from tests.dbt_shop import make_build_project, shop_platform

NO_SLACK, SLACK = SlackNotification(), SlackNotification(active=True, secret_name="dbt/slack")

EDR = f"""\
#!{sys.executable}
import os, sys
import boto3

if sys.argv[1:] == ["monitor"]:
    sys.exit(os.environ["EDR_MONITOR_SLACK_TOKEN"] != "xoxb-elementary")
if sys.argv[1:] != ["send-report"]:
    sys.exit(2)
boto3.client("s3").put_object(
    Bucket=os.environ["EDR_SEND_REPORT_S3_BUCKET_NAME"],
    Key=os.environ["EDR_SEND_REPORT_BUCKET_FILE_PATH"],
    Body=os.environ["EDR_SEND_REPORT_PROJECT_NAME"].encode(),
)
"""


@pytest.fixture
def process(emulator: Emulator) -> ProcessEnvironment:
    return replace(read_environment(), endpoint=emulator.endpoint)


def build(
    folder: Path,
    process: ProcessEnvironment,
    boto: Callable[[str], Any],
    edr: str,
    commands: tuple[str, ...],
    slack: SlackNotification = NO_SLACK,
) -> tuple[Platform, ExecuteInProcessResult, str]:
    """The platform, its run, and all that the run logged."""
    (folder / "bin").mkdir()
    (folder / "bin" / "edr").write_text(edr)
    (folder / "bin" / "edr").chmod(0o755)
    platform = shop_platform(
        folder,
        commands=commands,
        elementary=Elementary(active=True, description="The shop", channel="#alerts"),
        slack_notification=slack,
        environment_variables={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
    )
    [project] = platform.dbt_projects
    prepare_manifest(platform, project, process.variables)
    name = make_build_project(platform, boto)
    assets = dbt_assets_of(platform, project, process)
    job = define_asset_job("dbt_shop", project_selection(project, assets))
    definitions = Definitions(assets=[*assets, *elementary_specs(project, assets)], jobs=[job])
    with DagsterInstance.local_temp() as instance:
        result = definitions.resolve_job_def("dbt_shop").execute_in_process(instance=instance, raise_on_error=False)
        log = "\n".join(record.user_message for record in instance.all_logs(result.run_id))
    boto("codebuild").delete_project(name=name)
    return platform, result, log


def materialized(result: ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    found = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    return {
        one.asset_key.to_user_string(): {name: value.value for name, value in one.metadata.items()} for one in found
    }


@pytest.mark.parity("A-11", "A-184", "A-194")
def test_a_build_that_failed_still_publishes_its_report(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any]
) -> None:
    platform, result, _ = build(tmp_path, process, boto, EDR, ("false",))
    assert not result.success
    found = materialized(result)
    assert set(found) == {"elementary/shop"}
    key = "dbt-artifacts/project=shop/elementary/index.html"
    bucket = platform.names.bucket("artifacts")
    assert boto("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"The shop"
    assert found["elementary/shop"]["report"].endswith("/elementary/index.html")


def test_a_report_that_fails_leaves_the_build_as_it_is_and_says_so(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any]
) -> None:
    _, result, log = build(tmp_path, process, boto, "#!/bin/sh\nexit 3\n", ("true",))
    assert result.success
    assert materialized(result) == {}
    [seen] = result.get_asset_observation_events()
    assert seen.asset_key is not None
    assert seen.asset_key.to_user_string() == "elementary/shop"
    assert "Elementary's report of shop failed" in log


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ('{"token": "xoxb-elementary"}', "buildkit: elementary alerts sent"),
        ('{"url": "https://hooks.example.com/x"}', "no alerts of Elementary for shop: Slack secret dbt/slack"),
        (None, "no alerts of Elementary for shop: Slack secret dbt/slack"),
    ],
)
def test_alerts_are_sent_by_the_slack_secrets_token_and_left_out_without_one(
    tmp_path: Path, process: ProcessEnvironment, boto: Callable[[str], Any], secret: str | None, said: str
) -> None:
    if secret:
        boto("secretsmanager").create_secret(Name="dbt/slack", SecretString=secret)
    try:
        _, result, log = build(tmp_path, process, boto, EDR, ("true",), SLACK)
    finally:
        if secret:
            boto("secretsmanager").delete_secret(SecretId="dbt/slack", ForceDeleteWithoutRecovery=True)
    assert result.success
    assert said in log
    assert set(materialized(result)) == {"elementary/shop"}


def test_the_report_rests_on_the_models_nothing_else_reads(tmp_path: Path, process: ProcessEnvironment) -> None:
    platform = shop_platform(tmp_path, elementary=Elementary(active=True))
    [project] = platform.dbt_projects
    prepare_manifest(platform, project, process.variables)
    [spec] = elementary_specs(project, dbt_assets_of(platform, project, process))
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {"shop/customers", "shop/totals"}
