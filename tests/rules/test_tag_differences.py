"""Tags of AWS and labels of Google in three places: which of them differ, and which only seem to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.rules.tag_truth import carried_in_plan, tag_differences
from buildkit_dagster.terraform.plan import Plan, ResourceChange

WANTED = {"u": {"team": "data"}}


def plan_of(kind: str, before: dict[str, Any] | None, after: dict[str, Any], unknown: Any = None) -> Plan:
    """A plan of one resource of the unit `u`."""
    actions = ("create",) if before is None else ("update",)
    address = f"module.u.{kind}.this"
    change = {"actions": list(actions), "before": before, "after": after, "after_unknown": unknown or {}}
    document = {"resource_changes": [{"address": address, "type": kind, "change": change}]}
    return Plan("s", Path("plan"), (ResourceChange(address, "u", kind, actions, None, {}),), document=document)


def told(plan: Plan, live: dict[str, dict[str, str]] | None = None) -> list[str]:
    return [str(each).partition(": ")[2] for each in tag_differences(carried_in_plan(plan), WANTED, live or {})]


def test_a_label_that_google_lost_is_told_and_labels_of_googles_own_are_not() -> None:
    own = {"goog-terraform-provisioned": "true"}
    labels = {"effective_labels": {"team": "data", **own}}
    kind = "google_cloud_run_v2_job"
    assert told(plan_of(kind, {"effective_labels": own}, labels)) == [
        "team: wanted 'data', planned 'data', live missing"
    ]
    assert told(plan_of(kind, labels, labels)) == []


def test_what_the_tagging_api_lists_counts_more_than_what_the_provider_found() -> None:
    both = {"arn": "arn:aws:s3:::b", "tags_all": {"team": "data"}}
    plan = plan_of("aws_s3_bucket", both, both)
    assert told(plan) == []
    assert told(plan, {"arn:aws:s3:::b": {"team": "other", "aws:cloudformation:stack-id": "x"}}) == [
        "team: wanted 'data', planned 'data', live 'other'"
    ]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (plan_of("aws_s3_bucket", None, {"tags_all": {}}), ["team: wanted 'data', planned missing, live missing"]),
        (plan_of("aws_s3_bucket", None, {"tags_all": {"team": "data", "Name": "own"}}), []),
        (plan_of("aws_s3_bucket", None, {"tags_all": None}, {"tags_all": True}), []),
        (plan_of("aws_s3_bucket_policy", None, {}), []),
        (plan_of("aws_default_vpc", None, {"tags_all": {}}), []),
    ],
    ids=["not planned", "a tag of the module's own", "known after the apply", "not taggable", "the account's anyway"],
)
def test_what_is_still_to_be_made_is_compared_with_what_is_wanted(plan: Plan, expected: list[str]) -> None:
    assert told(plan) == expected
