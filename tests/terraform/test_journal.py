"""What the next run reads from an apply that never settled, and when a lock may be released."""

import json
import os
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from buildkit_dagster.process import started_at
from buildkit_dagster.terraform.import_ids import FORETOLD, TAGGED, foretold_id, is_made_anew, kept_fields, known_id
from buildkit_dagster.terraform.journal import Journal, PlannedCreate, open_journal, unsettled
from buildkit_dagster.terraform.locks import Lock, Verdict, judge
from buildkit_dagster.terraform.state import EMPTY
from buildkit_dagster.terraform.tagged import find_tagged

PROVIDER = {
    "account": "123456789012",
    "region": "us-east-1",
    "partition": "aws",
    "dns_suffix": "amazonaws.com",
}
CREATES = {
    "module.lake.aws_s3_bucket.this": PlannedCreate("aws_s3_bucket", {"bucket": "lake"}),
    "module.lake.aws_sqs_queue.events": PlannedCreate("aws_sqs_queue", {"name": "events"}),
    "module.job.aws_iam_role.task": PlannedCreate("aws_iam_role", {"name": "task"}),
}


def hook(kind: str, address: str, **more: str) -> str:
    return json.dumps({"type": kind, "hook": {"resource": {"addr": address}, "action": "create", **more}})


def journal(directory: Path, *lines: str, pid: int = 2**22 + 1, mark: str | None = "0") -> Journal:
    opened = open_journal(directory, "run-1", pid, mark, PROVIDER, CREATES)
    opened.events.write_text("\n".join(lines))
    return opened


def test_a_journal_survives_its_process_and_is_read_back_whole(tmp_path: Path) -> None:
    opened = journal(tmp_path).with_lock("lock-1")
    assert unsettled(tmp_path) == [opened]
    assert stat.S_IMODE((tmp_path / "run-1.json").stat().st_mode) == 0o600


def test_a_settled_journal_is_gone(tmp_path: Path) -> None:
    journal(tmp_path).settle()
    assert unsettled(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_completed_and_what_was_in_flight_is_read_from_a_cut_off_stream(tmp_path: Path) -> None:
    opened = journal(
        tmp_path,
        hook("apply_start", "module.lake.aws_s3_bucket.this"),
        hook("apply_start", "module.lake.aws_sqs_queue.events"),
        hook("apply_start", "module.job.aws_iam_role.task"),
        hook("apply_complete", "module.lake.aws_sqs_queue.events", id_key="id", id_value="https://sqs/1/events"),
        hook("apply_errored", "module.job.aws_iam_role.task"),
        '{"type":"apply_comp',
    )
    assert [(lost.address, lost.id, lost.certain) for lost in opened.lost(frozenset())] == [
        ("module.lake.aws_s3_bucket.this", "lake", False),
        ("module.lake.aws_sqs_queue.events", "https://sqs/1/events", True),
    ]
    assert [lost.certain for lost in opened.lost({"module.lake.aws_s3_bucket.this"})] == [True]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("aws_iam_role_policy_attachment", {"role": "r", "policy_arn": "arn:p"}, "r/arn:p"),
        ("aws_iam_policy", {"name": "p"}, "arn:aws:iam::123456789012:policy/p"),
        (
            "aws_iam_openid_connect_provider",
            {"url": "https://token.example.com"},
            "arn:aws:iam::123456789012:oidc-provider/token.example.com",
        ),
        ("aws_sqs_queue", {"name": "q"}, "https://sqs.us-east-1.amazonaws.com/123456789012/q"),
        ("aws_cloudwatch_event_target", {"rule": "r", "target_id": "t"}, "default/r/t"),
        (
            "google_cloud_scheduler_job",
            {"project": "p", "region": "us-central1", "name": "j"},
            "projects/p/locations/us-central1/jobs/j",
        ),
        (
            "google_service_account",
            {"project": "p", "account_id": "a"},
            "projects/p/serviceAccounts/a@p.iam.gserviceaccount.com",
        ),
        ("google_kms_crypto_key", {"name": "k", "key_ring": None}, None),
        ("aws_s3_bucket", {}, None),
        ("aws_security_group", {"name": "g"}, None),
    ],
)
def test_import_ids_are_foretold_only_where_every_part_is_known(kind: str, values: dict, expected: str | None) -> None:
    assert foretold_id(kind, values, PROVIDER) == expected


