"""What the commands round a plan say to wrong input: one message that names the fix, the right exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from buildkit_dagster.cli import main
from buildkit_dagster.emulator.control import STATE_FILE, Emulator
from buildkit_dagster.terraform.digest import PARTS, digest_of
from buildkit_dagster.terraform.plan_record import PlanRecord
from tests.scenario import write_platform

EVERY = ("plan", "apply --plan 12345678", "approve 12345678", "trust bootstrap", "locks", "drift", "destroy", "adopt")
NOBODY = "there is no stack 'laek'; allowed: "
#: In `dev` of a platform whose emulator runs: what was typed, the exit code, what is said.
TYPED = [
    ("plan --stack laek", 2, NOBODY),
    ("trust laek", 2, NOBODY),
    ("trust laek --state", 2, NOBODY),
    ("drift --stack laek", 2, NOBODY),
    ("destroy --stack laek", 2, NOBODY),
    ("adopt --stack laek", 2, NOBODY),
    ("plan key:infra/lake/laek", 2, "holds no unit; units are called infra/STACK/UNIT, `buildkit graph` lists them"),
    ("drift key:infra/lake/laek", 2, "holds no unit; units are called infra/STACK/UNIT, `buildkit graph` lists them"),
    ("plan key:((", 2, "is not a selection in Dagster's syntax"),
    ("drift key:((", 2, "is not a selection in Dagster's syntax"),
    ("plan --format text", 2, "'table', 'markdown', 'json'"),
    ("plan --out config/platform.yaml", 2, "is a file"),
    ("apply", 2, "--plan"),
    ("apply --plan 00000000", 1, "there is no stored plan 00000000; stored plans:"),
    ("apply --plan 0", 1, "there is no stored plan 0; stored plans:"),
    ("apply --plan {expired}", 1, "expired at 2026-01-02T00:00:00+00:00; nothing was applied"),
    ("approve {expired}", 1, "environment dev names no approvers"),
    ("approve {expired} --minutes 0", 2, "--minutes"),
    ("approve {expired} --until tomorrow", 2, "%Y-%m-%dT%H:%M"),
]


@pytest.fixture(scope="module")
def expired() -> PlanRecord:
    parts = dict.fromkeys(PARTS, "0")
    return PlanRecord(
        digest=digest_of(parts),
        parts=parts,
        stack="lake",
        units=("raw",),
        full=True,
        options=(),
        nonce="",
        created="2026-01-01T00:00:00+00:00",
        expires="2026-01-02T00:00:00+00:00",
        requester="ann@laptop",
        run="",
        changes=(),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, expired: PlanRecord) -> Path:
    """A platform whose emulator runs, and which has a plan that is too old."""
    made = write_platform(tmp_path_factory.mktemp("platform"))
    plans = made / ".buildkit" / "dev" / "lake" / "plans"
    plans.mkdir(parents=True)
    (made / ".buildkit" / "dev" / STATE_FILE).write_text(json.dumps(asdict(emulator)))
    (made / ".buildkit" / "dev" / "dagster").mkdir()
    (made / ".buildkit" / "dev" / "dagster" / "emulator.id").write_text(emulator.id)
    (plans / f"{expired.digest}.json").write_text(expired.to_json())
    return made


class Shell:
    """Somebody in a folder, typing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "BUILDKIT_ENV"):
            monkeypatch.delenv(name, raising=False)
        self.set(AWS_EC2_METADATA_DISABLED="true")

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def refused(self, line: str, folder: Path) -> tuple[int, str]:
        """Exit code and message, which is all that is printed."""
        self._patch.chdir(folder)
        self._patch.setattr(sys, "argv", ["buildkit", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert "unexpected" not in printed.err
        assert printed.err.count("buildkit: ") <= 1
        return int(str(ended.value.code)), printed.err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.mark.parametrize("command", EVERY)
def test_outside_of_a_platform_folder(shell: Shell, tmp_path: Path, command: str) -> None:
    code, said = shell.refused(f"{command} --env dev", tmp_path)
    assert (code, "buildkit init NAME" in said) == (2, True), said


@pytest.mark.parametrize("command", EVERY)
def test_in_an_environment_there_is_not(shell: Shell, folder: Path, command: str) -> None:
    code, said = shell.refused(f"{command} --env testing", folder)
    assert (code, "'testing' is not an environment" in said) == (2, True), said


@pytest.mark.parametrize("command", [each for each in EVERY if not each.startswith("approve")])
def test_where_no_emulator_runs(shell: Shell, tmp_path: Path, command: str) -> None:
    code, said = shell.refused(f"{command} --env dev", write_platform(tmp_path))
    assert (code, "start it: buildkit emulator start --env dev" in said) == (1, True), said


@pytest.mark.parametrize("command", [each for each in EVERY if not each.startswith(("approve", "plan"))])
def test_in_an_account_without_credentials(shell: Shell, tmp_path: Path, command: str) -> None:
    code, said = shell.refused(f"{command} --env prod", write_platform(tmp_path))
    assert (code, "Unable to locate credentials. Check credentials" in said) == (1, True), said


@pytest.mark.parametrize(("line", "code", "text"), TYPED)
def test_what_is_typed_wrong(shell: Shell, folder: Path, expired: PlanRecord, line: str, code: int, text: str) -> None:
    shell.set(BUILDKIT_ENV="dev")
    found, said = shell.refused(line.format(expired=expired.digest), folder)
    assert (found, text in said) == (code, True), said


@pytest.mark.parametrize("command", ["trust bootstrap", "adopt --stack lake"])
def test_where_there_is_no_terraform(shell: Shell, folder: Path, tmp_path: Path, command: str) -> None:
    shell.set(BUILDKIT_ENV="dev", PATH=str(tmp_path))
    code, said = shell.refused(command, folder)
    assert (code, "install it from https://" in said) == (1, True), said
