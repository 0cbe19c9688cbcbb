"""Sources of dlt as jobs read them: real servers on loopback, real dlt, a real DuckDB file or PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from buildkit_dagster.config.job_sources import Resource
from buildkit_dagster.config.quality import Freshness, Volume
from buildkit_dagster.errors import (
    ContractBroken,
    SecretUnavailable,
    SourceFailed,
    SourceNotFound,
    SourceUnavailable,
    UnreadableFile,
)
from buildkit_dagster.runtimes.ingest import Checks, ColumnSpec, IngestRequest, Rows
from buildkit_dagster.runtimes.targets import Target
from tests.postgres import Postgres, running_postgres
from tests.runtimes.api import running_api
from tests.runtimes.api_ways import TOKEN
from tests.runtimes.ingest_requests import (
    CREDENTIALS,
    EVENTS,
    QUIET,
    SECRET,
    connector,
    events_of,
    load,
    orders_of,
    postgres_target,
)

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, amount numeric(10, 2), placed timestamp);
INSERT INTO shop.orders SELECT n, n * 1.1, timestamp '2024-01-01' + n / 3 * interval '1 minute'
FROM generate_series(1, 100) n;
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**QUIET, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def file(tmp_path: Path) -> Target:
    return Target("duckdb", str(tmp_path / "warehouse.duckdb"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
            cursor.execute(SHOP)
        yield server


def asked(target: Target, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(target.path or "", read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parity("B-24")
def test_an_api_is_read_page_by_page_with_its_token_and_from_its_cursor_on(file: Target) -> None:
    checks = Checks(("id", "at"), ("id",), (), Freshness(hours=1), Volume(min_rows=200, severity="error"))
    with running_api(busy=3) as api:
        api.grow(120)
        request = events_of(api.url, file, "id", checks=checks)
        first = load(request)
        assert first.rows == (120, 120)
        assert first.metadata["cursor"] == api.rows[-1]["at"]
        assert {name: (passed, severity) for name, (passed, severity, _) in first.checks.items()} == {
            "nulls": (True, "ERROR"),
            "duplicates": (True, "ERROR"),
            "freshness": (True, "WARN"),
            "volume": (False, "ERROR"),
        }
        again = load(request)
        assert (again.rows, again.data_version) == ((120, 0), first.data_version)
        before, since = len(api.requests), first.metadata["cursor"]
        api.updates = True
        api.grow(4)
        assert load(request).rows == (124, 5)
        assert {query["since"] for _, query in api.requests[before:]} == {since}
        assert load(replace(request, force=True)).rows == (124, 124)
    assert asked(file, "SELECT count(*), max(version) FROM api.events") == [(124, 1)]


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("pages", "paginator", "reads", "requests"),
    [
        ("offset_untold", {"type": "offset", "limit": 50}, {}, 4),
        ("offset", {"type": "offset", "limit": 50, "total_path": "total", "maximum_offset": 100}, {}, 2),
        ("number", {"type": "page_number", "base_page": 1, "total_path": "pages"}, {}, 3),
        ("number_untold", {"type": "page_number", "base_page": 1}, {}, 4),
        ("one", {"type": "single_page"}, {}, 1),
        ("link", {"type": "json_link", "next_url_path": "paging.next"}, {}, 3),
        ("link", None, {}, 3),
        ("header_link", {"type": "header_link"}, {}, 3),
        ("cursor", {"type": "cursor", "cursor_path": "after", "cursor_param": "from"}, {}, 3),
        (
            "cursor",
            {"type": "cursor", "cursor_path": "after", "cursor_body_path": "from"},
            {"method": "POST", "json": {}},
            3,
        ),
        ("header_cursor", {"type": "header_cursor", "cursor_key": "X-After", "cursor_param": "from"}, {}, 3),
    ],
)
def test_an_api_is_read_to_its_end_however_it_tells_the_next_page(
    file: Target, pages: str, paginator: dict[str, Any] | None, reads: dict[str, Any], requests: int
) -> None:
    with running_api(pages=pages) as api:
        api.grow(120)
        wanted = {"incremental": None, **reads}
        rows = load(events_of(api.url, file, api={"paginator": paginator}, reads=wanted)).rows
        assert len(api.requests) == requests
    count = 100 if paginator and "maximum_offset" in paginator else 120
    assert rows == (count, count)
    assert asked(file, "SELECT count(DISTINCT id) FROM api.events") == [(count,)]


def test_an_answer_without_the_total_that_was_named_is_told_without_its_rows(file: Target) -> None:
    paginator = {"type": "offset", "limit": 50, "total_path": "count"}
    with running_api() as api:
        api.grow(120)
        with pytest.raises(SourceFailed, match="Total `items` not found") as failed:
            load(events_of(api.url, file, api={"paginator": paginator}))
    assert "'id': 9" not in str(failed.value)


API_KEY = {"type": "api_key", "api_key": SECRET}


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("door", "auth", "secret"),
    [
        ("header", {**API_KEY, "key_name": "X-Key"}, "API_KEY"),
        ("query", {**API_KEY, "key_name": "key", "location": "query"}, "API_KEY"),
        ("basic", {"type": "http_basic", "username": "u", "password": SECRET}, "PASSWORD"),
        (
            "oauth",
            {"type": "oauth2_client_credentials", "client_id": "u", "client_secret": SECRET},
            "CLIENT_SECRET",
        ),
    ],
)
def test_an_api_lets_in_who_shows_its_secret_and_what_it_says_to_others_quotes_none(
    file: Target, monkeypatch: pytest.MonkeyPatch, door: str, auth: dict[str, Any], secret: str
) -> None:
    variable = f"SOURCES__REST_API__{secret}"
    monkeypatch.setenv(variable, TOKEN)
    with running_api(door=door) as api:
        api.grow(3)
        if door == "oauth":
            auth = {**auth, "access_token_url": f"{api.url}/token", "access_token_request_data": {"scope": "events"}}
        request = events_of(api.url, file, api={"auth": auth}, secrets={variable: SECRET})
        assert load(request).rows == (3, 3)
        monkeypatch.setenv(variable, "canary 61+20")
        with pytest.raises(SourceFailed, match="401") as refused:
            load(request)
    assert re.search(r"canary.*61.*20", str(refused.value)) is None


def test_a_changed_declaration_reads_a_source_from_the_start(file: Target) -> None:
    with running_api() as api:
        api.grow(10)
        narrow = events_of(api.url, file, columns=EVENTS[:3], contract="warn")
        assert load(narrow).metadata["schema_changes"]["raw_value"]["undeclared"] == ["note"]
        assert load(replace(narrow, columns=EVENTS)).rows == (10, 10)
    assert asked(file, "SELECT count(note), count(*) FROM api.events") == [(10, 10)]


@pytest.mark.parity("B-24")
@pytest.mark.parametrize(
    ("columns", "error", "says"),
    [
        (EVENTS[:3], ContractBroken, "column `note` is not declared; nothing was loaded"),
        ((*EVENTS[:2], ColumnSpec("version", "text"), EVENTS[3]), UnreadableFile, "`version` is text, and 0 is not"),
        ((*EVENTS, ColumnSpec("who", "text", required=True)), UnreadableFile, "`who` is required and empty in 10"),
    ],
)
def test_a_strict_job_names_what_does_not_fit_and_loads_nothing(
    file: Target, columns: tuple[ColumnSpec, ...], error: type[Exception], says: str
) -> None:
    with running_api() as api:
        api.grow(10)
        with pytest.raises(error, match=says):
            load(events_of(api.url, file, columns=columns))
        told = load(events_of(api.url, file, columns=columns, contract="warn")).metadata["schema_changes"]["raw_value"]
    assert {"undeclared": told["undeclared"], "absent": told["absent"], "misfits": told["misfits"]} in (
        {"undeclared": ["note"], "absent": [], "misfits": {}},
        {"undeclared": [], "absent": [], "misfits": {"version": 10}},
        {"undeclared": [], "absent": ["who"], "misfits": {}},
    )
    assert asked(file, "SELECT count(*) FROM api.events") == [(10,)]


def test_rows_that_break_what_the_asset_says_are_found_in_the_target(file: Target) -> None:
    checks = Checks(required=("id", "who"), key=("version",), unique=("id", "at"), volume=Volume(max_rows=9))
    with running_api() as api:
        api.grow(10)
        request = events_of(api.url, file, columns=(*EVENTS, ColumnSpec("who", "text")), checks=checks)
        found = load(request).checks
    assert {name: passed for name, (passed, _, _) in found.items()} == {
        "nulls": False,
        "duplicates": False,
        "duplicates_id": True,
        "duplicates_at": False,
        "volume": False,
    }
    assert found["nulls"][2] == {"rows_without": {"type": "json", "raw_value": {"who": 10}}}
    assert found["duplicates"][2] == {"rows": 10, "duplicates": 9}


def test_a_source_that_refuses_is_named_without_its_secret_and_one_that_is_away_may_come_back(
    file: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    with running_api() as api:
        request = events_of(api.url, file)
        monkeypatch.setenv("SOURCES__REST_API__TOKEN", "canary-6120")
        with pytest.raises(SourceFailed, match=r"could not read api\.events from source: 401") as refused:
            load(request)
        assert (refused.value.retryable, "canary-6120" in str(refused.value)) == (False, False)
        monkeypatch.setenv("SOURCES__REST_API__TOKEN", TOKEN)
        api.busy = 1
        with pytest.raises(SourceUnavailable, match="429"):
            load(request)
    with pytest.raises(SourceUnavailable):
        load(request)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_a_table_of_postgresql_is_copied_into_postgresql_and_what_is_new_follows(
    postgres: Postgres, key: tuple[str, ...]
) -> None:
    dataset = f"copy_{len(key)}"
    request = orders_of(postgres.port, postgres_target(postgres.port), *key, dataset=dataset, pipeline=dataset)
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SELECT count(*), sum(amount) FROM shop.orders")
        [(count, amount)] = cursor.fetchall()
        assert load(request).rows == (count, count)
        # Of the same moment as the last row that was loaded.
        cursor.execute("INSERT INTO shop.orders SELECT max(id) + 1, 5, max(placed) FROM shop.orders")
        assert load(request).rows == (count + 1, 1)
        assert load(request).rows == (count + 1, 0)
        cursor.execute(f"SELECT sum(amount), max(id) FROM {dataset}.orders")
        assert cursor.fetchall() == [(amount + 5, count + 1)]


def test_a_table_that_is_not_there_and_a_server_that_is_away_are_told_apart(postgres: Postgres, file: Target) -> None:
    request = orders_of(postgres.port, file)
    assert isinstance(request.source, Rows)
    reads = request.source.reads.model_copy(update={"table": "odrers"})
    with pytest.raises(SourceFailed, match="odrers from source: there is no such table or view") as missing:
        load(replace(request, source=Rows(request.source.connector, reads)))  # type: ignore[arg-type]
    assert not missing.value.retryable
    with pytest.raises(SourceUnavailable, match="Connection refused"):
        load(orders_of(1, file))


def of_shop(file: Target, function: str, resource: str, *columns: ColumnSpec) -> IngestRequest:
    source = connector(
        type="dlt",
        function=f"tests.runtimes.dlt_source:{function}",
        arguments={"region": "north"},
        secrets={"api_key": SECRET},
    )
    return IngestRequest(
        pipeline=f"shop_{resource}",
        dataset="shop",
        table=resource,
        source=Rows(source, Resource(resource=resource)),
        target=file,
        columns=columns,
        secrets={"SOURCES__API_KEY": SECRET},
    )


def test_any_source_of_dlt_is_loaded_by_its_import_path(file: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__API_KEY", "k")
    text = [ColumnSpec(name, "text") for name in ("name", "key")]
    assert load(of_shop(file, "shop", "customers", ColumnSpec("id", "bigint"), *text)).rows == (3, 3)
    assert asked(file, "SELECT name, key FROM shop.customers WHERE id = 2") == [("north-2", "k")]
    visits = of_shop(file, "shop", "visits", ColumnSpec("id", "bigint"), ColumnSpec("pages", "bigint"))
    assert (load(visits).rows, load(visits).rows) == ((2, 2), (2, 2))
    for function, resource, says in (
        ("shop", "orders", "no resource 'orders'; allowed: customers, visits"),
        ("shpo", "visits", "cannot be read: .*no attribute 'shpo'"),
        ("no_source", "visits", "it gives int, not a source"),
    ):
        with pytest.raises(SourceNotFound, match=says):
            load(of_shop(file, function, resource, ColumnSpec("id", "bigint")))


def test_a_secret_the_runtime_did_not_set_is_fetched_and_one_that_cannot_be_is_named(
    file: Target, boto: Callable[[str], Any], aws_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_env.items():
        monkeypatch.setenv(name, value)
    made = boto("secretsmanager").create_secret(Name="shop", SecretString='{"key": "fetched"}')["ARN"]
    request = of_shop(file, "shop", "customers", ColumnSpec("id", "bigint"), ColumnSpec("key", "text"))
    wanted = replace(request, contract="warn", secrets={"SOURCES__API_KEY": f"{made}:key::"})
    monkeypatch.setenv("SOURCES__API_KEY", "")
    load(wanted)
    assert asked(file, "SELECT DISTINCT key FROM shop.customers") == [("fetched",)]
    for secret, says in ((SECRET, "ResourceNotFound"), ("projects/p/secrets/s", "the runtime did not set")):
        monkeypatch.setenv("SOURCES__API_KEY", "")
        with pytest.raises(SecretUnavailable, match=says):
            load(replace(wanted, secrets={"SOURCES__API_KEY": secret}))
