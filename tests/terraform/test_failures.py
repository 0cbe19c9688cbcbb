"""What a finished command printed, as typed errors."""

import json
from pathlib import Path

import pytest

from buildkit_dagster.errors import (
    ApplyFailed,
    CommandFailed,
    ImportFailed,
    InitFailed,
    Interrupted,
    PlanFailed,
    PlanHeldUp,
    PullFailed,
    PushFailed,
    RetryableFailure,
    StateLocked,
)
from buildkit_dagster.terraform.failures import failure
from buildkit_dagster.terraform.retries import Retries, retried

LOCK = (
    "operation error S3: PutObject, https response error StatusCode: 412\nLock Info:\n  ID:        abc-1\n"
    "  Path:      state/app\n  Operation: OperationTypeApply\n  Who:       ann@laptop\n  Version:   1.11.4\n"
    "  Created:   2026-11-20 10:00:00 +0000 UTC\n"
)


def printed(folder: Path, *diagnostics: dict[str, object], more: str = "") -> Path:
    lines = [json.dumps({"type": "diagnostic", "diagnostic": {"severity": "error", **item}}) for item in diagnostics]
    file = folder / "output.jsonl"
    file.write_text("\n".join([*lines, more]))
    return file


def test_an_error_names_address_file_line_and_the_providers_words(tmp_path: Path) -> None:
    output = printed(
        tmp_path,
        {
            "summary": "creating S3 Bucket (raw)",
            "detail": "BucketAlreadyExists: taken",
            "address": "module.raw.aws_s3_bucket.this",
            "range": {"filename": "modules/bucket/bucket.tf", "start": {"line": 3}},
        },
        more="Warning: something printed around the JSON",
    )
    error = failure(ApplyFailed, "lake", output, 1)
    assert isinstance(error, ApplyFailed)
    assert not error.retryable
    assert "terraform apply failed for stack 'lake'" in str(error)
    assert "module.raw.aws_s3_bucket.this, modules/bucket/bucket.tf:3: creating S3 Bucket (raw)" in str(error)
    assert "BucketAlreadyExists: taken" in str(error)
    assert "import it" in str(error)


