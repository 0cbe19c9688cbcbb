"""The Pipes client for CodeBuild, on builds that the emulator really runs."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetExecutionContext, DagsterInstance, DagsterRunStatus, MaterializeResult, asset, materialize
from dagster._core.errors import DagsterExecutionInterruptedError

from buildkit_dagster.defs.pipes.codebuild import RUN_VARIABLE, PipesCodeBuildClient
from buildkit_dagster.errors import BuildDeadlinePassed, BuildFailed, BuildNotRun, BuildStopped, RuntimeFailure
from buildkit_dagster.runtimes import codebuild
from buildkit_dagster.runtimes.buildspec import buildspec

PROJECT = "client-tests"
PROGRAM = """
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    pipes.report_asset_materialization(metadata={"rows": pipes.get_extra("rows")})
"""


@pytest.fixture(scope="module")
def client(boto: Callable[[str], Any]) -> PipesCodeBuildClient:
    boto("codebuild").create_project(
        name=PROJECT,
        # moto refuses a project without a location.
        source={"type": "NO_SOURCE", "location": "none", "buildspec": "version: 0.2\nphases: {}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "example.com/a:1", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/client-tests",
    )
    return PipesCodeBuildClient(boto("codebuild"), boto("logs"), interval=0.1)


def params(*commands: str, files: tuple[tuple[str, str], ...] = (), **plain: str) -> dict[str, Any]:
    spec = buildspec(commands, files)
    return codebuild.start_build_params(PROJECT, spec, plain=plain, secrets={}, timeout_minutes=5)


def inside_an_asset(do: Callable[[AssetExecutionContext], Any], instance: DagsterInstance | None = None) -> Any:
    """What `do` returns, or raises, in the body of an asset called `probe`."""
    outcome: list[Any] = []

    @asset
    def probe(context: AssetExecutionContext):
        try:
            outcome.append(do(context))
        except (RuntimeFailure, DagsterExecutionInterruptedError) as error:
            outcome.append(error)
        return MaterializeResult()

    assert materialize([probe], instance=instance).success
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def shown(client: PipesCodeBuildClient, start: dict[str, Any]) -> list[str]:
    """The lines of a build's own commands."""
    lines: list[str] = []

    def collect(line: str) -> tuple[list[Any], str]:
        lines.append(line)
        return [], line

    inside_an_asset(lambda c: list(client.stream(context=c, start_build_params=start, translate=collect)))
    return [line for line in lines if not line.startswith("[Container]")]


def status(boto: Callable[[str], Any], build: str) -> str:
    return str(boto("codebuild").batch_get_builds(ids=[build])["builds"][0]["buildStatus"])


def newest(boto: Callable[[str], Any]) -> str:
    return str(boto("codebuild").list_builds_for_project(projectName=PROJECT, sortOrder="DESCENDING")["ids"][0])


def test_a_program_with_dagster_pipes_reports_through_the_log(client: PipesCodeBuildClient):
    start = params("python report.py", files=(("report.py", PROGRAM),))

    def run(context: AssetExecutionContext) -> Any:
        return client.run(context=context, start_build_params=start, extras={"rows": 7}).get_materialize_result()

    result = inside_an_asset(run)
    assert result.metadata["rows"].value == 7
    assert result.metadata["build_id"].value.startswith(f"{PROJECT}:")


def test_commands_and_files_reach_the_shell_as_they_were_written(client: PipesCodeBuildClient):
    text = "a: [b] # ${c} %{d} 'e' \"f\" \\n ü\n"
    start = params(
        "printf '%s|' \"$WORD\" 'x: ${y}' \"it's\" 'a\\nb' %{z}; echo",
        "cat 'odd name'",
        files=(("odd name", text),),
        WORD="ü",
    )
    assert shown(client, start)[:2] == ["ü|x: ${y}|it's|a\\nb|%{z}|", text.rstrip()]


def test_every_command_runs_once_and_lines_come_once(client: PipesCodeBuildClient):
    commands = [f"echo line {number}" for number in range(20)]
    assert shown(client, params(*commands)) == [f"line {number}" for number in range(20)]


def test_a_failed_command_is_named_with_phase_and_exit_code(client: PipesCodeBuildClient):
    with pytest.raises(BuildFailed, match=r"phase BUILD with exit code 7: .*exit 7(?s:.)*\| the reason") as caught:
        shown(client, params("echo the reason", "exit 7", "echo never"))
    assert (caught.value.phase, caught.value.exit_code) == ("BUILD", 7)


