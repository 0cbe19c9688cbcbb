"""`validate`: every problem at once, each with file, line, path and what is allowed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.validate import examine, validate
from buildkit_dagster.errors import EnvironmentNotDescribed
from tests.scenario import FILES, edited, write_platform

PROJECTS = "config/codebuild-config.yml"
PLATFORM = "config/platform.yaml"
RAW = "config/connectors/raw.yaml"
SALES = "config/jobs/acme/sales.yaml"
SALES_TABLE = "config/assets/till/v1.0/sales.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_platform(tmp_path)


def test_the_small_platform_and_the_demo_are_valid(folder: Path):
    assert validate(folder) == []
    assert validate(Path(__file__).parents[2] / "config") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        pytest.param(
            PROJECTS,
            "    commands: [dbt build]",
            "    comands: [dbt build]",
            [
                f"{PROJECTS}:2: codebuild[0].commands: required key is missing",
                f"{PROJECTS}:8: codebuild[0].comands: unknown key `comands`, did you mean `commands`? allowed: ",
            ],
            id="an unknown key names the nearest known one, and the key it should have been is missing",
        ),
        pytest.param(
            PROJECTS,
            "    timeout: 30",
            "    slack_notifcation: {chanel: x}",
            [
                f"{PROJECTS}:10: codebuild[0].slack_notifcation: unknown key `slack_notifcation`, did you mean "
                "`slack-notification`?"
            ],
            id="a misspelt key is compared in either spelling",
        ),
        pytest.param(
            PROJECTS,
            "    timeout: 30",
            "    slack_notification: {chanel: x}",
            [f"{PROJECTS}:10: codebuild[0].slack_notification.chanel: unknown key `chanel`, did you mean `channel`?"],
            id="a problem below a key is placed where the file has it, in the file's spelling",
        ),
        pytest.param(
            PROJECTS,
            "timeout: 30",
            'timeout: "30"',
            [f"{PROJECTS}:10: codebuild[0].timeout: '30' is not a whole number"],
            id="text is not a number",
        ),
        pytest.param(
            PROJECTS,
            "timeout: 30",
            "timeout: 3000",
            [f"{PROJECTS}:10: codebuild[0].timeout: the number 3000 is not allowed; allowed: 2160 or less"],
            id="a build takes at most what CodeBuild allows",
        ),
        pytest.param(
            PROJECTS,
            "timeout: 30",
            "compute_type: LARGE",
            [f"{PROJECTS}:10: codebuild[0].compute_type: 'LARGE' is not allowed; allowed: 'BUILD_GENERAL1_SMALL', "],
            id="a compute type is one of CodeBuild's",
        ),
        pytest.param(
            PROJECTS,
            "cron(0 2 * * ? *)",
            "cron(0 9 ? * MON-FRI)",
            [f"{PROJECTS}:9: codebuild[0].schedule: 'cron(0 9 ? * MON-FRI)' has 5 fields; EventBridge has 6: did you"],
            id="a cron expression of five fields",
        ),
        pytest.param(
            PROJECTS,
            "name: shop",
            "name: " + "shop" * 40,
            [
                f"{PROJECTS}:2: codebuild[0].name: too long with 160 characters; allowed: 60, so that names made",
                f"{PLATFORM}:32: environments.prod.dbt_projects.shop: there is no dbt project 'shop'",
            ],
            id="a name that is too long, and the reference to it that is left dangling",
        ),
        pytest.param(
            PROJECTS,
            "path: dbt_projects/shop",
            "path: dbt_projects/shoop",
            [f"{PROJECTS}:6: codebuild[0].path: there is no folder 'dbt_projects/shoop' in the platform folder"],
            id="a project's folder that is missing",
        ),
        pytest.param(
            PROJECTS,
            "path: dbt_projects/shop",
            "path: ../shop",
            [f"{PROJECTS}:6: codebuild[0].path: '../shop' lies outside the platform folder"],
            id="a project's folder outside the platform",
        ),
        pytest.param(
            PROJECTS,
            "timeout: 30",
            "image: plattform",
            [f"{PROJECTS}:10: codebuild[0].image: there is no image 'plattform', did you mean 'platform'?"],
            id="an image platform.yaml does not describe",
        ),
        pytest.param(
            RAW,
            "bucket: raw",
            "bucket: rwa",
            [f"{RAW}:3: bucket: there is no bucket 'rwa', did you mean 'raw'? allowed: raw"],
            id="a bucket platform.yaml does not describe",
        ),
        pytest.param(
            SALES,
            "connectors/raw.yaml",
            "connectors/row.yaml",
            [f"{SALES}:2: source_connector_path: there is no connector file 'connectors/row.yaml', did you mean "],
            id="a connector file that is missing",
        ),
        pytest.param(
            SALES,
            "connectors/warehouse.yaml",
            "connectors/raw.yaml",
            [f"{SALES}:3: target_connector_path: connectors/raw.yaml has type 's3', which cannot stand here; "],
            id="a source where a target belongs",
        ),
        pytest.param(
            SALES,
            "v1.0/sales.yaml",
            "v1.0/customers.yaml",
            [f"{SALES}:4: asset_path: table till/customers is already loaded by job acme/customers; one job per table"],
            id="two jobs for one table",
        ),
        pytest.param(
            SALES,
            "tenant_id: acme",
            "tenant_id: amce",
            [f"{SALES}:1: tenant_id: 'amce' is not the job's folder; allowed: 'acme'"],
            id="a job in another tenant's folder",
        ),
        pytest.param(
            SALES,
            "memory: 512",
            "memory: 4096",
            [f"{SALES}:8: infrastructure.runtime.memory: Fargate has no memory 4096 for cpu 256; allowed: 512, 1024,"],
            id="a cpu and memory pair Fargate does not have",
        ),
        pytest.param(
            SALES,
            "cpu: 256",
            "cpu: 300",
            [f"{SALES}:8: infrastructure.runtime.cpu: Fargate has no cpu 300; allowed: 256, 512, 1024, "],
            id="a cpu Fargate does not have",
        ),
        pytest.param(
            SALES,
            "cpu: 256,",
            "cpu: 256, region: us-east-1,",
            [
                f"{SALES}:8: infrastructure.runtime.region: 'us-east-1' is not the region of environment dev; allowed: "
                "'eu-west-1'",
                f"{SALES}:8: infrastructure.runtime.region: 'us-east-1' is not the region of environment prod; allowed",
            ],
            id="a region that is not the environment's",
        ),
        pytest.param(
            SALES,
            "sales/{partition}.csv",
            "sales/{month}.csv",
            [f"{SALES}:5: source: a source with `partition: month` has `{{partition}}` in its path, once,"],
            id="a bad month pattern",
        ),
        pytest.param(
            "config/platform.yaml",
            "raw: {notifications: true}",
            "raw: {notifications: true, poll: any_keys}",
            [f"{PLATFORM}:13: defaults.buckets.raw: `poll` is for a bucket without `notifications`, which tell"],
            id="a bucket that is heard of twice",
        ),
        pytest.param(
            PROJECTS,
            "    timeout: 30\n",
            "    timeout: 30\n    on_objects: {bucket: rae, prefix: drops}\n",
            [
                f"{PROJECTS}:11: codebuild[0].on_objects.bucket: there is no bucket 'rae', did you mean 'raw'?",
                f"{PROJECTS}:11: codebuild[0].on_objects.prefix: 'drops' is not allowed; allowed: a key prefix that",
            ],
            id="objects of no bucket, below no prefix",
        ),
        pytest.param(
            SALES,
            "schedule: rate(12 hours)",
            "on_objects: {bucket: rae, prefix: drops/}",
            [
                f"{SALES}:6: on_objects: is for jobs that read no files: this one is started by the files it reads",
                f"{SALES}:6: on_objects.bucket: there is no bucket 'rae', did you mean 'raw'?",
            ],
            id="a job of files that other objects start",
        ),
        pytest.param(
            SALES,
            "schedule: rate(12 hours)",
            "schedule: rate(7 hour)",
            [f"{SALES}:6: schedule: 'rate(7 hour)': EventBridge wants `rate(1 hour)` and `rate(2 hours)`"],
            id="a rate in bad grammar",
        ),
        pytest.param(
            SALES_TABLE,
            "primary_key: [id]",
            "primary_key: [idd]",
            [f"{SALES_TABLE}:18: primary_key: no column is called idd; allowed: id, amount, sold_at"],
            id="a primary key that is no column",
        ),
        pytest.param(
            SALES_TABLE,
            "type: double",
            "type: varchar",
            [f"{SALES_TABLE}:21: schema[1].type: 'varchar' is not allowed; allowed: 'text', 'bigint', 'double', "],
            id="a column type dlt does not have",
        ),
        pytest.param(
            PLATFORM,
            "region: eu-west-1",
            "region: europe",
            [f"{PLATFORM}:3: defaults.region: 'europe' is not allowed; allowed: a region such as us-east-1"],
            id="a value in the defaults is reported once, where it is written",
        ),
        pytest.param(
            PLATFORM,
            'account: "111122223333"',
            "account: 111122223333",
            [f"{PLATFORM}:26: environments.prod.account: the number 111122223333 is not text (in quotes)"],
            id="an account id without quotes",
        ),
        pytest.param(
            PLATFORM,
            "    raw: {notifications: true}",
            "    raw: {}\n    artifacts: {}",
            [f"{PLATFORM}:14: defaults.buckets.artifacts: 'artifacts' is a bucket of the platform itself; taken: "],
            id="a bucket called like one of the platform's own",
        ),
        pytest.param(
            PLATFORM,
            "  prod:",
            "  production:",
            [f"{PLATFORM}:16: environments: not an environment: production; allowed: dev, staging, prod, stg, prd"],
            id="an environment there is not",
        ),
        pytest.param(
            PLATFORM,
            "    owner: platform@example.com\n",
            "",
            [
                f"{PLATFORM}:4: defaults.tags.owner: required key is missing",
            ],
            id="a required tag that is missing",
        ),
        pytest.param(
            PLATFORM,
            '    account: "123456789012"\n',
            "",
            [f"{PLATFORM}:17: environments.dev.account: required key is missing"],
            id="a key every environment has of its own",
        ),
        pytest.param(
            PLATFORM,
            "path: .buildkit/dev/warehouse.duckdb",
            "settings: {schema: x}",
            [f"{PLATFORM}:21: environments.dev.warehouse: `path` names the file of a duckdb warehouse: required there"],
            id="a duckdb warehouse without a file",
        ),
        pytest.param(
            PROJECTS,
            "    timeout: 30",
            "    environment_variables: {DB_PASSWORD: hunter2, DBT_SCHEMA: shop}",
            [
                f"{PROJECTS}:10: codebuild[0].environment_variables.DB_PASSWORD: 'DB_PASSWORD' carries a secret, and "
                "its value stands here"
            ],
            id="a secret in a plain variable",
        ),
        pytest.param(
            PROJECTS,
            "    timeout: 30",
            "    environment_variables: {KEY: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:shop'}",
            [
                f"{PROJECTS}:10: codebuild[0].environment_variables.KEY: 'KEY' holds the ARN of a secret, which a "
                "build gets as text; write it in `secrets_manager_variables`"
            ],
            id="the arn of a secret in a plain variable",
        ),
        pytest.param(
            PROJECTS,
            "    commands: [dbt build]",
            "    commands: [dbt build --target xoxb-1234567890-abcdef]",
            [f"{PROJECTS}:8: codebuild[0].commands[0]: the text has the form of a secret"],
            id="a token in a command of a dbt project",
        ),
    ],
)
def test_a_problem_says_where_it_is_and_what_is_allowed(
    folder: Path, file: str, old: str, new: str, expected: list[str]
):
    edited(folder, file, old, new)
    found = [str(problem) for problem in validate(folder)]
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line[: len(start)] == start


@pytest.mark.parity("A-30", "A-64")
def test_duplicate_project_names_are_found_also_when_only_the_hyphens_differ(folder: Path):
    projects = folder / PROJECTS
    text = projects.read_text()
    entry = text.partition("codebuild:\n")[2]
    projects.write_text(
        text + entry.replace("name: shop", "name: shop-a") + entry.replace("name: shop", "name: shop_a")
    )
    (problem,) = validate(folder)
    assert problem.path == "codebuild[2].name"
    assert (
        "duplicate name 'shop_a': config/codebuild-config.yml:11 already names a dbt project 'shop-a'"
        in problem.message
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            "runtime: local\n    concurrency: 2",
            "Nothing comes of `concurrency` of dbt project shop: with `runtime: local`",
        ),
        (
            "scheduler: eventbridge\n    retries: 2\n    slack-notification: {active: true}",
            "Nothing comes of `retries`, `slack-notification` of dbt project shop in builds that EventBridge starts",
        ),
        ("image: platform", "The image platform has no dbt adapter for databricks, the engine of dbt project shop"),
    ],
)
def test_keys_of_a_dbt_project_that_mean_nothing_there_are_told(folder: Path, keys: str, told: str):
    if keys.startswith("image"):
        edited(folder, PROJECTS, "engine: duckdb", "engine: databricks")
    edited(folder, PROJECTS, "    timeout: 30", f"    {keys}")
    assert [remark[: len(told)] for remark in examine(folder).remarks if "dbt project shop" in remark] == [told]


FARGATE = "type: aws_ecs_fargate, cpu: 256, memory: 512"
CLOUD_RUN = "type: gcp_cloud_run, image_uri: gcr.io/example/loader:1, region: europe-west1"


def test_a_job_in_googles_cloud_needs_the_project_it_runs_in(folder: Path):
    edited(folder, SALES, FARGATE, CLOUD_RUN)
    found = [str(problem) for problem in validate(folder)]
    assert found == [
        f"{SALES}:8: infrastructure.runtime.type: 'gcp_cloud_run' needs a project of Google Cloud, and environment "
        f"{environment} has no `gcp`; write `gcp: {{project: PROJECT_ID}}` into its entry in config/platform.yaml"
        for environment in ("dev", "prod")
    ]


def test_a_job_in_googles_cloud_has_a_region_of_its_own(folder: Path):
    edited(folder, SALES, FARGATE, CLOUD_RUN)
    edited(folder, PLATFORM, "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    assert validate(folder) == []
    gcp = load_platform(folder, "prod").config.gcp
    assert gcp is not None
    assert (gcp.project, gcp.region) == ("harbour-data", "us-central1")


def test_jobs_in_google_are_told_as_left_out_where_aws_alone_is_emulated(folder: Path):
    edited(folder, SALES, FARGATE, CLOUD_RUN)
    edited(folder, PLATFORM, "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    (told,) = [remark for remark in examine(folder).remarks if "Left out" in remark]
    assert told.startswith(
        "Left out, as dev emulates AWS alone: acme/sales. Jobs in Google Cloud run in an environment "
    )
    edited(folder, SALES, f"  runtime: {{{CLOUD_RUN}}}\n", "")
    edited(folder, PLATFORM, "    cloud: emulator\n", "    cloud: emulator\n    runtime: {type: local}\n")
    edited(folder, PLATFORM, "    segment: prd\n", f"    segment: prd\n    runtime: {{{CLOUD_RUN}}}\n")
    assert not [remark for remark in examine(folder).remarks if "Left out" in remark]


def test_a_schedule_cloud_scheduler_cannot_have_is_a_problem_of_the_job(folder: Path):
    edited(folder, SALES, FARGATE, CLOUD_RUN)
    edited(folder, PLATFORM, "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    edited(folder, SALES, "schedule: rate(12 hours)", "schedule: rate(90 minutes)\nscheduler: cloud_scheduler")
    assert {(problem.path, problem.message.split(": ")[0]) for problem in validate(folder)} == {
        ("schedule", "'rate(90 minutes)'")
    }


def test_a_job_reads_no_secret_of_another_cloud(folder: Path):
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:till"
    (folder / "config/connectors/till.yaml").write_text(
        f"name: till\ntype: postgres\ndataset: till\nhost: db\ndatabase: till\nusername: a\npassword: {secret}\n"
    )
    edited(folder, SALES, "connectors/warehouse.yaml", "connectors/till.yaml")
    assert validate(folder) == []
    edited(folder, PLATFORM, "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    edited(folder, SALES, FARGATE, CLOUD_RUN)
    message = f"its secret {secret} is in another cloud than the job, which runs in gcp_cloud_run; allowed: projects/"
    assert {(problem.path, problem.message[: len(message)]) for problem in validate(folder)} == {
        ("target_connector_path", message)
    }


def test_a_function_takes_no_direct_way_into_the_vpc(folder: Path):
    edited(folder, SALES, FARGATE, "type: gcp_cloud_function")
    edited(
        folder,
        PLATFORM,
        "defaults:\n",
        "defaults:\n  gcp: {project: harbour-data, network: {network: a, subnetwork: b}}\n",
    )
    assert {problem.path for problem in validate(folder)} == {"infrastructure.runtime.type"}
    edited(folder, PLATFORM, "network: {network: a, subnetwork: b}", "network: {connector: c}")
    assert validate(folder) == []


def of_tenant(folder: Path, tenant: str) -> str:
    """The job `customers` of another tenant, which has a dataset of its own."""
    connector = (folder / "config/connectors/warehouse.yaml").read_text().replace("dataset: till", "dataset: own")
    (folder / "config/connectors/own.yaml").write_text(connector)
    text = (folder / "config/jobs/acme/customers.yaml").read_text()
    return text.replace("tenant_id: acme", f"tenant_id: {tenant}").replace("warehouse.yaml", "own.yaml")


def test_a_tenant_is_not_called_as_another_ones_stack_in_googles_cloud(folder: Path):
    jobs = folder / "config/jobs"
    (jobs / "acme-gcp").mkdir()
    (jobs / "acme-gcp/customers.yaml").write_text(of_tenant(folder, "acme-gcp"))
    (jobs / "acme/customers.yaml").unlink()
    (problem,) = validate(folder)
    assert "'acme-gcp' would share a stack with 'acme'" in problem.message


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("project: Harbour", "gcp.project: 'Harbour' is not allowed; allowed: a project id: 6 to 30 lower-case"),
        (
            "project: harbour-data, region: eu-west-1",
            "gcp.region: 'eu-west-1' is not allowed; allowed: a region of Goo",
        ),
        (
            "project: harbour-data, runner: bob@example.com",
            "gcp.runner: 'bob@example.com' is not allowed; allowed: NAME",
        ),
        (
            "project: harbour-data, network: {network: a, connector: b}",
            "gcp.network: give `connector`, or `network` and `subnetwork`: there is one way into the VPC",
        ),
    ],
)
def test_what_google_would_refuse_is_a_problem_of_the_environment(folder: Path, written: str, expected: str):
    edited(folder, PLATFORM, "defaults:\n", f"defaults:\n  gcp: {{{written}}}\n")
    (found,) = validate(folder)
    assert str(found).startswith(f"{PLATFORM}:3: defaults.{expected}")


def test_a_table_that_another_tenant_loads_is_told_with_that_tenant_and_what_to_do(folder: Path):
    (folder / "config/jobs/globex").mkdir()
    (folder / "config/jobs/globex/customers.yaml").write_text(of_tenant(folder, "globex") + "source: {path: globex/}\n")
    found = [problem.message for problem in validate(folder) if problem.path == "asset_path"]
    assert found == [
        "table till/customers is already loaded by job acme/customers; one job per table: give each tenant an asset "
        "file of its own, with a `source_type` or `object` of its own"
    ]


@pytest.mark.parametrize("key", ["objects", "tables"])
def test_what_other_systems_say_of_a_source_is_answered_with_what_to_write(folder: Path, key: str):
    written = f"{{{key}: [contacts], incremental: {{strategy: updated_after}}}}"
    edited(folder, SALES, '{path: "sales/{partition}.csv", partition: month}', written)
    (problem,) = validate(folder)
    assert problem.path == "source"
    assert problem.message.startswith(f"`{key}` is not known here: a job loads one table, so write a job for each, ")
    assert "`endpoint` (rest_api), `table` (sql), `resource` (dlt) or `path` (s3, gcs)" in problem.message


def test_a_connector_of_another_system_is_answered_with_what_to_write(folder: Path):
    (folder / "config/connectors/hubspot.yaml").write_text("name: hubspot\ntype: hubspot\n")
    (problem,) = validate(folder)
    assert problem.message == (
        "'hubspot' is no type of connector here; write `type: rest_api` with "
        "`base_url: https://api.hubapi.com/crm/v3/objects` and `auth`"
    )


def test_two_tenants_jobs_must_not_make_the_same_cloud_name(folder: Path):
    jobs = folder / "config/jobs"
    (jobs / "acme-eu").mkdir()
    (jobs / "acme-eu/sales.yaml").write_text(of_tenant(folder, "acme-eu"))
    (jobs / "acme/customers.yaml").unlink()
    (jobs / "acme/sales.yaml").rename(jobs / "acme/eu_sales.yaml")
    (problem,) = validate(folder)
    assert "duplicate name 'sales': acme/eu_sales.yaml:1 already names a job 'eu_sales'" in problem.message


def test_names_that_would_share_asset_keys_are_refused(folder: Path):
    edited(folder, PROJECTS, "name: shop", "name: till")
    edited(folder, PLATFORM, "shop: {engine", "till: {engine")
    edited(folder, "config/assets/till/v1.0/customers.yaml", "source_type: till", "source_type: infra")
    assert [problem.path for problem in validate(folder)] == ["source_type", "codebuild[0].name"]


def test_a_file_that_is_no_yaml_does_not_hide_the_problems_of_others(folder: Path):
    (folder / SALES_TABLE).write_text("name: [")
    edited(folder, RAW, "bucket: raw", "bucket: rwa")
    edited(folder, PROJECTS, "timeout: 30", "timeout: 1")
    assert [problem.file.name for problem in validate(folder)] == ["sales.yaml", "codebuild-config.yml", "raw.yaml"]


@pytest.mark.parametrize("file", [PROJECTS, SALES])
def test_a_file_that_leads_nowhere_is_a_problem_and_not_one_that_is_left_out(folder: Path, file: str):
    (folder / file).unlink()
    (folder / file).symlink_to(folder / "gone.yaml")
    assert f"{file}:1: cannot be read: No such file or directory; " in str(validate(folder)[0])


def test_a_folder_where_the_list_of_projects_belongs_is_a_problem(folder: Path):
    (folder / PROJECTS).unlink()
    (folder / PROJECTS).mkdir()
    assert f"{PROJECTS}:1: cannot be read: Is a directory; " in str(validate(folder)[0])


def test_an_invalid_entry_still_has_its_references_followed(folder: Path):
    edited(folder, SALES, "connectors/raw.yaml", "connectors/row.yaml")
    edited(folder, SALES, "schedule: rate(12 hours)", "shedule: rate(12 hours)")
    edited(folder, PLATFORM, "region: eu-west-1", "region: europe")
    edited(folder, RAW, "bucket: raw", "bucket: rwa")
    assert {problem.path for problem in validate(folder)} == {
        "source_connector_path", "shedule", "defaults.region", "bucket"
    }  # fmt: skip


def test_a_value_that_may_be_a_secret_is_not_repeated(folder: Path):
    secrets = "secrets_manager_variables: [{TOKEN: hunter2}]\n    environment_variables: {PORT: 4711}"
    edited(folder, PROJECTS, "timeout: 30", secrets)
    text = "\n".join(map(str, validate(folder)))
    assert "the full ARN of a Secrets Manager secret" in text
    assert "hunter2" not in text
    assert "4711" not in text


@pytest.mark.parametrize(
    "written",
    [
        'deploy_key: "-----BEGIN OPENSSH PRIVATE KEY----- hunter2"',
        "teams-notification: https://hooks.example.com/hunter2",
        "discord_notification: https://hooks.example.com/hunter2",
    ],
)
def test_a_secret_where_its_reference_belongs_is_not_repeated(folder: Path, written: str):
    edited(folder, PROJECTS, "timeout: 30", written)
    text = "\n".join(map(str, validate(folder)))
    assert re.search("not allowed|text is not a mapping", text)
    assert "hunter2" not in text


def test_one_file_or_folder_shows_its_own_problems_only(folder: Path):
    edited(folder, RAW, "bucket: raw", "bucket: rwa")
    edited(folder, PROJECTS, "timeout: 30", "timeout: 1")
    assert [problem.path for problem in validate(folder / RAW)] == ["bucket"]
    assert [problem.path for problem in validate(folder / "config/connectors")] == ["bucket"]
    assert len(validate(folder / "config")) == 2
    assert validate(folder / SALES) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in `data`."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_anywhere_is_valid_or_a_problem_and_never_a_crash(folder: Path, data: st.DataObject):
    file = data.draw(st.sampled_from(sorted(FILES)))
    content = yaml.safe_load(FILES[file])
    path = data.draw(st.sampled_from(places(content)))
    (folder / file).write_text(yaml.safe_dump(replaced(content, path, data.draw(values))))
    try:
        problems = validate(folder)
        if not problems:
            with contextlib.suppress(EnvironmentNotDescribed):
                load_platform(folder, "dev")
        assert all(problem.line >= 1 and problem.message for problem in problems)
    finally:
        (folder / file).write_text(FILES[file])


def test_a_file_from_elsewhere_is_checked_by_itself(tmp_path: Path):
    projects = tmp_path / "codebuild-config.yml"
    projects.write_text(
        "codebuild:\n  - {name: a, active: true, org: o, repo: r, engine: athena, commands: [dbt build], pth: x}\n"
    )
    (problem,) = validate(projects)
    assert problem.message.startswith("unknown key `pth`, did you mean `path`?")
    projects.write_text("jobs: []\n")
    assert "not a file of a platform" in validate(projects)[0].message
    projects.write_text("source-type: csv\nname: sales\n")
    assert "not a file of a platform" not in "".join(problem.message for problem in validate(projects))
    assert "no such file" in validate(tmp_path / "nothing.yaml")[0].message
    assert "not a platform folder" in validate(tmp_path)[0].message


def test_settings_of_stacks_and_units_there_are_not_are_refused_with_their_line(folder: Path) -> None:
    settings = "    stacks: {lake: {drift: block, units: {raw: {drift: 'off'}, rw: {}}}, laek: {drift: block}}\n"
    edited(folder, PLATFORM, "  prod:\n", f"{settings}  prod:\n")
    assert [str(problem) for problem in validate(folder)] == [
        f"{PLATFORM}:24: environments.dev.stacks.laek: there is no stack 'laek', did you mean 'lake'? allowed: "
        "bootstrap, dbt, ingest-acme, lake, registry",
        f"{PLATFORM}:24: environments.dev.stacks.lake.units.rw: there is no unit of lake 'rw', did you mean 'raw'? "
        "allowed: raw",
    ]
    edited(folder, PLATFORM, ", rw: {}}}, laek: {drift: block}}", "}}}")
    assert load_platform(folder, "dev").config.stacks["lake"].drift_of("raw") == "off"
