"""Job files in the guide's shape load on every runtime; what a vendor would refuse is refused before."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.check import check
from buildkit_dagster.config.ingest import IngestJob, JobFile
from buildkit_dagster.config.job_settings import RetryConfig
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.runtimes import AwsLambda, CloudFunction, CloudRun, EcsFargate, Local
from buildkit_dagster.config.validate import examine, validate
from buildkit_dagster.config.yaml import parse_document
from tests.scenario import edited, write_platform

CUSTOMERS = "config/jobs/acme/customers.yaml"
PLATFORM = "config/platform.yaml"
_PATHS = """\
tenant_id: acme
environment: prod
source_connector_path: connectors/raw.yaml
target_connector_path: connectors/warehouse.yaml
asset_path: assets/till/v1.0/customers.yaml
"""

ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dativo-ingest:latest"
#: The runtimes as the guide writes them, but for Lambda's image, which is one of Docker Hub there: AWS takes none.
GUIDE = {
    "aws_ecs_fargate": 'cpu: 1024\n    memory: 2048\n    image_uri: "dativo/dativo-ingest:latest"\n',
    "aws_lambda": f'timeout: 900\n    memory: 2048\n    image_uri: "{ECR}"\n',
    "gcp_cloud_run": (
        'cpu: "1"\n    memory: "2Gi"\n    image_uri: "gcr.io/dativo/dativo-ingest:latest"\n'
        '    region: "us-central1"\n    timeout: 3600\n'
    ),
    "gcp_cloud_function": 'runtime: "python311"\n    timeout: 540\n    memory: "256MB"\n    region: "us-central1"\n',
}


def _written(folder: Path, text: str) -> Path:
    """The small platform with `text` after the paths of the job `customers`; its prod has a project in Google Cloud."""
    write_platform(folder)
    edited(folder, PLATFORM, "    segment: prd\n", "    segment: prd\n    gcp: {project: harbour-prod}\n")
    (folder / CUSTOMERS).write_text(_PATHS + text)
    return folder


def _job(folder: Path, environment: str = "prod", name: str = "customers") -> IngestJob:
    return next(job for job in load_platform(folder, environment).ingest_jobs if job.name == name)


def _problems(text: str) -> list[str]:
    found = check(parse_document(_PATHS + text, Path("job.yaml")), JobFile).problems
    return [f"{problem.line}: {problem.path}: {problem.message}" for problem in found]


@pytest.mark.parity(
    "B-1", "B-20", "B-21", "B-22", "B-25", "B-26", "B-27", "B-28", "B-29", "B-30", "B-31", "B-32", "B-34"
)
@pytest.mark.parametrize("kind", GUIDE)
def test_each_runtime_of_the_guide_loads_as_it_is_written(tmp_path: Path, kind: str):
    metadata = '    terraform_workspace: "prod"\n    cost_center: "ENG-001"\n    environment: "production"\n'
    text = f'infrastructure:\n  runtime:\n    type: "{kind}"\n    {GUIDE[kind]}  metadata:\n{metadata}'
    infrastructure = _job(_written(tmp_path, text)).job.infrastructure
    assert infrastructure.runtime.type == kind
    assert infrastructure.metadata.cost_center == "ENG-001"
    assert infrastructure.metadata.environment == "production"


@pytest.mark.parity("B-36", "B-37", "B-38", "B!2")
def test_the_overrides_of_the_guide_load(tmp_path: Path):
    job = _job(
        _written(
            tmp_path,
            'finops:\n  cost_center: "ENG-002"\n'
            'governance_overrides:\n  owner: "sales-team@company.com"\n  retention_days: 730\n'
            "classification_overrides: {default: SENSITIVE, id: PII}\n",
        )
    ).job
    assert job.finops.cost_center == "ENG-002"
    assert (job.governance_overrides.owner, job.governance_overrides.retention_days) == ("sales-team@company.com", 730)
    assert job.classification_overrides == {"default": "SENSITIVE", "id": "PII"}


@pytest.mark.parity("B-23", "B-24", "B-35", "B!20")
def test_the_other_keys_of_a_job_load(tmp_path: Path):
    job = _job(
        _written(
            tmp_path,
            "source_connector: raw\ntarget_connector: warehouse\nasset: till_customers\n"
            "schema_validation_mode: warn\n"
            "retry_config: {max_retries: 2, initial_delay_seconds: 0.5, max_delay_seconds: 60, backoff_multiplier: 3}\n"
            "logging: {level: DEBUG, redaction: true}\n"
            "infrastructure: {metadata: {team: tills, on-call: sales}}\n",
        )
    ).job
    assert job.schema_validation_mode == "warn"
    assert job.retry_config == RetryConfig(
        max_retries=2, initial_delay_seconds=0.5, max_delay_seconds=60, backoff_multiplier=3
    )
    assert job.logging.level == "DEBUG"
    assert job.infrastructure.metadata.further == {"team": "tills", "on-call": "sales"}


def _runtime(text: str) -> str:
    return f"infrastructure: {{runtime: {{{text}}}}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            _runtime("type: aws_fargate"),
            "infrastructure.runtime.type: 'aws_fargate' is not allowed, did you mean 'aws_ecs_fargate'? allowed: "
            "'aws_ecs_fargate', 'aws_lambda', 'gcp_cloud_run', 'gcp_cloud_function', 'local'",
            marks=pytest.mark.parity("B-25", "B!15"),
            id="a type there is not",
        ),
        pytest.param(
            _runtime("cpu: 1024"),
            "infrastructure.runtime.type: required key is missing; allowed: 'aws_ecs_fargate', 'aws_lambda', "
            "'gcp_cloud_run', 'gcp_cloud_function', 'local'",
            marks=pytest.mark.parity("B-25"),
            id="no type",
        ),
        pytest.param(
            _runtime("type: aws_ecs_fargate, cpu: 0"),
            "infrastructure.runtime.cpu: Fargate has no cpu 0; allowed: 256, 512, 1024, 2048, 4096, 8192, 16384",
            marks=pytest.mark.parity("B-26", "B-133", "B!15"),
            id="zero is not unset",
        ),
        pytest.param(
            _runtime("type: aws_ecs_fargate, cpu: 256, memory: 4096"),
            "infrastructure.runtime.memory: Fargate has no memory 4096 for cpu 256; allowed: 512, 1024, 2048",
            marks=pytest.mark.parity("B-27", "B-133"),
            id="a pair Fargate does not have",
        ),
        pytest.param(
            _runtime("type: aws_lambda, image_uri: 'dativo/dativo-ingest:latest'"),
            "infrastructure.runtime.image_uri: 'dativo/dativo-ingest:latest' is not allowed; allowed: ACCOUNT.dkr"
            ".ecr.REGION.amazonaws.com/REPOSITORY:TAG, "
            "as Lambda takes images of ECR only, or `image`, one of the platform's",
            marks=pytest.mark.parity("B-28"),
            id="an image Lambda does not take",
        ),
        pytest.param(
            _runtime("type: aws_lambda, memory: 10241"),
            "infrastructure.runtime.memory: the number 10241 is not allowed; allowed: 10240 or less",
            marks=pytest.mark.parity("B-27", "B-133"),
            id="more memory than Lambda has",
        ),
        pytest.param(
            _runtime("type: aws_lambda, timeout: 901"),
            "infrastructure.runtime.timeout: the number 901 is not allowed; allowed: 900 or less",
            marks=pytest.mark.parity("B-29", "B-133"),
            id="longer than Lambda runs",
        ),
        pytest.param(
            _runtime("type: aws_lambda, memory: 2Gi"),
            "infrastructure.runtime.memory: '2Gi' is not a whole number",
            marks=pytest.mark.parity("B-27"),
            id="memory in the other cloud's words",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_run, image_uri: x, cpu: '1', memory: 8Gi"),
            "infrastructure.runtime.memory: Cloud Run with cpu '1' has no memory 8Gi; allowed: 512Mi to 4Gi",
            marks=pytest.mark.parity("B-27", "B-133"),
            id="a pair Cloud Run does not have",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_run, image_uri: x, cpu: '8'"),
            "infrastructure.runtime.memory: Cloud Run with cpu '8' has no memory 2Gi; allowed: 4Gi to 32Gi",
            marks=pytest.mark.parity("B-26", "B-133"),
            id="a cpu that the default memory does not fit",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_run, image_uri: x, timeout: 604801"),
            "infrastructure.runtime.timeout: the number 604801 is not allowed; allowed: 604800 or less",
            marks=pytest.mark.parity("B-29", "B-133", "B!4"),
            id="longer than a task of Cloud Run runs",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_function, memory: 64MB"),
            "infrastructure.runtime.memory: A Cloud Run function has no memory 64MB; allowed: 128Mi to 32Gi",
            marks=pytest.mark.parity("B-27", "B-133"),
            id="less memory than a function has",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_function, timeout: 3601"),
            "infrastructure.runtime.timeout: the number 3601 is not allowed; allowed: 3600 or less",
            marks=pytest.mark.parity("B-29", "B-133"),
            id="longer than a function runs",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_function, runtime: nodejs20"),
            "infrastructure.runtime.runtime: 'nodejs20' is not allowed; allowed: a Python runtime of Cloud Run "
            "functions from python311 on",
            marks=pytest.mark.parity("B-31"),
            id="a function in another language",
        ),
        pytest.param(
            "infrastructure: {metadata: {Team: x}}\n",
            "infrastructure.metadata.Team: 'Team' is not allowed; allowed: lower-case letters, digits, hyphens and "
            "underscores, starting with a letter",
            marks=pytest.mark.parity("B-35"),
            id="a key that is no tag",
        ),
        pytest.param(
            "retry_config: {max_attempts: 3}\n",
            "retry_config.max_attempts: unknown key `max_attempts`: it counts the first try too; write `max_retries`, "
            "which is one less",
            marks=pytest.mark.parity("B-24", "B!20"),
            id="the other spelling of retries",
        ),
        pytest.param(
            "logging: {redaction: false}\n",
            "logging.redaction: false is not allowed: secrets are always taken out of logs; write true, or leave it "
            "away",
            marks=pytest.mark.parity("B-24"),
            id="secrets in logs",
        ),
        pytest.param(
            "target: {warehouse: x}\n",
            "target: unknown key `target`: where and how a table is written is the target connector's to say; make one "
            "for it",
            marks=pytest.mark.parity("B-24"),
            id="a target of its own",
        ),
        pytest.param(
            "schema_validation_mode: relaxed\n",
            "schema_validation_mode: 'relaxed' is not allowed; allowed: 'strict' or 'warn'",
            marks=pytest.mark.parity("B-24"),
            id="a mode there is not",
        ),
        pytest.param(
            _runtime("type: gcp_cloud_function, runtime: python39"),
            "infrastructure.runtime.runtime: 'python39' is not allowed; allowed: a Python runtime of Cloud Run "
            "functions from python311 on",
            id="a Python the package does not run on",
        ),
        pytest.param(
            _runtime("type: aws_ecs_fargate, image_uri: 'an image ${x}'"),
            "infrastructure.runtime.image_uri: 'an image ${x}' is not allowed; allowed: an image such as "
            "REGISTRY/REPOSITORY:TAG",
            id="an image that can be nowhere",
        ),
        pytest.param(
            "infrastructure: {metadata: {cost_centre: ENG-001}}\n",
            "infrastructure.metadata: `cost_centre` would be a tag of your own, infra_cost_centre; did you mean "
            "`cost_center`? Else call it otherwise",
            id="a slip that would become a tag",
        ),
        pytest.param(
            "source: flights/\n",
            "source: text is not a mapping",
            id="a source that is no mapping",
        ),
        pytest.param(
            "source: {path: flights/*.csv}\n",
            "source.path: 'flights/*.csv' has a `*`, which stands for nothing here; write a prefix with `suffix: .csv`",
            id="a pattern for a path",
        ),
        pytest.param(
            "source: {endpoint: x, params: {ids: [1]}}\n",
            "source.params.ids: a list, a mapping or nothing is not allowed; allowed: text, a number, true or false",
            id="a list as a parameter",
        ),
        pytest.param(
            "governance_overrides: {retention_days: 36501}\n",
            "governance_overrides.retention_days: the number 36501 is not allowed; allowed: 36500 or less",
            id="more days than anybody keeps data",
        ),
        pytest.param(
            "governance_overrides: {owner: '  '}\n",
            "governance_overrides.owner: blank text is not allowed",
            id="nobody as an owner",
        ),
        pytest.param(
            f"retry_config: {{max_retries: {'9' * 5000}}}\n",
            f"retry_config.max_retries: '{'9' * 77}...' is not a whole number",
            id="more digits than Python reads",
        ),
        pytest.param(
            "retry_config: {backoff_multiplier: 1.0e999}\n",
            "retry_config.backoff_multiplier: the number inf is not a number that has an end",
            id="a number without an end",
        ),
    ],
)
def test_what_is_wrong_in_a_job_is_told_with_its_line(text: str, expected: str):
    assert _problems(text) == [f"6: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "asset: customers\n",
            "asset: 'customers' is not what assets/till/v1.0/customers.yaml is called; allowed: 'till_customers', or "
            "no `asset`",
            marks=pytest.mark.parity("B-23"),
            id="another asset",
        ),
        pytest.param(
            "source_connector: hubspot\n",
            "source_connector: 'hubspot' is not what connectors/raw.yaml is called; allowed: 'raw', or no "
            "`source_connector`",
            marks=pytest.mark.parity("B-23"),
            id="another connector",
        ),
        pytest.param(
            "classification_overrides: {email: PII}\n",
            "classification_overrides.email: no column is called 'email'; allowed: default, id",
            marks=pytest.mark.parity("B-38"),
            id="a class for no column",
        ),
    ],
)
def test_what_does_not_fit_the_files_a_job_names_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
):
    monkeypatch.chdir(tmp_path)
    assert [str(problem) for problem in validate(_written(tmp_path, text))] == [f"{CUSTOMERS}:6: {expected}"]


@pytest.mark.parity("B-88")
@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("runtime: {type: local, timeout: 60}", Local),
        ("runtime: {type: aws_lambda, memory: 512}", AwsLambda),
        ("runtime: {type: gcp_cloud_run, image_uri: x}", CloudRun),
        ("runtime: {type: gcp_cloud_function}", CloudFunction),
        ("drift_schedule: rate(1 day)", EcsFargate),
    ],
)
def test_a_job_without_a_runtime_gets_the_environments(tmp_path: Path, written: str, kind: type):
    _written(tmp_path, "infrastructure: {metadata: {team: tills}}\n")
    edited(tmp_path, PLATFORM, "    segment: prd\n", f"    segment: prd\n    {written}\n")
    assert isinstance(_job(tmp_path).job.infrastructure.runtime, kind)
    assert _job(tmp_path).job.infrastructure.metadata.further == {"team": "tills"}
    assert isinstance(_job(tmp_path, name="sales").job.infrastructure.runtime, EcsFargate)


def test_which_jobs_take_the_environments_runtime_is_shown(tmp_path: Path):
    write_platform(tmp_path)
    edited(tmp_path, PLATFORM, "    segment: prd\n", "    segment: prd\n    runtime: {type: local, timeout: 60}\n")
    assert examine(tmp_path).remarks == [
        "Jobs without `infrastructure.runtime` run, in dev, on aws_ecs_fargate with cpu 1024, memory 2048, image "
        "platform, timeout 3600: acme/customers.",
        "Jobs without `infrastructure.runtime` run, in prod, on local with timeout 60: acme/customers.",
    ]


def test_the_environments_runtime_is_checked_as_one_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_platform(tmp_path)
    line = "    segment: prd\n"
    for runtime, expected in (
        ("{type: aws_lambda, memory: 1}", "memory: the number 1 is not allowed; allowed: 128 or more"),
        ("{type: aws_lambda, image: other}", "image: there is no image 'other'; allowed: platform"),
        (
            "{type: aws_lambda, region: us-east-1}",
            "region: 'us-east-1' is not the region of environment prod; allowed: 'eu-west-1', or no region",
        ),
        (
            "{type: gcp_cloud_function}",
            "type: 'gcp_cloud_function' needs a project of Google Cloud, and environment prod has no `gcp`; write "
            "`gcp: {project: PROJECT_ID}` into its entry in config/platform.yaml",
        ),
    ):
        edited(tmp_path, PLATFORM, line, f"{line}    runtime: {runtime}\n")
        assert [str(problem) for problem in validate(tmp_path)] == [
            f"{PLATFORM}:28: environments.prod.runtime.{expected}"
        ]
        edited(tmp_path, PLATFORM, f"    runtime: {runtime}\n", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "infrastructure: {metadata: {api_key: TOP-SECRET}}\n",
            "infrastructure.metadata.api_key: 'api_key' is the name of a secret, and everybody",
            id="in a tag",
        ),
        pytest.param(
            "source: {endpoint: x, params: {access_token: TOP-SECRET}}\n",
            "source.params.access_token: 'access_token' carries a secret, and its value stands here",
            id="in a parameter",
        ),
        pytest.param(
            "source: {endpoint: x, method: POST, json: {login: [{password: TOP-SECRET}]}}\n",
            "source.json.login[0].password: 'password' carries a secret, and its value stands here",
            id="deep in a body",
        ),
    ],
)
def test_a_secret_written_in_a_job_is_refused_and_not_shown(tmp_path: Path, text: str, expected: str):
    problems = [str(problem) for problem in validate(_written(tmp_path, text))]
    assert any(f"{CUSTOMERS}:6: {expected}" in problem for problem in problems)
    assert not [problem for problem in problems if "TOP-SECRET" in problem]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("headers: {Authorization: Bearer TOP-SECRET}", "3: headers.Authorization: 'Authorization' carries a secret"),
        ("headers: {X-Api-Key: TOP-SECRET}", "3: headers.X-Api-Key: 'X-Api-Key' carries a secret"),
        ("tags: {api_token: TOP-SECRET}", "3: tags.api_token: 'api_token' is the name of a secret"),
        ("tags: {tenant_id: x}", "3: tags.tenant_id: 'tenant_id' cannot come from a connector; it comes from: job"),
        ("base_url: https://user:TOP-SECRET@till.example.com", "3: base_url: this URL is not allowed; allowed: a URL"),
        ("base_url: https://till.example.com/?key=TOP-SECRET", "3: base_url: this URL is not allowed; allowed: a URL"),
        ("base_url: ftp://user:TOP-SECRET@till.example.com", "3: base_url: this URL is not allowed; allowed: a URL"),
    ],
)
def test_what_a_connector_must_not_say_is_refused_and_not_shown(tmp_path: Path, settings: str, expected: str):
    base = "" if settings.startswith("base_url") else "base_url: https://till.example.com\n"
    _written(tmp_path, "")
    (tmp_path / "config/connectors/api.yaml").write_text(f"name: api\ntype: rest_api\n{settings}\n{base}")
    (problem,) = map(str, validate(tmp_path))
    assert f"config/connectors/api.yaml:{expected}" in problem
    assert "TOP-SECRET" not in problem


def test_where_a_secret_lies_may_be_said_anywhere(tmp_path: Path):
    _written(tmp_path, "")
    (tmp_path / "config/connectors/own.yaml").write_text(
        "name: own\ntype: dlt\nfunction: own.source:rows\n"
        "arguments: {token: 'projects/till/secrets/own', max_tokens: 5, password: null}\n"
    )
    assert validate(tmp_path) == []


def test_a_job_called_as_the_schedule_of_another_one_is_refused(tmp_path: Path):
    _written(tmp_path, "schedule: rate(1 day)\nscheduler: eventbridge\n")
    sales = tmp_path / "config/jobs/acme/sales.yaml"
    sales.rename(sales.with_name("customers__schedule.yaml"))
    (problem,) = map(str, validate(tmp_path))
    assert "'customers__schedule' is what the schedule of 'customers' is called; choose another name" in problem


def test_a_job_with_a_mistake_stays_in_its_environment(tmp_path: Path):
    _written(tmp_path, _runtime("type: gcp_cloud_run, image_uri: x, cpu: '3'"))
    (problem,) = map(str, validate(tmp_path))
    assert "infrastructure.runtime.cpu: '3' is not allowed" in problem


def test_a_file_in_capitals_is_read_too(tmp_path: Path):
    customers = _written(tmp_path, "tenant: x\n") / CUSTOMERS
    customers.rename(customers.with_suffix(".YAML"))
    assert "unknown key `tenant`" in str(validate(tmp_path)[0])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "type: sql\nhost: postgresql://till:TOP-SECRET@db/till\ndatabase: till\nusername: till\n"
            "password: projects/till/secrets/db\n",
            "3: host: this URL is not allowed; allowed: the name of a host alone",
        ),
        (
            "type: snowflake\ndataset: till\naccount: a\ndatabase: d\nwarehouse: w\nuser: u\n",
            "1: give `private_key` or `password`, one of them",
        ),
    ],
)
def test_a_database_is_said_in_keys_of_its_own(tmp_path: Path, written: str, expected: str):
    _written(tmp_path, "")
    (tmp_path / "config/connectors/db.yaml").write_text(f"name: db\n{written}")
    (problem,) = map(str, validate(tmp_path))
    assert f"config/connectors/db.yaml:{expected}" in problem
    assert "TOP-SECRET" not in problem


def test_costs_are_counted_by_a_tag_there_is(tmp_path: Path):
    _written(tmp_path, "")
    edited(
        tmp_path,
        PLATFORM,
        "    segment: prd\n",
        '    segment: prd\n    costs: {since: "2026-10-01", by: cost_centre}\n',
    )
    (problem,) = map(str, validate(tmp_path))
    assert "environments.prod.costs.by: no file gives a tag 'cost_centre'; allowed: " in problem


@pytest.mark.parametrize(
    ("runtime", "small"),
    [
        ("type: gcp_cloud_function", False),
        ("type: gcp_cloud_function, memory: 256MB", True),
        ("type: gcp_cloud_function, memory: 512Mi", False),
        ("type: aws_lambda, memory: 256", True),
        ("type: aws_ecs_fargate, cpu: 256, memory: 512", False),
    ],
)
def test_a_function_in_which_no_load_ends_is_told(tmp_path: Path, runtime: str, small: bool):
    remarks = examine(_written(tmp_path, _runtime(runtime))).remarks
    told = "Functions with less than 512 MB, while the smallest load takes about 330 MB: acme/customers."
    assert remarks == ([told] if small else [])


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ("type: aws_ecs_fargate, image_uri: 'dativo/dativo-ingest:latest'", "dativo/dativo-ingest:latest"),
        (f"type: aws_lambda, image_uri: '{ECR}'", ECR),
        ("type: gcp_cloud_run, image_uri: 'gcr.io/dativo/ingest:1'", "gcr.io/dativo/ingest:1"),
        ("type: aws_ecs_fargate, image: platform", None),
    ],
)
def test_what_an_image_from_elsewhere_must_hold_is_told(tmp_path: Path, runtime: str, told: str | None):
    remarks = examine(_written(tmp_path, _runtime(runtime))).remarks
    assert len(remarks) == (1 if told else 0), remarks
    for remark in remarks:
        assert remark.startswith(
            "Images from elsewhere must hold the Python package `buildkit-dagster` of this version"
        )
        assert "`python -m buildkit_dagster.runtimes.entrypoints.ingest`" in remark
        assert f"acme/customers ({told})" in remark


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("config/assets/till/v1.0/customers.yaml", "owner: ", "owner: AKIA" + "Q" * 16 + " "),
        ("config/connectors/raw.yaml", "source_system: till", "source_system: ghp_" + "q" * 36),
        (PLATFORM, "department: ", "department: glpat-" + "q" * 20),
    ],
)
def test_what_has_the_form_of_a_secret_is_refused_wherever_it_stands(tmp_path: Path, file: str, old: str, new: str):
    edited(_written(tmp_path, ""), file, old, new)
    problems = [str(problem) for problem in validate(tmp_path)]
    assert problems
    assert all(file in problem and "the text has the form of a secret" in problem for problem in problems)
    assert "QQQQ" not in "".join(problems).upper()


def test_a_file_that_nobody_reads_is_told(tmp_path: Path):
    (_written(tmp_path, "") / "config/connector").mkdir()
    (tmp_path / "config/connector/api.yaml").write_text("name: api\n")
    (told,) = [remark for remark in examine(tmp_path).remarks if "nothing reads" in remark]
    assert told == (
        "Left out: nothing reads config/connector/api.yaml. Read are platform.yaml, codebuild-config.yml and what is "
        "in jobs, assets, connectors of config."
    )
