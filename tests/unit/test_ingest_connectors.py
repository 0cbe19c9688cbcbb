"""Connectors as files say them: what is refused, and what dlt is told of each target.

dlt itself resolves the configuration of every target; no server is asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from buildkit_dagster.config.load import load_platform
from buildkit_dagster.config.validate import validate
from buildkit_dagster.runtimes.entrypoints.destinations import destination_of, hints_of, writing_of
from buildkit_dagster.runtimes.ingest import IngestRequest, Rows, request_for
from buildkit_dagster.runtimes.targets import Target, dlt_variables
from tests.runtimes.ingest_requests import events_of
from tests.scenario import edited, write_platform

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:harbour-AbCdEf"
CUSTOMERS = "config/jobs/acme/customers.yaml"
TABLE = "config/assets/till/v1.0/customers.yaml"

API = f"""\
type: rest_api
base_url: https://api.example.com/v3
auth: {{type: bearer, token: {SECRET}}}
paginator: {{type: cursor, cursor_path: paging.next.after, cursor_param: after}}
"""
READS = "source: {endpoint: customers, incremental: {cursor_path: at, start_param: since}}\n"


def written(folder: Path, connector: str, target: str = "", source: str = "") -> Path:
    """The small platform, whose customers come from one connector and go to another."""
    write_platform(folder)
    (folder / "config/connectors/api.yaml").write_text(f"name: api\n{connector}")
    edited(folder, CUSTOMERS, "connectors/raw.yaml", "connectors/api.yaml")
    if target:
        (folder / "config/connectors/target.yaml").write_text(f"name: target\ndataset: till\n{target}")
        edited(folder, CUSTOMERS, "connectors/warehouse.yaml", "connectors/target.yaml")
    file = folder / CUSTOMERS
    file.write_text(file.read_text() + source)
    return folder


def request_of(folder: Path) -> IngestRequest:
    platform = load_platform(folder, "dev")
    [job] = [job for job in platform.ingest_jobs if job.name == "customers"]
    request = request_for(platform, job)
    assert IngestRequest.from_extras(request.to_extras()) == request
    return request


@pytest.mark.parity("B-22", "B-24")
def test_a_job_reads_what_its_source_says_or_the_assets_object(tmp_path: Path) -> None:
    request = request_of(written(tmp_path / "a", API))
    assert isinstance(request.source, Rows)
    assert request.source.reads.endpoint == "customers"  # type: ignore[union-attr]
    assert request.secrets == {"SOURCES__REST_API__TOKEN": SECRET}
    told = request_of(written(tmp_path / "b", API, source=READS))
    assert told.source.reads.incremental.start_param == "since"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("connector", "target", "source", "says"),
    [
        (
            API.replace(SECRET, "hunter2"),
            "",
            "",
            "api.yaml:4: auth.token: this value is not allowed; allowed: the",
        ),
        (API.replace("bearer", "digest"), "", "", "auth.type: 'digest' is not allowed; allowed: 'bearer', 'api_key'"),
        (API.replace("rest_api", "rest"), "", "", "api.yaml:2: type: 'rest' is not allowed, did you mean 'rest_api'?"),
        (
            API,
            "",
            "source: {path: customers/}\n",
            "source: has `path`, and connectors/api.yaml has type 'rest_api'",
        ),
        (API, "", "source: {endpoint: a, pages: 3}\n", "source.pages: unknown key `pages`; allowed: endpoint, method,"),
        (API, "", "source: {endpoint: a, incremental: {start_param: x}}\n", "cursor_path: required key is missing"),
        (API, "type: iceberg\nbucket: raw\n", READS, "source.incremental: a target of type 'iceberg' cannot take back"),
        (API, "type: iceberg\nbucket: row\n", "", "bucket: there is no bucket 'row', did you mean 'raw'?"),
        (API, "", READS.replace("since}", "since, lag: 60}"), "rows that `lag` reads again are replaced by their key"),
        (
            API.replace("cursor_param: after", "cursor_param: after, cursor_body_path: after"),
            "",
            "",
            "the cursor goes into `cursor_param` or into the body at `cursor_body_path`; keep one",
        ),
        (
            API.replace("bearer, token", "api_key, location: cookie, api_key"),
            "",
            "",
            "api_key.location: this value is not allowed; allowed: 'header' or 'query'",
        ),
        ("type: dlt\nfunction: a.b\n", "", "", "'a.b' is not allowed; allowed: an import path such as package.module"),
    ],
)
def test_what_cannot_be_read_or_loaded_is_named_with_its_line(
    tmp_path: Path, connector: str, target: str, source: str, says: str
) -> None:
    found = [str(problem) for problem in validate(written(tmp_path, connector, target, source))]
    assert any(says in line for line in found), found
    assert not any("hunter2" in line for line in found)


TARGETS = {
    "postgres": (
        f"host: db.example.com\ndatabase: d\nusername: u\npassword: {SECRET}\nsslmode: verify-full\n",
        {"host": "db.example.com", "port": 5432, "database": "d", "username": "u", "query": {"sslmode": "verify-full"}},
    ),
    "redshift": (
        f"host: r.example.com\ndatabase: d\nuser: u\npassword: {SECRET}\n",
        {"host": "r.example.com", "port": 5439, "database": "d", "username": "u"},
    ),
    "snowflake": (
        f"account: ab12345.eu-west-1\ndatabase: d\nwarehouse: w\nrole: r\nuser: u\npassword: {SECRET}\n",
        {"host": "ab12345.eu-west-1", "database": "d", "warehouse": "w", "role": "r", "username": "u"},
    ),
    "bigquery": (
        f"project: p-1\nlocation: EU\nclient_email: a@p-1.iam.gserviceaccount.com\nprivate_key: {SECRET}\n",
        {"project_id": "p-1", "client_email": "a@p-1.iam.gserviceaccount.com"},
    ),
    "athena": ("s3_staging_dir: s3://b-1/results/\ns3_data_dir: s3://b-1/tables/\nwork_group: w\n", {}),
}


@pytest.mark.parity("B-24")
@pytest.mark.parametrize("kind", TARGETS)
def test_dlt_resolves_the_settings_of_every_target(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, wanted = TARGETS[kind]
    request = request_of(written(tmp_path / "platform", API, f"type: {kind}\n{keys}"))
    assert request.target.type == kind
    for name, value in dlt_variables(request.target).items():
        monkeypatch.setenv(name, value)
    for name in request.secrets:
        monkeypatch.setenv(name, "canary-8814")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulator")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    pipeline = dlt.pipeline(
        "p", pipelines_dir=str(tmp_path), destination=destination_of(request.target), dataset_name=request.dataset
    )
    configuration: Any = pipeline._get_destination_clients(dlt.Schema("p"))[0].config
    resolved = {name: getattr(configuration.credentials, name) for name in wanted}
    assert resolved == wanted
    if kind == "athena":
        assert configuration.query_result_bucket == "s3://b-1/results/"
        assert (configuration.athena_work_group, configuration.aws_data_catalog) == ("w", "awsdatacatalog")
    if kind == "bigquery":
        assert configuration.location == "EU"


@pytest.mark.parametrize(
    ("kind", "strategy", "table_format"),
    [("duckdb", "delete-insert", None), ("athena", "delete-insert", "iceberg"), ("iceberg", "upsert", "iceberg")],
)
def test_dlt_is_told_to_merge_as_each_target_can_and_to_keep_the_newest_row_of_a_key(
    kind: str, strategy: str, table_format: str | None
) -> None:
    request = events_of("https://api.example.com", Target(kind, "x"), "id")
    hints = hints_of(request, writing_of(request), "_partition")
    assert hints["write_disposition"] == {"disposition": "merge", "strategy": strategy}
    assert hints.get("table_format") == table_format
    assert hints["columns"]["at"] == {"dedup_sort": "desc"}
    added = events_of("https://api.example.com", Target("athena"))
    assert hints_of(added, writing_of(added), "_partition")["table_format"] == "iceberg"
