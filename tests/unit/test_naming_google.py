"""Names in Google Cloud fit, hold what is allowed there, and two different jobs never share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from buildkit_dagster.naming import identifier
from buildkit_dagster.naming_google import GoogleNames

slugs = st.from_regex(r"[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)
#: Names of jobs, with the underscores of files.
entries = st.from_regex(r"[a-z][a-z0-9]{0,20}([_-][a-z0-9]{1,9}){0,3}", fullmatch=True)
names = st.builds(GoogleNames, slugs, st.sampled_from(["dev", "staging", "prd"]), st.just("harbour-data"))


def all_names(made: GoogleNames, tenant: str, job: str) -> dict[str, str]:
    return {
        "job": made.job(tenant, job),
        "account": made.service_account(tenant, job),
        "scheduler": made.scheduler_account(tenant, job),
        "bucket": made.bucket(tenant, job),
    }


@pytest.mark.parity("B!7")
@given(names, slugs, entries)
def test_a_name_has_what_google_allows_and_no_underscore(made: GoogleNames, tenant: str, job: str):
    found = all_names(made, tenant, job)
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", found["job"])
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", found["account"])
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", found["scheduler"])
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", found["bucket"])


@pytest.mark.parity("B!7", "B!15")
@given(names, names, slugs, slugs, entries, entries)
def test_two_jobs_never_share_a_name(
    made: GoogleNames, other: GoogleNames, tenant: str, second: str, job: str, last: str
):
    other = GoogleNames(made.platform, other.segment, made.project)
    # Jobs that differ in hyphens and underscores only are refused when the platform is loaded.
    assume((made.segment, identifier(tenant, job)) != (other.segment, identifier(second, last)))
    one, two = all_names(made, tenant, job), all_names(other, second, last)
    assert not {one["account"], one["scheduler"]} & {two["account"], two["scheduler"]}
    assert one["account"] != one["scheduler"]
    assert one["job"] != two["job"]
    assert one["bucket"] != two["bucket"]


@pytest.mark.parametrize("job", ["google_ads", "g00gle_ads", "goog"])
def test_a_bucket_is_never_called_like_google(job: str):
    made = GoogleNames("harbour", "dev", "harbour-data")
    assert not re.search(r"g[o0]+g", made.bucket("acme", job))
    assert made.bucket("acme", "google_ads") != made.bucket("acme", "g00gle_ads")
    assert made.job("acme", "google_ads") == "harbour-dev-acme-google-ads"


def test_the_same_job_has_other_buckets_in_other_projects():
    buckets = {
        GoogleNames("harbour", "dev", project).bucket("acme", "contacts") for project in ("one-data", "two-data")
    }
    assert len(buckets) == 2
