"""Names fit their services and two different ones never become the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from buildkit_dagster.naming import LIMITS, Names, fit, identifier

slugs = st.from_regex(r"[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)
services = st.sampled_from(sorted(LIMITS))
names = st.builds(
    Names, slugs, slugs, st.just("123456789012"), st.sampled_from(["us-east-1", "ap-southeast-2", "us-gov-west-1"])
)


@given(services, st.lists(slugs, min_size=1, max_size=12))
def test_a_name_is_never_too_long_and_uses_what_every_service_allows(service: str, parts: list[str]):
    name = fit(service, *parts)
    assert len(name) <= LIMITS[service]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


@given(services, st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_whatever_it_is_made_of_a_name_has_legal_characters_only(service: str, parts: list[str]):
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", fit(service, *parts))


@pytest.mark.parity("A!31", "A!25")
@given(
    services, st.text("abc-", min_size=150, max_size=600), st.text("abc-", max_size=10), st.text("abc-", max_size=10)
)
def test_names_that_differ_in_what_is_cut_off_stay_different(service: str, stem: str, one: str, other: str):
    assume(one.strip("-") and other.strip("-"))
    assume(re.sub("-+", "-", one).strip("-") != re.sub("-+", "-", other).strip("-"))
    assert fit(service, "x", stem, one) != fit(service, "x", stem, other)


@given(names, slugs)
def test_every_cloud_name_of_a_platform_fits_its_service(made: Names, entry: str):
    sized = [
        (made.state_bucket(), 63),
        (made.bucket(entry), 63),
        (made.plan_role(), 64),
        (made.apply_role(), 64),
        (made.role("ingest", entry, entry, "execution"), 64),
        (made.connection(entry), 32),
        (made.repository(entry), 256),
        (made.queue(entry), 80),
        (made.codebuild_project(entry), 150),
        (made.task_family(entry, entry), 255),
        (made.log_group("ecs", entry, entry), 512),
    ]
    assert [name for name, limit in sized if len(name) > limit] == []
    assert len({name for name, _ in sized[:4]}) == 4 or entry in ("tfstate", "github")


@pytest.mark.parity("A-6", "A!30")
@given(names, slugs, slugs)
def test_environments_never_share_a_bucket(made: Names, bucket: str, segment: str):
    assume(segment != made.segment)
    other = Names(made.platform, segment, made.account, made.region)
    assume(f"{made.segment}-{bucket}" != f"{segment}-{bucket}")
    assert made.bucket(bucket) != other.bucket(bucket)
    assert made.state_bucket() != other.state_bucket()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [(("terraform", "ingest-acme"), "terraform_ingest_acme"), (("dbt", "my.shop"), "dbt_my_shop"), (("a", ""), "a")],
)
def test_an_identifier_is_one_dagster_and_terraform_accept(parts: tuple[str, ...], expected: str):
    assert identifier(*parts) == expected