PASSING = {
    "throttling": "operation error CodeBuild: CreateProject, https response error StatusCode: 400, RequestID: 1, "
    "ThrottlingException: Rate exceeded",
    "slow down": "operation error S3: PutObject, exceeded maximum number of attempts, 5, https response error "
    "StatusCode: 503, RequestID: 1, api error SlowDown: Please reduce your request rate.",
    "internal error": "Unable to save state: operation error S3: PutObject, https response error StatusCode: 500, "
    "api error InternalError: We encountered an internal error. Please try again.",
    "EC2's limit": "api error RequestLimitExceeded: Request limit exceeded.",
    "no answer": 'Get "https://sts.us-east-1.amazonaws.com/": dial tcp 10.0.0.1:443: i/o timeout',
    "refused": 'Put "http://127.0.0.1:5000/bucket/key": dial tcp 127.0.0.1:5000: connect: connection refused',
    "handshake": "net/http: TLS handshake timeout",
    "registry": "could not query provider registry for registry.terraform.io/hashicorp/aws: the request failed after 2 "
    "attempts: net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    "waiter": "waiting for ECS Cluster (c) create: timeout while waiting for state to become 'ACTIVE' (last state: "
    "'PROVISIONING', timeout: 10m0s)",
    "provider start": "Could not load the schema for provider registry.terraform.io/hashicorp/aws: failed to "
    'instantiate provider "registry.terraform.io/hashicorp/aws" to obtain schema: timeout while waiting for plugin '
    "to start",
    "busy file": 'failed to instantiate provider "registry.terraform.io/hashicorp/aws" to obtain schema: fork/exec '
    ".terraform/providers/terraform-provider-aws_v5.100.0_x5: text file busy",
    "provider gone": "Plugin did not respond: The plugin encountered an error, and failed to respond to the "
    "plugin.(*GRPCProvider).ApplyResourceChange call.",
    "another change": "ConcurrentModificationException: the table is being modified",
    "half-done request": "api error OperationAborted: A conflicting conditional operation is currently in progress "
    "against this resource. Please try again.",
}
PERMANENT = {
    "policy": "api error AccessDenied: User: arn:aws:iam::123456789012:user/ann is not authorized to perform: "
    "iam:CreateRole because no identity-based policy allows the action",
    "denied with a busy status": "StatusCode: 503, api error AccessDenied: explicit deny in a service control policy",
    "no credentials": "No valid credential sources found: failed to refresh cached credentials, no EC2 IMDS role "
    "found, operation error ec2imds: GetMetadata, request send failed, dial tcp 169.254.169.254:80: i/o timeout",
    "expired": "api error ExpiredToken: The security token included in the request is expired",
    "clock": "api error RequestTimeTooSkewed: The difference between the request time and the current time is too "
    "large",
    "syntax": 'Unsupported argument: An argument named "buket" is not expected here.',
    "type": "Invalid value for input variable: The given value is not suitable for var.count",
    "taken": "api error BucketAlreadyExists: The requested bucket name is not available.",
    "other machine": 'failed to instantiate provider "registry.terraform.io/hashicorp/aws": fork/exec aws: exec format '
    "error",
    "wrong hash": "Failed to install provider: the local package doesn't match any of the checksums previously "
    "recorded",
    "disk full": "write errored.tfstate: no space left on device",
    "quota": "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000",
    "a stranger": "something nobody has seen yet",
}


@pytest.mark.parametrize("kind", [InitFailed, PlanFailed, ApplyFailed, ImportFailed, PullFailed, PushFailed])
def test_what_passes_by_itself_is_another_type_of_the_same_error(tmp_path: Path, kind: type[CommandFailed]) -> None:
    passing = failure(kind, "lake", printed(tmp_path, {"summary": PASSING["throttling"]}), 1)
    staying = failure(kind, "lake", printed(tmp_path, {"summary": PERMANENT["taken"]}), 1)
    assert isinstance(passing, RetryableFailure)
    assert isinstance(passing, kind)
    assert type(staying) is kind
    assert (passing.retryable, staying.retryable) == (True, False)


@pytest.mark.parametrize("name", PASSING)
def test_throttling_timeouts_and_providers_that_do_not_start_pass_by_themselves(tmp_path: Path, name: str) -> None:
    assert failure(PlanFailed, "lake", printed(tmp_path, {"summary": "it", "detail": PASSING[name]}), 1).retryable


@pytest.mark.parametrize("name", PERMANENT)
def test_policy_credentials_syntax_and_whatever_is_not_known_never_do(tmp_path: Path, name: str) -> None:
    assert not failure(PlanFailed, "lake", printed(tmp_path, {"summary": "it", "detail": PERMANENT[name]}), 1).retryable


def test_one_permanent_error_among_passing_ones_makes_the_failure_permanent(tmp_path: Path) -> None:
    output = printed(tmp_path, {"summary": PASSING["throttling"]}, {"summary": PERMANENT["policy"]})
    assert not failure(ApplyFailed, "lake", output, 1).retryable


def test_a_wait_doubles_and_varies_by_at_most_a_half() -> None:
    retries = Retries(times=3, seconds=8)
    waits = [[retries.wait(attempt) for _ in range(50)] for attempt in (1, 2, 3)]
    assert all(4 * 2**n <= seconds <= 12 * 2**n for n, tries in enumerate(waits) for seconds in tries)
    assert len(set(waits[0])) > 1


def test_a_passing_failure_is_tried_again_and_a_permanent_one_is_not() -> None:
    told: list[str] = []
    outcomes = iter([PlanHeldUp("lake", ["slow"]), PlanHeldUp("lake", ["slow"]), "planned"])

    def plan() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retried(plan, Retries(times=2, seconds=0.01), told.append) == "planned"
    assert [text.splitlines()[-1][-9:] for text in told] == ["(1 of 2).", "(2 of 2)."]
    outcomes = iter([PlanFailed("lake", ["wrong"]), "planned"])
    with pytest.raises(PlanFailed):
        retried(plan, Retries(), told.append)
    assert next(outcomes) == "planned"


def test_a_lock_is_its_own_error_and_names_holder_time_and_operation(tmp_path: Path) -> None:
    output = printed(tmp_path, {"summary": "Error acquiring the state lock", "detail": LOCK})
    error = failure(ApplyFailed, "lake", output, 1)
    assert isinstance(error, StateLocked)
    assert "ann@laptop since 2026-11-20 10:00:00 +0000 UTC (OperationTypeApply, lock abc-1)" in str(error)


def test_a_killed_terraform_is_said_to_be_killed(tmp_path: Path) -> None:
    error = failure(ApplyFailed, "lake", printed(tmp_path), -9)
    assert isinstance(error, Interrupted)
    assert "ended by signal 9" in str(error)


def test_plain_output_is_shown_without_its_frame(tmp_path: Path) -> None:
    output = printed(tmp_path, more="╷\n│ Error: Cannot import\n│\n│ It is not there.\n╵\n")
    assert str(failure(PlanFailed, "lake", output, 1)).splitlines()[1:] == [
        "  Error: Cannot import",
        "  It is not there.",
    ]


def test_what_a_provisioner_printed_is_not_repeated_because_terraform_does_not_hide_secrets_in_it(
    tmp_path: Path,
) -> None:
    detail = "Error running command 'echo canary; exit 3': exit status 3. Output: canary\n"
    output = printed(tmp_path, {"summary": "local-exec provisioner error", "detail": detail, "address": "null.this"})
    error = failure(ApplyFailed, "lake", output, 1)
    assert "canary" not in str(error)
    assert "null.this: local-exec provisioner error\n    exit status 3;" in str(error)


@pytest.mark.parametrize(
    ("summary", "fix"),
    [
        ("No value for required variable", "TerraformStack(variables={...})"),
        ("Moved resource instances excluded by targeting", "Materialize the whole stack"),
    ],
)
def test_advice_is_given_in_the_words_of_this_system(tmp_path: Path, summary: str, fix: str) -> None:
    assert fix in str(failure(PlanFailed, "lake", printed(tmp_path, {"summary": summary}), 1))
