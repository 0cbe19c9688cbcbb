"""Protected resources and orphans: which changes are found, and which are not."""

from typing import Any

import pytest

from buildkit_dagster.rules.orphans import orphans
from buildkit_dagster.rules.protected import PROTECTED, protected
from tests.rules.shapes import ROOT, change, planned

ROLE = {"name": "job", "arn": "arn:aws:iam::123456789012:role/job"}


@pytest.mark.parametrize(
    ("kind", "actions", "rule"),
    [
        ("aws_s3_bucket", ["delete"], "protected/delete"),
        ("aws_s3_bucket", ["delete", "create"], "protected/replace"),
        ("aws_s3_bucket", ["create", "delete"], "protected/replace"),
        ("aws_s3_bucket", ["update"], None),
        ("aws_s3_bucket", ["create"], None),
        ("aws_s3_bucket", ["no-op"], None),
        ("aws_s3_bucket", ["forget"], None),
        ("aws_sqs_queue", ["delete"], None),
        ("aws_iam_role", ["delete"], None),
        *((kind, ["delete"], "protected/delete") for kind in PROTECTED),
    ],
)
def test_deleting_or_replacing_what_holds_data_is_found(kind: str, actions: list[str], rule: str | None) -> None:
    found = list(protected(planned(change(f"module.quick.{kind}.x", *actions, before={"name": "n"}))))
    assert [finding.rule for finding in found] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("bucket", "what"), [("states", "the bucket that holds Terraform's states"), ("raw", "a bucket")]
)
def test_the_bucket_of_the_states_is_named_as_such(bucket: str, what: str) -> None:
    deleted = change("module.quick.aws_s3_bucket.x", "delete", before={"bucket": bucket})
    (finding,) = protected(planned(deleted), state_bucket="states")
    assert finding.message.startswith(f"{what} would be deleted ({bucket})")


@pytest.mark.parametrize(
    ("user", "before", "found"),
    [
        ("middle", {"container_definitions": "[]", "task_role_arn": ROLE["arn"]}, True),
        ("middle", {"role": "job", "policy_arn": "p"}, True),
        ("middle", {"task_role_arn": f"{ROLE['arn']}-another"}, False),
        ("quick", {"task_role_arn": ROLE["arn"]}, False),
    ],
)
def test_a_role_is_protected_where_another_unit_uses_it(user: str, before: dict[str, Any], found: bool) -> None:
    role = change("module.quick.aws_iam_role.x", "delete", before=ROLE)
    other = change(f"module.{user}.aws_ecs_task_definition.x", "no-op", before=before, after=before)
    findings = list(protected(planned(role, other)))
    assert [finding.message.startswith(f"an IAM role that {user} uses") for finding in findings] == [True] * found


def test_a_unit_that_left_the_configuration_is_one_finding_for_all_of_it() -> None:
    gone = [change(f"module.gone.aws_sqs_queue.q{number}", "delete", before={}) for number in range(5)]
    kept = change("module.quick.aws_sqs_queue.q", "delete", before={})
    (finding,) = orphans(planned(*gone, kept), ROOT.names)
    assert (finding.unit, finding.address) == ("gone", "module.gone")
    assert "5 of its resources would be deleted (module.gone.aws_sqs_queue.q0" in finding.message
    assert "and 2 more" in finding.message


def test_a_unit_that_moved_its_resources_elsewhere_is_no_orphan() -> None:
    assert list(orphans(planned(change("module.gone.aws_sqs_queue.q", "no-op", before={})), ROOT.names)) == []
