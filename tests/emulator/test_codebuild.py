"""CodeBuild: a build really runs its buildspec, and its record says the truth about it."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest
from helpers import Boto, build_of, finish, log, phases, project, start, until

from buildkit_dagster import process
from buildkit_dagster.emulator.control import Emulator

GITHUB = {"type": "GITHUB", "location": "https://github.com/example-org/skyline.git"}


def test_phases_share_variables_and_folder_and_post_build_follows_a_failed_build(boto: Boto) -> None:
    spec = """
version: 0.2
env: {shell: bash, variables: {FROM_SPEC: spec, BOTH: spec}, exported-variables: [COLOR]}
phases:
  install: {commands: ["mkdir deep && cd deep", 'COLOR="it''s blue"', "export TWO=$'a\\\\nb'"]}
  pre_build: {commands: ['echo "in $(basename $PWD) with $COLOR; $FROM_SPEC $BOTH; $TWO."']}
  build:
    commands: ['echo building $CODEBUILD_BUILD_SUCCEEDING', 'exit 7', 'echo never']
    finally: ['echo finally $CODEBUILD_BUILD_SUCCEEDING']
  post_build: {commands: ['echo cleaning $CODEBUILD_BUILD_SUCCEEDING']}
"""
    build = finish(boto, start(boto, project(boto, spec, variables={"BOTH": "project"})))
    said = log(boto, build)
    assert "in deep with it's blue; spec project; a\nb." in said
    assert "building 1" in said
    assert "finally 1" in said
    assert "cleaning 0" in said
    assert "\nnever" not in said
    assert build["buildStatus"] == "FAILED"
    assert phases(build)["BUILD"] == "FAILED"
    assert phases(build)["POST_BUILD"] == "SUCCEEDED"
    assert build["currentPhase"] == "COMPLETED"
    assert build["exportedEnvironmentVariables"] == [{"name": "COLOR", "value": "it's blue"}]
    failed = next(one for one in build["phases"] if one["phaseType"] == "BUILD")
    assert failed["contexts"][0]["message"] == "Error while executing command: exit 7. Reason: exit status 7"


@pytest.mark.parametrize(
    ("place", "rule", "ran"),
    [("install", "", []), ("install", "CONTINUE", ["build", "post_build"]), ("build", "ABORT", [])],
)
def test_on_failure_decides_what_follows(boto: Boto, place: str, rule: str, ran: list[str]) -> None:
    phase = {name: {"commands": [f"echo ran {name}"]} for name in ("install", "build", "post_build")}
    phase[place] = {"commands": ["false"], **({"on-failure": rule} if rule else {})}
    build = finish(boto, start(boto, project(boto, json.dumps({"version": 0.2, "phases": phase}))))
    assert build["buildStatus"] == "FAILED"
    said = log(boto, build).splitlines()
    assert [line.removeprefix("ran ") for line in said if line in ("ran build", "ran post_build")] == ran


def test_a_call_overrides_buildspec_variables_source_and_logs(boto: Boto) -> None:
    secret = boto("secretsmanager").create_secret(Name="overrides", SecretString='{"password": "p w"}')["ARN"]
    boto("ssm").put_parameter(Name="/overrides/user", Value="u", Type="SecureString")
    boto("s3").create_bucket(Bucket="sources")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("folder/file.txt", "from the archive")
    boto("s3").put_object(Bucket="sources", Key="a.zip", Body=archive.getvalue())
    commands = ['test "$P $W" = "p w u" && echo "$KIND and $(cat folder/file.txt)"', "echo $AWS_ACCESS_KEY_ID"]
    build = start(
        boto,
        project(boto, "version: 0.2", variables={"KIND": "project's"}),
        sourceTypeOverride="S3",
        sourceLocationOverride="sources/a.zip",
        buildspecOverride=json.dumps({"version": 0.2, "phases": {"build": {"commands": commands}}}),
        environmentVariablesOverride=[
            {"name": "KIND", "value": "overridden", "type": "PLAINTEXT"},
            {"name": "P", "value": f"{secret}:password", "type": "SECRETS_MANAGER"},
            {"name": "W", "value": "/overrides/user", "type": "PARAMETER_STORE"},
        ],
        logsConfigOverride={"cloudWatchLogs": {"status": "ENABLED", "groupName": "/other", "streamName": "pre"}},
        timeoutInMinutesOverride=5,
    )
    build = finish(boto, build)
    assert build["buildStatus"] == "SUCCEEDED", log(boto, build)
    assert build["timeoutInMinutes"] == 5
    assert build["logs"]["groupName"] == "/other"
    assert build["logs"]["streamName"] == f"pre/{build['id'].split(':')[1]}"
    assert "overridden and from the archive\n" in log(boto, build)
    assert {one["name"]: one["value"] for one in build["environment"]["environmentVariables"]}["P"] != "p w"


def test_logs_come_while_the_build_runs_and_stopping_ends_its_whole_group(boto: Boto, tmp_path: Path) -> None:
    child = tmp_path / "child"
    spec = f"""
