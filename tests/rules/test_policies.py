"""The rules over one real plan of the AWS provider: what each finds, and that it finds nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildkit_dagster.config.environment import emulated_variables, read_environment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.rules.gate import judge
from buildkit_dagster.rules.verdicts import Severity, Verdict
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.stack import TerraformStack
from tests.terraform.test_modules import EmulatedCloud

ACTION, RESOURCE, ESCALATION = "policy/wildcard-action", "policy/wildcard-resource", "policy/privilege-escalation"
BUCKET, UNENCRYPTED, SUB, AUD = "policy/public-bucket", "policy/unencrypted", "policy/oidc-sub", "policy/oidc-aud"

FINDINGS: dict[str, set[str]] = {
    'aws_iam_policy.of["every_action"]': {ACTION, ESCALATION},
    'aws_iam_policy.of["service_everywhere"]': {ACTION},
    'aws_iam_policy.of["not_action"]': {ACTION},
    'aws_iam_policy.of["secrets_everywhere"]': {RESOURCE},
    'aws_iam_policy.of["writes_everywhere"]': {RESOURCE},
    'aws_iam_policy.of["pass_any_role"]': {ESCALATION},
    'aws_iam_policy.of["pass_all_roles"]': {ESCALATION},
    'aws_iam_policy.of["attach"]': {ESCALATION},
    'aws_iam_policy.of["attach_if_exists"]': {ESCALATION},
    'aws_iam_policy.of["policy_version"]': {ESCALATION},
    'aws_iam_policy.of["login_profile"]': {ESCALATION},
    'aws_iam_policy.of["retrust"]': {ESCALATION},
    "aws_iam_role.inline": {ACTION, ESCALATION},
    "aws_iam_role_policy_attachment.administrator": {"policy/administrator"},
    'aws_iam_role.trusting["no_subject"]': {SUB},
    'aws_iam_role.trusting["no_audience"]': {AUD},
    'aws_iam_role.trusting["any_branch"]': {SUB},
    'aws_iam_role.trusting["absent_subject"]': {SUB},
    'aws_iam_role.trusting["absent_audience"]': {AUD},
    'aws_s3_bucket_policy.of["open"]': {BUCKET},
    'aws_s3_bucket_policy.of["unblocked"]': {BUCKET},
    'aws_s3_bucket_policy.of["anywhere"]': {BUCKET},
    'aws_s3_bucket_policy.of["if_exists"]': {BUCKET},
    'aws_s3_bucket_acl.of["public-read"]': {BUCKET},
    "aws_s3_bucket_acl.granted": {BUCKET},
    "aws_sqs_queue.open": {"policy/public-access"},
    "aws_lambda_permission.open": {"policy/public-access"},
    "aws_db_instance.plain": {UNENCRYPTED, "policy/public-database"},
    "aws_rds_cluster.plain": {UNENCRYPTED},
    "aws_docdb_cluster.plain": {UNENCRYPTED},
    "aws_neptune_cluster.plain": {UNENCRYPTED},
    "aws_redshift_cluster.plain": {UNENCRYPTED, "policy/public-database"},
    "aws_ebs_volume.plain": {UNENCRYPTED},
    "aws_efs_file_system.plain": {UNENCRYPTED},
    "aws_sqs_queue.plain": {UNENCRYPTED},
    "aws_sns_topic.untagged": {"tags/required"},
}


@pytest.fixture(scope="module")
def verdicts(
    emulator: Emulator, boto: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Verdict, ...]:
    """What the gates say of the whole root."""
    folder = Path(shutil.copytree(Path(__file__).parent / "judged", tmp_path_factory.mktemp("judged") / "judged"))
    variables = emulated_variables(read_environment(), emulator.endpoint, "us-east-1")
    engine = Engine(TerraformStack(folder), EmulatedCloud(variables, boto), "judged", lambda _: None)
    engine.write()
    engine.init()
    plan = engine.plan()
    assert {change.address for change in plan.changes} >= FINDINGS.keys()
    return judge(plan, engine.stack, Gates(required_tags=("owner",)))


@pytest.mark.parametrize("address", FINDINGS)
def test_a_rule_finds_what_is_wrong(address: str, verdicts: tuple[Verdict, ...]) -> None:
    assert {verdict.rule for verdict in verdicts if verdict.address == address} == FINDINGS[address]


def test_no_rule_finds_anything_else(verdicts: tuple[Verdict, ...]) -> None:
    assert [str(verdict) for verdict in verdicts if verdict.address not in FINDINGS] == []


def test_findings_of_a_plan_that_brings_them_are_denied_and_hold_no_secret(verdicts: tuple[Verdict, ...]) -> None:
    assert {verdict.severity for verdict in verdicts} == {Severity.DENY}
    assert "canary" not in str(verdicts).lower()