def test_events_are_yielded_while_the_build_runs(
    client: PipesCodeBuildClient, boto: Callable[[str], Any], tmp_path: Path
):
    go = tmp_path / "go"

    def run(context: AssetExecutionContext) -> list[str]:
        def seen(line: str) -> tuple[list[Any], str]:
            return ([line] if line in ("one", "two") else []), line

        wait = f"while ! test -e {go}; do sleep 0.1; test $((n+=1)) -lt 3000 || break; done"
        start = params("echo one", wait, "echo two")
        stream = client.stream(context=context, start_build_params=start, translate=seen)
        first = next(stream)
        meanwhile = status(boto, newest(boto))
        go.touch()
        return [str(first), meanwhile, *map(str, stream)]

    assert inside_an_asset(run) == ["one", "IN_PROGRESS", "two"]


def test_a_cancelled_run_stops_its_build(client: PipesCodeBuildClient, boto: Callable[[str], Any]):
    def interrupt(line: str) -> tuple[list[Any], str]:
        if line == "working":
            raise DagsterExecutionInterruptedError
        return [], line

    start = params("echo working", "sleep 60")
    with pytest.raises(DagsterExecutionInterruptedError):
        inside_an_asset(lambda c: list(client.stream(context=c, start_build_params=start, translate=interrupt)))
    assert status(boto, newest(boto)) == "STOPPED"


def test_a_build_past_its_deadline_is_stopped(client: PipesCodeBuildClient, boto: Callable[[str], Any]):
    with pytest.raises(BuildDeadlinePassed):
        inside_an_asset(lambda c: client.run(context=c, start_build_params=params("sleep 60"), deadline=1.0))
    assert status(boto, newest(boto)) == "STOPPED"


def test_a_build_somebody_else_stopped_is_told_apart(client: PipesCodeBuildClient, boto: Callable[[str], Any]):
    def stop(line: str) -> tuple[list[Any], str]:
        if line == "working":
            boto("codebuild").stop_build(id=newest(boto))
        return [], line

    start = params("echo working", "sleep 60")
    with pytest.raises(BuildStopped):
        inside_an_asset(lambda c: list(client.stream(context=c, start_build_params=start, translate=stop)))


def test_a_build_left_behind_by_a_run_that_is_over_is_stopped_first(
    client: PipesCodeBuildClient, boto: Callable[[str], Any]
):
    instance = DagsterInstance.ephemeral()

    @asset
    def earlier():
        return None

    over = materialize([earlier], instance=instance).run_id
    assert instance.get_run_by_id(over).status == DagsterRunStatus.SUCCESS
    left, alive = (
        boto("codebuild").start_build(**params("sleep 60", **{RUN_VARIABLE: run}))["build"]["id"]
        for run in (over, "a-run-that-may-still-be-alive")
    )
    inside_an_asset(lambda c: client.run(context=c, start_build_params=params("true")), instance)
    assert status(boto, left) == "STOPPED"
    assert status(boto, alive) == "IN_PROGRESS"
    boto("codebuild").stop_build(id=alive)


def test_a_build_there_is_no_room_for_waits_until_there_is(boto: Callable[[str], Any]):
    boto("codebuild").create_project(
        name="one-at-a-time",
        source={"type": "NO_SOURCE", "location": "none", "buildspec": "version: 0.2\nphases: {}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "example.com/a:1", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/client-tests",
        concurrentBuildLimit=1,
    )
    wanted = {**params("true"), "projectName": "one-at-a-time"}
    first = boto("codebuild").start_build(**{**wanted, "buildspecOverride": buildspec(["sleep 60"])})
    told: list[str] = []

    def make_room(line: str) -> None:
        told.append(line)
        boto("codebuild").stop_build(id=first["build"]["id"])

    build = codebuild.start(boto("codebuild"), boto("logs"), wanted, interval=0.1, tell=make_room)
    list(build.lines())
    build.check()
    assert "more than 1 builds" in told[0]


@pytest.mark.parametrize(
    ("phase", "status", "error"),
    [("PROVISIONING", "FAULT", BuildNotRun), ("QUEUED", "TIMED_OUT", BuildNotRun), ("BUILD", "FAULT", BuildFailed)],
)
def test_a_build_that_got_no_machine_is_told_from_one_that_failed(
    boto: Callable[[str], Any], phase: str, status: str, error: type[RuntimeFailure]
):
    phases = [{"phaseType": phase, "phaseStatus": status, "contexts": [{"message": "no capacity"}]}]
    ended = {"id": "a:1", "buildComplete": True, "buildStatus": status, "phases": phases}
    with pytest.raises(error, match="no capacity") as caught:
        codebuild.Build(boto("codebuild"), boto("logs"), ended, deadline=1).check()
    assert caught.value.retryable is (error is BuildNotRun)


@pytest.mark.parity("A!22")
def test_variables_of_any_content_arrive_as_they_are(client: PipesCodeBuildClient):
    value = 'it\'s "q" $HOME `id` \\n #: {x}\nsecond line ü'
    start = params("printf '%s' \"$ODD\" | base64 -w0; echo", ODD=value)
    assert base64.b64decode(shown(client, start)[0]).decode() == value