version: 0.2
phases: {{build: {{commands: ['sleep 300 & echo $! > {child}; echo started; wait']}}}}
"""
    name = project(boto, spec)
    build = start(boto, name)
    running = until(lambda: build_of(boto, build["id"]), lambda found: found["currentPhase"] == "BUILD")
    until(lambda: log(boto, running), lambda said: "started" in said.splitlines())
    assert running["buildStatus"] == "IN_PROGRESS"
    stopped = boto("codebuild").stop_build(id=build["id"])["build"]
    assert stopped["buildStatus"] == "STOPPED"
    assert phases(stopped)["BUILD"] == "STOPPED"
    assert process.started_at(int(child.read_text())) is None
    assert boto("codebuild").list_builds_for_project(projectName=name)["ids"] == [build["id"]]


def test_a_killed_build_fails_and_says_so(boto: Boto, emulator: Emulator) -> None:
    build = start(boto, project(boto, "{version: 0.2, phases: {build: {commands: [sleep 300]}}}"))
    until(lambda: build_of(boto, build["id"]), lambda found: found["currentPhase"] == "BUILD")
    listed = emulator.call("GET", "processes")["processes"]
    os.kill(next(one["pid"] for one in listed if one["name"] == build["id"]), signal.SIGKILL)
    killed = finish(boto, build)
    assert killed["buildStatus"] == "FAILED"
    failed = next(one for one in killed["phases"] if one["phaseType"] == "BUILD")
    assert failed["contexts"][0]["message"] == "The build's process was killed by SIGKILL while it was in phase BUILD."
    assert "killed by SIGKILL" in log(boto, killed)


def test_a_build_past_its_timeout_is_ended(boto: Boto) -> None:
    name = project(boto, "{version: 0.2, phases: {build: {commands: [sleep 300]}}}", timeoutInMinutes=5)
    codebuild = boto("codebuild")
    codebuild.update_project(name=name, timeoutInMinutes=5)
    # Five minutes are the shortest AWS takes; the client would refuse the fraction.
    codebuild.meta.events.register_first("before-call.codebuild.StartBuild", _in_ten_seconds, unique_id="fraction")
    try:
        build = start(boto, name)
    finally:
        codebuild.meta.events.unregister("before-call.codebuild.StartBuild", unique_id="fraction")
    build = finish(boto, build)
    assert build["buildStatus"] == "TIMED_OUT"
    assert phases(build)["BUILD"] == "TIMED_OUT"


def _in_ten_seconds(params: dict, **_: object) -> None:
    params["body"] = json.dumps({**json.loads(params["body"]), "timeoutInMinutesOverride": 10 / 60}).encode()


def test_a_github_source_is_the_folder_it_is_mapped_to_once_its_connection_is_approved(
    boto: Boto, emulator: Emulator
) -> None:
    connection = boto("codeconnections").create_connection(ConnectionName="builds", ProviderType="GitHub")
    arn = connection["ConnectionArn"]
    source = {**GITHUB, "auth": {"type": "CODECONNECTIONS", "resource": arn}}
    spec = "{version: 0.2, phases: {build: {commands: [test -f pyproject.toml -a ! -e .venv]}}}"
    name = project(boto, spec, source=source)
    refused = finish(boto, start(boto, name))
    assert refused["buildStatus"] == "FAILED"
    failed = next(one for one in refused["phases"] if one["phaseType"] == "DOWNLOAD_SOURCE")
    assert f"connection {arn} is PENDING" in failed["contexts"][0]["message"]
    emulator.approve_connection(arn)
    assert finish(boto, start(boto, name, sourceVersion="main"))["buildStatus"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("source", "spec", "version", "message"),
    [
        ({"type": "GITHUB", "location": "https://github.com/a/b"}, "version: 0.2\n", "", "mapped are: example-org/sky"),
        (GITHUB, "version: 0.2\n", "0123456789abcdef", "commit 0123456789abcdef not found"),
        (GITHUB, "nowhere.yml", "", "nowhere.yml: no such file"),
        (GITHUB, "version: 0.2\nbatch: {}\n", "", "the buildspec has batch"),
        (GITHUB, "version: 0.2\nphases: {build: {on-failure: RETRY}}\n", "", "does ABORT, CONTINUE"),
    ],
)
def test_what_cannot_be_built_fails_with_the_reason(
    boto: Boto, source: dict, spec: str, version: str, message: str
) -> None:
    build = finish(boto, start(boto, project(boto, spec, source=source), sourceVersion=version))
    failed = next(one for one in build["phases"] if one["phaseType"] == "DOWNLOAD_SOURCE")
    assert build["buildStatus"] == "FAILED"
    assert message in failed["contexts"][0]["message"]
    assert message in log(boto, build)


def test_what_a_call_asks_for_and_the_emulator_does_not_do_is_refused(boto: Boto) -> None:
    name = project(boto, "version: 0.2")
    with pytest.raises(boto("codebuild").exceptions.InvalidInputException, match="does not do cacheOverride"):
        start(boto, name, cacheOverride={"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]})


def test_a_changed_project_is_what_later_builds_use(boto: Boto) -> None:
    name = project(boto, "{version: 0.2, phases: {build: {commands: [exit 1]}}}")
    changed = {"type": "NO_SOURCE", "buildspec": "{version: 0.2, phases: {build: {commands: [echo changed]}}}"}
    boto("codebuild").update_project(name=name, source=changed, description="new")
    (found,) = boto("codebuild").batch_get_projects(names=[name])["projects"]
    assert found["description"] == "new"
    assert found["serviceRole"].endswith("/test")
    assert finish(boto, start(boto, name))["buildStatus"] == "SUCCEEDED"


ARTIFACTS = {"type": "S3", "location": "kept", "path": "builds", "name": "one", "packaging": "NONE"}


def keys(boto: Boto, prefix: str) -> list[str]:
    found = boto("s3").list_objects_v2(Bucket="kept", Prefix=prefix).get("Contents", ())
    return [item["Key"].removeprefix(prefix) for item in found]


@pytest.mark.parametrize(("last", "status"), [("true", "SUCCEEDED"), ("exit 3", "FAILED")])
def test_artifacts_are_uploaded_whatever_became_of_the_build(boto: Boto, last: str, status: str) -> None:
    boto("s3").create_bucket(Bucket="kept")
    commands = [
        'mkdir -p "$CODEBUILD_SRC_DIR/../out/deep"',
        "cd ../out && echo 1 > a.json && echo 2 > deep/b.json",
        last,
    ]
    spec = {
        "version": 0.2,
        "phases": {"build": {"commands": commands}},
        "artifacts": {"files": ["missing.json", "**/*"], "base-directory": "$CODEBUILD_SRC_DIR/../out"},
    }
    output = {**ARTIFACTS, "name": status}
    build = finish(boto, start(boto, project(boto, json.dumps(spec)), artifactsOverride=output))
    assert build["buildStatus"] == status
    assert phases(build)["UPLOAD_ARTIFACTS"] == "SUCCEEDED"
    assert build["artifacts"]["location"] == f"arn:aws:s3:::kept/builds/{status}"
    assert keys(boto, f"builds/{status}/") == ["a.json", "deep/b.json"]


def test_a_build_that_leaves_nothing_to_upload_has_failed(boto: Boto) -> None:
    boto("s3").create_bucket(Bucket="kept")
    spec = {"version": 0.2, "phases": {"build": {"commands": ["true"]}}, "artifacts": {"files": ["*.json"]}}
    build = finish(boto, start(boto, project(boto, json.dumps(spec)), artifactsOverride=ARTIFACTS))
    assert build["buildStatus"] == "FAILED"
    assert phases(build)["BUILD"] == "SUCCEEDED"
    [upload] = [phase for phase in build["phases"] if phase["phaseType"] == "UPLOAD_ARTIFACTS"]
    assert upload["contexts"] == [{"statusCode": "CLIENT_ERROR", "message": "no matching artifact paths found"}]


def test_a_secondary_source_is_a_folder_of_objects_beside_the_source(boto: Boto) -> None:
    boto("s3").create_bucket(Bucket="kept")
    boto("s3").put_object(Bucket="kept", Key="state/deep/manifest.json", Body=b"the state")
    spec = {"version": 0.2, "phases": {"build": {"commands": ['cat "$CODEBUILD_SRC_DIR_state/deep/manifest.json"']}}}
    source = {"type": "S3", "location": "kept/state/", "sourceIdentifier": "state"}
    build = finish(boto, start(boto, project(boto, json.dumps(spec)), secondarySourcesOverride=[source]))
    assert "the state" in log(boto, build)
    missing = {**source, "location": "kept/nowhere/"}
    build = finish(boto, start(boto, project(boto, json.dumps(spec)), secondarySourcesOverride=[missing]))
    assert phases(build)["DOWNLOAD_SOURCE"] == "FAILED"


def test_a_project_with_as_many_builds_as_it_may_have_takes_no_more(boto: Boto) -> None:
    spec = {"version": 0.2, "phases": {"build": {"commands": ["sleep 60"]}}}
    name = project(boto, json.dumps(spec), concurrentBuildLimit=1)
    first = start(boto, name)
    with pytest.raises(boto("codebuild").exceptions.AccountLimitExceededException, match="more than 1 builds"):
        start(boto, name)
    boto("codebuild").stop_build(id=first["id"])
    boto("codebuild").stop_build(id=start(boto, name)["id"])
