"""Everybody let in by a policy of Google's, whatever it is on; and what of Google's is protected."""

from __future__ import annotations

from typing import Any

import pytest

from buildkit_dagster.rules.protected import PROTECTED
from buildkit_dagster.rules.public_access import public_access
from tests.rules.test_tag_differences import plan_of

RUNNER = "serviceAccount:dagster@harbour-data.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("google_cloud_run_v2_service_iam_member", {"member": "allUsers"}),
        ("google_storage_bucket_iam_binding", {"members": [RUNNER, "allAuthenticatedUsers"]}),
        ("google_pubsub_topic_iam_policy", {"policy_data": '{"bindings":[{"members":["allUsers"]}]}'}),
    ],
)
def test_everybody_in_a_policy_of_google_is_found(kind: str, values: dict[str, Any]):
    assert [finding.rule for finding in public_access(plan_of(kind, None, values))] == ["policy/public-access"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("google_cloud_run_v2_job_iam_member", {"member": RUNNER}),
        ("google_storage_bucket", {"name": "allUsers"}),
    ],
)
def test_one_account_is_not_everybody(kind: str, values: dict[str, Any]):
    assert list(public_access(plan_of(kind, None, values))) == []


def test_keys_and_logs_of_jobs_in_google_are_protected():
    assert {"google_storage_bucket", "google_kms_crypto_key", "google_logging_project_bucket_config"} <= set(PROTECTED)