def test_the_printed_id_is_used_unless_import_takes_another() -> None:
    assert known_id("aws_security_group", "sg-1", {}, PROVIDER) == "sg-1"
    assert known_id("aws_ecs_cluster", "arn:cluster", {"name": "c"}, PROVIDER) == "c"
    assert known_id("aws_ecs_task_definition", "family", {}, PROVIDER) is None


#: With generated ids and nothing to look for them by: whoever runs into one is told its name.
TOLD = {"google_monitoring_alert_policy"}


def test_every_type_of_our_modules_is_found_again_or_needs_not_be_or_is_told() -> None:
    modules = (Path(__file__).parents[2] / "terraform" / "modules").rglob("*.tf")
    types = {name for file in modules for name in re.findall(r'^resource "(\w+)"', file.read_text(), re.MULTILINE)}
    assert len(types) > 20
    assert {name for name in types if not (name in FORETOLD or name in TAGGED or is_made_anew(name))} == TOLD
    assert all("display_name" in kept_fields(name) for name in TOLD)


def test_of_several_revisions_import_takes_the_newest() -> None:
    kind = TAGGED["aws_ecs_task_definition"]
    arns = [f"arn:aws:ecs:us-east-1:123456789012:task-definition/f:{number}" for number in (9, 10, 2)]
    pages = [{"ResourceTagMappingList": [{"ResourceARN": arn} for arn in arns]}]
    client = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages))
    assert find_tagged(client, kind, "stack/unit", EMPTY) == [arns[1]]


def lock(opened: Journal, *, id: str = "lock-1", who: str | None = None, seconds: float = 0) -> Lock:
    created = datetime.fromisoformat(opened.started) + timedelta(seconds=seconds)
    return Lock(id, "OperationTypeApply", who or opened.who, created.astimezone(UTC).isoformat(), '"etag"')


def test_no_lock_is_free(tmp_path: Path) -> None:
    assert judge(None, [journal(tmp_path)]) is Verdict.FREE


def test_a_lock_with_the_recorded_id_is_released_when_its_terraform_is_dead(tmp_path: Path) -> None:
    opened = journal(tmp_path).with_lock("lock-1")
    assert judge(lock(opened), [opened]) is Verdict.RELEASE


def test_a_lock_with_another_id_than_the_recorded_one_is_foreign(tmp_path: Path) -> None:
    opened = journal(tmp_path).with_lock("lock-1")
    assert judge(lock(opened, id="lock-2"), [opened]) is Verdict.FOREIGN


def test_a_lock_whose_terraform_lives_is_waited_for(tmp_path: Path) -> None:
    opened = journal(tmp_path, pid=os.getpid(), mark=started_at(os.getpid())).with_lock("lock-1")
    assert judge(lock(opened), [opened]) is Verdict.WAIT


def test_without_a_recorded_id_a_change_begun_under_the_lock_proves_it_ours(tmp_path: Path) -> None:
    opened = journal(tmp_path, hook("apply_start", "module.job.aws_iam_role.task"))
    later = datetime.fromisoformat(opened.started).timestamp() + 30
    os.utime(opened.events, (later, later))
    assert judge(lock(opened, seconds=5), [opened]) is Verdict.RELEASE
    assert judge(lock(opened, seconds=-60), [opened]) is Verdict.FOREIGN
    assert judge(lock(opened, seconds=60), [opened]) is Verdict.FOREIGN
    assert judge(lock(opened, seconds=5, who="someone@elsewhere"), [opened]) is Verdict.FOREIGN


def test_without_a_change_nothing_proves_a_lock_ours(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    assert judge(lock(opened), [opened]) is Verdict.FOREIGN


def test_a_journal_of_another_host_never_counts_as_alive(tmp_path: Path) -> None:
    opened = journal(tmp_path, pid=os.getpid(), mark=started_at(os.getpid()))
    assert opened.alive
    assert not replace(opened, who="someone@elsewhere").alive
