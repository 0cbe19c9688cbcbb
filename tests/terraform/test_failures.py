"""What a finished command printed, as typed errors."""

import json
from pathlib import Path

import pytest

from buildkit_dagster.errors import ApplyFailed, Interrupted, PlanFailed, StateLocked
from buildkit_dagster.terraform.failures import failure

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


@pytest.mark.parametrize("text", ["ThrottlingException: Rate exceeded", "dial tcp: i/o timeout", "ServiceUnavailable"])
def test_what_goes_away_by_itself_is_retryable(tmp_path: Path, text: str) -> None:
    assert failure(PlanFailed, "lake", printed(tmp_path, {"summary": "reading", "detail": text}), 1).retryable


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
