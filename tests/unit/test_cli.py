"""The command line as users meet it: one message, the right exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from buildkit_dagster.cli import app
from buildkit_dagster.commands import common
from buildkit_dagster.commands.init import make_folder
from tests.scenario import edited, write_platform


def buildkit(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "TERM": "dumb", **variables}
    code = "from buildkit_dagster.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=300
    )


def message(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr.strip()


def test_a_missing_environment_is_one_message_and_exit_2(tmp_path: Path) -> None:
    done = buildkit("prepare", cwd=write_platform(tmp_path))
    assert done.returncode == 2
    assert message(done).startswith("buildkit: no environment chosen: set BUILDKIT_ENV or give --env")


def test_outside_a_platform_folder_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    done = buildkit("prepare", "--env", "dev", cwd=tmp_path)
    assert done.returncode == 2
    assert "buildkit init NAME" in message(done)


def test_a_wrong_folder_is_told_with_file_and_line(tmp_path: Path) -> None:
    edited(write_platform(tmp_path), "config/platform.yaml", "cloud: emulator", "clout: emulator")
    done = buildkit("validate", cwd=tmp_path)
    assert done.returncode == 2
    assert "config/platform.yaml:" in message(done)
    assert "clout" in message(done)


def test_a_valid_folder_validates(tmp_path: Path) -> None:
    done = buildkit("validate", cwd=write_platform(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "config is valid.")


def test_an_emulator_command_refuses_a_real_environment(tmp_path: Path) -> None:
    done = buildkit("emulator", "status", "--env", "prod", cwd=write_platform(tmp_path))
    assert done.returncode == 2
    assert "cloud: aws" in message(done)


def test_an_emulator_that_does_not_run_is_exit_1(tmp_path: Path) -> None:
    done = buildkit("emulator", "status", "--env", "dev", cwd=write_platform(tmp_path))
    assert done.returncode == 1
    assert "buildkit emulator start --env dev" in message(done)


def test_a_wrong_endpoint_is_told_before_a_run_is_queued(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    done = buildkit("launch", "bootstrap", "--env", "dev", cwd=folder, AWS_ENDPOINT_URL="http://192.0.2.1:9")
    assert done.returncode == 1
    assert "http://192.0.2.1:9" in message(done)
    assert not (folder / ".buildkit").exists()


def test_doctor_tells_what_is_missing_in_one_message(tmp_path: Path) -> None:
    done = buildkit("doctor", "--check", cwd=tmp_path, PATH=str(tmp_path))
    assert done.returncode == 1
    assert len(message(done).splitlines()) == 1
    assert "terraform" in message(done).lower()


@pytest.mark.parametrize("command", ["demo", "dev"])
def test_what_is_missing_is_told_before_anything_is_started(tmp_path: Path, command: str) -> None:
    folder = write_platform(tmp_path)
    done = buildkit(command, "--env", "dev", cwd=folder, PATH=str(tmp_path))
    assert done.returncode == 1
    assert len(message(done).splitlines()) == 1
    assert "terraform" in message(done).lower()
    assert not (folder / ".buildkit").exists()


@pytest.mark.parametrize(
    "left", ["{damaged", "[]", '{"endpoint": "http://127.0.0.1:9", "id": "x", "pid": 1, "mark": "0"}']
)
def test_a_file_that_a_killed_emulator_left_is_no_emulator(tmp_path: Path, left: str) -> None:
    folder = write_platform(tmp_path)
    (folder / ".buildkit" / "dev").mkdir(parents=True)
    (folder / ".buildkit" / "dev" / "emulator.json").write_text(left)
    for command in (["emulator", "status"], ["launch", "bootstrap"]):
        done = buildkit(*command, "--env", "dev", cwd=folder)
        assert done.returncode == 1
        assert "the emulator of 'dev' is not running" in message(done)


@pytest.mark.parametrize("command", [["dev"], ["emulator", "start"]])
def test_a_port_that_is_none_is_refused(tmp_path: Path, command: list[str]) -> None:
    done = buildkit(*command, "--env", "dev", "--port", "99999", cwd=write_platform(tmp_path))
    assert done.returncode == 2
    assert "65535" in message(done)


def test_doctor_refuses_a_mirror_without_the_provider(tmp_path: Path) -> None:
    done = buildkit("doctor", "--check", cwd=tmp_path, BUILDKIT_PROVIDER_MIRROR=str(tmp_path))
    assert done.returncode == 1
    assert str(tmp_path) in message(done)


@pytest.mark.parity("A-19")
def test_doctor_names_googles_project_and_where_its_provider_comes_from(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    edited(folder, "config/platform.yaml", "defaults:\n", "defaults:\n  gcp: {project: harbour-data}\n")
    done = buildkit("doctor", "--env", "dev", cwd=folder, COLUMNS="200")
    assert "harbour-data (us-central1); not emulated" in done.stdout
    assert "6.50.0 (pinned), from the registry" in done.stdout


def test_doctor_prints_the_facts_of_a_platform(tmp_path: Path) -> None:
    done = buildkit("doctor", "--env", "dev", cwd=write_platform(tmp_path), COLUMNS="200")
    assert done.returncode == 0
    for fact in ("terraform", "provider source", "harbour (dev)", "not running", "1 per pool", "runs at a time"):
        assert fact in done.stdout


@pytest.mark.parity("A-21", "A-22")
def test_init_makes_a_folder_that_validates(tmp_path: Path) -> None:
    done = buildkit("init", "my-platform", cwd=tmp_path)
    assert done.returncode == 0
    folder = tmp_path / "my-platform"
    made = {path.name for path in folder.iterdir()}
    assert {"config", "dbt_projects", "workspace.yaml", "dagster.yaml", ".gitignore", "README.md"} <= made
    assert (folder / ".github/workflows/platform.yml").is_file()
    assert (folder / "requirements.txt").read_text() == f"buildkit-dagster=={metadata.version('buildkit-dagster')}\n"
    assert buildkit("validate", cwd=folder).returncode == 0


def test_what_is_printed_is_no_markup(tmp_path: Path) -> None:
    assert buildkit("init", "data[red]:secret:x", cwd=tmp_path).stdout.startswith("Made data[red]:secret:x. ")
    folder = write_platform(tmp_path / "platform")
    engine = "arn:aws:secretsmanager:us-east-1:123456789012:secret:[/red]"
    edited(folder, "config/codebuild-config.yml", "engine: duckdb", f"engine: '{engine}'")
    assert f"'{engine}' is not allowed" in buildkit("validate", cwd=folder).stderr


def test_init_touches_no_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    done = buildkit("init", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty" in message(done)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_an_unexpected_error_is_one_line_and_the_place_of_its_log(tmp_path: Path) -> None:
    make_folder(tmp_path / "platform")
    (tmp_path / "platform" / "dagster.yaml").unlink()
    (tmp_path / "platform" / ".buildkit").mkdir()
    (tmp_path / "platform" / ".buildkit" / "dev").write_text("a file where a folder should be")
    done = buildkit("prepare", "--env", "dev", cwd=tmp_path / "platform")
    assert done.returncode == 1
    assert len(message(done).splitlines()) == 1
    log = tmp_path / "platform" / ".buildkit" / "error.log"
    assert str(log) in message(done)
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("command", [["plan"], ["emulator", "start"], ["prepare"], ["graph"], ["launch", "bootstrap"]])
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, command: list[str]) -> None:
    folder = write_platform(tmp_path / "platform")
    (folder / ".buildkit").write_text("a file where a folder should be")
    done = buildkit(*command, "--env", "dev", cwd=folder)
    assert done.returncode == 1
    assert len(message(done).splitlines()) == 1
    assert f"{folder / '.buildkit'}" in message(done)


def test_without_a_log_of_its_own_an_unexpected_error_is_logged_elsewhere(tmp_path: Path) -> None:
    folder = write_platform(tmp_path / "platform")
    (folder / ".buildkit" / "error.log").mkdir(parents=True)
    (folder / ".buildkit" / "dev").write_text("a file where a folder should be")
    done = buildkit("prepare", "--env", "dev", cwd=folder, TMPDIR=str(tmp_path))
    assert (done.returncode, len(message(done).splitlines())) == (1, 1)
    assert str(tmp_path / "buildkit-error.log") in message(done)
    assert "Traceback" in (tmp_path / "buildkit-error.log").read_text()


def test_a_place_for_output_that_cannot_be_is_told_before_the_work(tmp_path: Path) -> None:
    folder = write_platform(tmp_path / "platform")
    (tmp_path / "file").write_text("")
    for command in (["demo", "--json", f"{tmp_path}/file/told.json"], ["plan", "--out", f"{tmp_path}/file/plans"]):
        done = buildkit(*command, "--env", "dev", cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{tmp_path}/file" in message(done)
        assert not (folder / ".buildkit").exists()
    done = buildkit("init", f"{tmp_path}/file/platform", cwd=tmp_path)
    assert (done.returncode, f"{tmp_path}/file/platform" in message(done)) == (2, True)


def test_an_interrupt_is_said(tmp_path: Path) -> None:
    code = "import os, signal, sys\nfrom buildkit_dagster import cli\nfrom buildkit_dagster.commands import validate\n"
    interrupting = code + "validate.examine = lambda *_: os.kill(os.getpid(), signal.SIGINT)\ncli.main()"
    done = subprocess.run(
        [sys.executable, "-c", interrupting, "validate"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (130, "buildkit: interrupted\n")


def test_what_a_terminal_cannot_show_is_replaced(tmp_path: Path) -> None:
    done = buildkit("init", "données", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout.split(".")[0]) == (0, "Made donn?es")


def test_every_command_there_is_can_be_called() -> None:
    stems = {path.stem for path in Path(common.__file__).parent.glob("*.py")} - {"__init__", "common"}
    groups = {group.name for group in app.registered_groups}
    assert {stem.replace("_", "-") for stem in stems} == {
        str(command.name) for command in app.registered_commands
    } | groups


def test_nothing_is_planned_or_applied_without_an_account(tmp_path: Path) -> None:
    folder = write_platform(tmp_path)
    for command in (["plan"], ["apply", "--plan", "0" * 32]):
        done = buildkit(*command, "--env", "dev", cwd=folder)
        assert done.returncode == 1
        assert "the emulator of 'dev' is not running" in message(done)
    assert not (folder / ".buildkit").exists()


def test_apply_needs_a_plan(tmp_path: Path) -> None:
    done = buildkit("apply", "--env", "dev", cwd=write_platform(tmp_path))
    assert done.returncode == 2
    assert "--plan" in done.stderr
